package attack

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
)

// bareOrder gives a bare server its words.
type bareOrder struct {
	Subscribe, Authorize, Submit string
}

// bareReport is where it is.
type bareReport struct {
	Error, Address string
}

// serveBare is what Go does by itself: an accept loop, a goroutine and a buffered
// reader a connection, and ready-made lines, each written without a look at what was
// asked. It has one order, and serves until its input ends.
func serveBare(in *json.Decoder, out *json.Encoder) error {
	var o bareOrder
	if err := in.Decode(&o); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return out.Encode(bareReport{Error: err.Error()})
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go o.serve(conn)
		}
	})
	if err := out.Encode(bareReport{Address: l.Addr().String()}); err != nil {
		return err
	}
	err = in.Decode(&o)
	_ = l.Close()
	all.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (o *bareOrder) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	for n := 0; ; n++ {
		if _, err := r.ReadSlice('\n'); err != nil {
			return
		}
		answer := o.Submit
		switch n {
		case 0:
			answer = o.Subscribe
		case 1:
			answer = o.Authorize
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

// learn shakes hands with a proxy and returns its words: what answers a subscribe, and
// what an authorize, up to the first job.
func learn(address string) (o bareOrder, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return o, err
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	k := talk{worker: "farm.bare"}
	var known jobs
	hear := func(say string, enough func() bool) (string, error) {
		var heard strings.Builder
		if _, err := io.WriteString(conn, say); err != nil {
			return "", err
		}
		for !enough() {
			line, err := r.ReadString('\n')
			if err != nil {
				return "", fmt.Errorf("after %q: %w", say, err)
			}
			if _, _, err := k.hear([]byte(line[:len(line)-1]), &known); err != nil {
				return "", err
			}
			heard.WriteString(line)
		}
		return heard.String(), nil
	}
	if o.Subscribe, err = hear(subscribeLine, func() bool { return k.subscribed }); err != nil {
		return o, err
	}
	if o.Authorize, err = hear(authorizeLine(k.worker), k.ready); err != nil {
		return o, err
	}
	o.Submit = `{"id":1000,"result":true,"error":null}` + "\n"
	return o, nil
}
