package app_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// bareLines are a server's words, each a write: what answers a subscribe,
// what answers an authorize and brings the first job, and what answers a
// submit.
type bareLines struct {
	subscribe, authorize, submit string
	// notify is the job alone.
	notify string
}

// plainLines are words for where no proxy is asked for its own.
func plainLines() bareLines {
	zeros := strings.Repeat("0", 64)
	notify := "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1\",\"" + zeros + "\",\"aa\",\"bb\",[\"" + zeros + "\"],\"20000000\",\"1703a30c\",\"65537f00\",true]}\n"
	return bareLines{
		subscribe: "{\"id\":1,\"result\":[[[\"mining.notify\",\"1\"]],\"00000001\",4],\"error\":null}\n",
		authorize: "{\"id\":2,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1e-9]}\n" + notify,
		submit:    "{\"id\":10000,\"result\":true,\"error\":null}\n",
		notify:    notify,
	}
}

// learn shakes hands with a server and returns its words.
func learn(tb testing.TB, address string) bareLines {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	said := plainLines()
	// The job may come before the answer to the authorize.
	ask := func(line string, all ...string) (answer string) {
		if _, err := conn.Write([]byte(line)); err != nil {
			tb.Fatal(err)
		}
		for !containsAll(answer, all) {
			heard, err := r.ReadString('\n')
			if err != nil {
				tb.Fatalf("after %q: %v", line, err)
			}
			answer += heard
			if strings.Contains(heard, `"method":"mining.notify"`) {
				said.notify = heard
			}
		}
		return answer
	}
	said.subscribe = ask(loadSubscribe, `"id":1,`)
	said.authorize = ask(fmt.Sprintf(loadAuthorize, 99999), `"id":2,`, `"method":"mining.notify"`)
	return said
}

func containsAll(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// serve is how plain Go serves a connection: a goroutine, a bufio.Reader and
// a net.Conn.Write for each line, without a look at it. It returns how many
// lines it answered after the handshake.
func (l bareLines) serve(conn net.Conn) (submits int) {
	defer func() { _ = conn.Close() }()
	subscribe, authorize, submit := []byte(l.subscribe), []byte(l.authorize), []byte(l.submit)
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

// bareServer says a proxy's words as plain Go does and returns its address.
func bareServer(b *testing.B, words bareLines) string {
	b.Helper()
	return serveTCP(b, func(conn net.Conn) { words.serve(conn) })
}

// serverSockets are the descriptors of this process that belong to
// connections accepted at an address.
func serverSockets(tb testing.TB, address string) []int {
	tb.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		tb.Fatal(err)
	}
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	var found []int
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil {
			tb.Fatal(err)
		}
		// A listener has no peer.
		if _, err := unix.Getpeername(fd); err != nil {
			continue
		}
		if at, err := unix.Getsockname(fd); err == nil && portOf(at) == port {
			found = append(found, fd)
		}
	}
	return found
}

func portOf(addr unix.Sockaddr) int {
	switch a := addr.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	default:
		return 0
	}
}

// rawFanout is the least that a fan-out can do: two goroutines that call
// write(2) in a loop.
func rawFanout(sockets []int, line []byte) error {
	var (
		both sync.WaitGroup
		errs [2]error
	)
	half := len(sockets) / 2
	for i, part := range [][]int{sockets[:half], sockets[half:]} {
		both.Go(func() {
			for _, fd := range part {
				if n, errno := rawCall(unix.SYS_WRITE, fd, line); errno != 0 || n != len(line) {
					errs[i] = fmt.Errorf("wrote %d bytes of %d: %w", n, len(line), errno)
				}
			}
		})
	}
	both.Wait()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}
