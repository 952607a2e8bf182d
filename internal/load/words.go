package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// patience bounds each thing that a load is told to do, and each answer to it.
const patience = time.Minute

// What a miner says before it submits: the first two lines, the second with its number.
const (
	subscribeLine = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"bench/1\"]}\n"
	authorizeLine = "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"farm.w%05d\",\"x\"]}\n"
)

// Greeting is what the miner of a number says first: a subscribe and an authorize.
func Greeting(number int) string { return subscribeLine + fmt.Sprintf(authorizeLine, number) }

// Words are a server's words, each a write: what answers a subscribe,
// what answers an authorize and brings the first job, and what answers a
// submit.
type Words struct {
	Subscribe, Authorize, Submit string
	// Notify is the job alone.
	Notify string
}

// PlainWords are words for where no proxy is asked for its own.
func PlainWords() Words {
	zeros := strings.Repeat("0", 64)
	notify := "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1\",\"" + zeros + "\",\"aa\",\"bb\",[\"" + zeros + "\"],\"20000000\",\"1703a30c\",\"65537f00\",true]}\n"
	return Words{
		Subscribe: "{\"id\":1,\"result\":[[[\"mining.notify\",\"1\"]],\"00000001\",4],\"error\":null}\n",
		Authorize: "{\"id\":2,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1e-9]}\n" + notify,
		Submit:    "{\"id\":10000,\"result\":true,\"error\":null}\n",
		Notify:    notify,
	}
}

// Learn shakes hands with a server, as a miner of a number, and returns its words.
func Learn(ctx context.Context, address string, number int) (Words, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return Words{}, fmt.Errorf("learn a server's words: %w", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(conn)
	said := PlainWords()
	// The job may come before the answer to the authorize.
	ask := func(line string, all ...string) (answer string, err error) {
		if _, err := conn.Write([]byte(line)); err != nil {
			return "", fmt.Errorf("say %q: %w", line, err)
		}
		for !containsAll(answer, all) {
			heard, err := r.ReadString('\n')
			if err != nil {
				return "", fmt.Errorf("after %q: %w", line, err)
			}
			answer += heard
			if strings.Contains(heard, `"method":"mining.notify"`) {
				said.Notify = heard
			}
		}
		return answer, nil
	}
	if said.Subscribe, err = ask(subscribeLine, `"id":1,`); err != nil {
		return Words{}, err
	}
	said.Authorize, err = ask(fmt.Sprintf(authorizeLine, number), `"id":2,`, `"method":"mining.notify"`)
	return said, err
}

func containsAll(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// Serve is how plain Go serves a connection: a goroutine, a bufio.Reader and
// a net.Conn.Write for each line, without a look at it. It returns how many
// lines it answered after the handshake.
func (w Words) Serve(conn net.Conn) (submits int) {
	defer func() { _ = conn.Close() }()
	subscribe, authorize, submit := []byte(w.Subscribe), []byte(w.Authorize), []byte(w.Submit)
	r := bufio.NewReader(conn)
	for _, answer := range [][]byte{subscribe, authorize} {
		if _, err := r.ReadSlice('\n'); err != nil {
			return 0
		}
		if _, err := conn.Write(answer); err != nil {
			return 0
		}
	}
	for {
		if _, err := r.ReadSlice('\n'); err != nil {
			return submits
		}
		if _, err := conn.Write(submit); err != nil {
			return submits
		}
		submits++
	}
}
