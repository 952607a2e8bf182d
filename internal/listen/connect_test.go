package listen

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/turns"
)

func TestParseConnect(t *testing.T) {
	for head, want := range map[string]struct{ target, route string }{
		"CONNECT pool.example.com:3333 HTTP/1.1\r\n\r\n":                            {"pool.example.com:3333", ""},
		"CONNECT pool.example.com:3333 HTTP/1.0\r\n\r\n":                            {"pool.example.com:3333", ""},
		"CONNECT pool.example.com:3333 HTTP/1.1\n\n":                                {"pool.example.com:3333", ""},
		"CONNECT Pool.Example.COM.:03333 HTTP/1.1\r\nhost: x\r\n\r\n":               {"pool.example.com:3333", ""},
		"CONNECT pool.example.com:3333/farm HTTP/1.1\r\n\r\n":                       {"pool.example.com:3333", "farm"},
		"CONNECT pool.example.com:3333/ HTTP/1.1\r\n\r\n":                           {"pool.example.com:3333", ""},
		"CONNECT pool.example.com:3333/a/b HTTP/1.1\r\n\r\n":                        {"pool.example.com:3333", "a/b"},
		"CONNECT http://pool.example.com:3333/farm HTTP/1.1\r\n\r\n":                {"pool.example.com:3333", "farm"},
		"CONNECT stratum+tcp://pool.example.com:3333 HTTP/1.1\r\n\r\n":              {"pool.example.com:3333", ""},
		"CONNECT 192.0.2.1:3333 HTTP/1.1\r\n\r\n":                                   {"192.0.2.1:3333", ""},
		"CONNECT [2001:DB8:0::1]:3333 HTTP/1.1\r\n\r\n":                             {"[2001:db8::1]:3333", ""},
		"CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nProxy-Connection: keep-alive\r\n\r\n": {"h:1", ""},
		"CONNECT h:1 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n":           {"h:1", ""},
		"CONNECT h:1 HTTP/1.1\r\nuser-agent:\tcgminer 4.10 \xff\r\n\r\n":            {"h:1", ""},
		"CONNECT h:1/" + strings.Repeat("r", 200) + " HTTP/1.1\r\n\r\n":             {"h:1", strings.Repeat("r", maxRoute)},
	} {
		target, route, ok := parseConnect(head)
		if !ok || target != want.target || route != want.route {
			t.Errorf("%q: %q, %q, %t", head, target, route, ok)
		}
	}
	for _, head := range []string{
		"CONNECT pool.example.com HTTP/1.1\r\n\r\n",
		"CONNECT pool.example.com: HTTP/1.1\r\n\r\n",
		"CONNECT pool.example.com:0 HTTP/1.1\r\n\r\n",
		"CONNECT pool.example.com:65536 HTTP/1.1\r\n\r\n",
		"CONNECT pool.example.com:+80 HTTP/1.1\r\n\r\n",
		"CONNECT :3333 HTTP/1.1\r\n\r\n",
		"CONNECT .:3333 HTTP/1.1\r\n\r\n",
		"CONNECT 2001:db8::1:3333 HTTP/1.1\r\n\r\n",
		"CONNECT [192.0.2.1]:3333 HTTP/1.1\r\n\r\n",
		"CONNECT [fe80::1%eth0]:3333 HTTP/1.1\r\n\r\n",
		"CONNECT user:pass@h:1 HTTP/1.1\r\n\r\n",
		"CONNECT " + strings.Repeat("a", 254) + ":1 HTTP/1.1\r\n\r\n",
		"CONNECT h:1\r\n\r\n",
		"CONNECT h:1 HTTP/2.0\r\n\r\n",
		"CONNECT h:1 http/1.1\r\n\r\n",
		"CONNECT  h:1 HTTP/1.1\r\n\r\n",
		"CONNECT h:1  HTTP/1.1\r\n\r\n",
		"CONNECT h:1 x HTTP/1.1\r\n\r\n",
		"CONNECT h:1/\x7f HTTP/1.1\r\n\r\n",
		"CONNECT h\x00:1 HTTP/1.1\r\n\r\n",
		"CONNECT / HTTP/1.1\r\n\r\n",
		"CONNECT * HTTP/1.1\r\n\r\n",
		"CONNECT h:1 HTTP/1.1\r\nno colon\r\n\r\n",
		"CONNECT h:1 HTTP/1.1\r\n: no name\r\n\r\n",
		"CONNECT h:1 HTTP/1.1\r\nA: b\r\n goes: on\r\n\r\n",
		"CONNECT h:1 HTTP/1.1\r\nA: \x00\r\n\r\n",
		"GET h:1 HTTP/1.1\r\n\r\n",
	} {
		if target, route, ok := parseConnect(head); ok || target != "" || route != "" {
			t.Errorf("%q: %q, %q, %t", head, target, route, ok)
		}
	}
}

// scripted is a connection that brings its chunks one after the other and then
// its end, and keeps what is written.
type scripted struct {
	net.Conn

	chunks  [][]byte
	written bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error) {
	if len(s.chunks) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.chunks[0])
	if s.chunks[0] = s.chunks[0][n:]; len(s.chunks[0]) == 0 {
		s.chunks = s.chunks[1:]
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) { return s.written.Write(p) }

// Whatever comes in whatever pieces: it is bounded, what is granted has a target
// in its one form, and what came after the request is all there.
func FuzzConnect(f *testing.F) {
	for _, text := range []string{
		"CONNECT h:1 HTTP/1.1\r\n\r\n{\"id\":1}\n", "CONNECT [::1]:1/r HTTP/1.0\nA: b\n\n", "CONNECT ", "CONNECT h:1 HTTP/1.1\r\n",
	} {
		f.Add([]byte(text), uint16(7))
		f.Add([]byte(text), uint16(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		text = append([]byte(connectMethod), text...)
		v := &visit{opening: &opening{}}
		conn := &scripted{}
		for at := 0; at < len(text); at += int(size) + 1 {
			conn.chunks = append(conn.chunks, text[at:min(len(text), at+int(size)+1)])
		}
		v.conn = conn
		reason := v.tunnel(t.Context(), func(a mining.Arrival) mining.Reason {
			if again, ok := steer.Target(a.Connect); !ok || again != a.Connect {
				t.Errorf("target %q is %q, %t", a.Connect, again, ok)
			}
			if len(a.ConnectRoute) > maxRoute {
				t.Errorf("a route of %d bytes", len(a.ConnectRoute))
			}
			return ""
		})
		end, _ := headEnd(text, 0)
		left := bytes.Join(conn.chunks, nil)
		switch {
		case len(v.have) > maxHead:
			t.Errorf("%d bytes are kept", len(v.have))
		case reason == "" && (conn.written.String() != established || !bytes.Equal(append(v.have, left...), text[end:])):
			t.Errorf("%q: kept %q, left %q, said %q", text, v.have, left, &conn.written)
		case reason != "" && conn.written.Len() > 0:
			t.Errorf("%s, and was told %q", reason, &conn.written)
		case reason == mining.PeerClosed && (end >= 0 || len(text) >= maxHead):
			t.Errorf("%q: the end of the request was not seen", text)
		}
	})
}

// handedOn is what a listener hands on.
type handedOn struct {
	arrival mining.Arrival
	preread string
}

// A granted CONNECT is handed on with its target and all that came after it.
func TestConnect(t *testing.T) {
	asked := make(chan mining.Arrival, 10)
	served := make(chan handedOn, 10)
	addr := start(t, Config{}, Deps{
		Tunnel: func(a mining.Arrival) mining.Reason { asked <- a; return "" },
		Serve: func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
			served <- handedOn{a, string(preread)}
			defer gone()
			echo(ctx, conn, preread)
		},
	})
	const request = "CONNECT Pool.example.com:3333/farm HTTP/1.1\r\nHost: pool.example.com:3333\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
	line := "{\"id\":1,\"method\":\"mining.subscribe\"}\n"
	for name, talk := range map[string]func(conn net.Conn){
		"waits for the answer": func(conn net.Conn) {
			say(t, conn, request)
			hear(t, conn, established)
			say(t, conn, line)
		},
		"does not wait": func(conn net.Conn) {
			say(t, conn, request+line)
			hear(t, conn, established)
		},
		"byte by byte": func(conn net.Conn) {
			for i := range request {
				say(t, conn, request[i:i+1])
			}
			hear(t, conn, established)
			say(t, conn, line)
		},
	} {
		conn := dial(t, addr)
		talk(conn)
		hear(t, conn, line)
		local := netip.MustParseAddrPort(conn.LocalAddr().String())
		want := mining.Arrival{Listener: "127.0.0.1:0", Remote: local, Connect: "pool.example.com:3333", ConnectRoute: "farm"}
		if got := <-asked; got != want {
			t.Errorf("%s: asked for %+v", name, got)
		}
		got := <-served
		if got.arrival != want {
			t.Errorf("%s: handed on as %+v", name, got.arrival)
		}
		if got.preread == "" || !strings.HasPrefix(line, got.preread) {
			t.Errorf("%s: preread %q", name, got.preread)
		}
	}
}

// Each refusal has its status, says why in its body, is counted and ends the
// connection; nothing is handed on.
func TestConnectRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		answer  mining.Reason
		want    mining.Reason
		status  int
		body    string
	}{
		"malformed":     {"CONNECT pool.example.com HTTP/1.1\r\n\r\n", "", mining.ConnectMalformed, 400, "HOST:PORT"},
		"too long":      {"CONNECT h:1 HTTP/1.1\r\nA: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", "", mining.ConnectMalformed, 400, "HOST:PORT"},
		"never ends":    {"CONNECT h:1 HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 2000), "", mining.ConnectMalformed, 400, "HOST:PORT"},
		"no pool":       {"CONNECT h:1 HTTP/1.1\r\n\r\n", mining.ConnectForbidden, mining.ConnectForbidden, 403, "no pool"},
		"with a body":   {"CONNECT h:1 HTTP/1.1\r\n\r\n" + strings.Repeat("x", 30<<10), mining.ConnectForbidden, mining.ConnectForbidden, 403, "no pool"},
		"no route":      {"CONNECT h:1/r HTTP/1.0\r\n\r\n", mining.ConnectNoRoute, mining.ConnectNoRoute, 404, "no route"},
		"pools away":    {"CONNECT h:1 HTTP/1.1\r\n\r\n", mining.ConnectNoPool, mining.ConnectNoPool, 502, "No pool"},
		"another one":   {"CONNECT h:1 HTTP/1.1\r\n\r\nCONNECT h:1 HTTP/1.1\r\n\r\n", "", mining.HTTPRequest, 400, "Stratum"},
		"then a GET":    {"CONNECT h:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "", mining.HTTPRequest, 400, "Stratum"},
		"then nonsense": {"CONNECT h:1 HTTP/1.1\r\n\r\nnonsense", "", mining.UnknownProtocol, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			counts := newTally()
			addr := start(t, Config{}, Deps{
				Metrics: counts.metrics(), Serve: never(t), Tunnel: func(mining.Arrival) mining.Reason { return tt.answer },
			})
			conn := dial(t, addr)
			say(t, conn, tt.request)
			if got := counts.next(); got != tt.want {
				t.Errorf("refused as %s, want %s", got, tt.want)
			}
			reader := bufio.NewReader(conn)
			if tt.answer == "" && tt.want != mining.ConnectMalformed {
				if _, err := reader.Discard(len(established)); err != nil {
					t.Fatal(err)
				}
			}
			if tt.status == 0 {
				if _, err := reader.ReadByte(); err == nil {
					t.Error("the connection is open")
				}
				return
			}
			resp, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.body) || err != nil || !resp.Close ||
				!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s, %v, %q, %v", resp.Status, resp.Header, body, err)
			}
			if _, err := reader.ReadByte(); err != io.EOF {
				t.Errorf("after the answer: %v", err)
			}
		})
	}
}

// Who does not take the answer to its CONNECT has no turn meanwhile: others connect.
func TestConnectTurnIsNotHeldByWriting(t *testing.T) {
	ours, theirs := net.Pipe()
	slow := nobodyReads{ours, make(chan struct{}), make(chan struct{})}
	of := turns.New(1, time.Now)
	v := &visit{opening: &opening{conn: slow, turns: of, have: []byte("CONNECT h:1 HTTP/1.1\r\n\r\n")}}
	done := make(chan mining.Reason, 1)
	go func() {
		v.takeTurn()
		done <- v.tunnel(t.Context(), func(mining.Arrival) mining.Reason { return "" })
	}()
	<-slow.writing
	if turn, free := of.Try(turns.Accept); !free {
		t.Error("it holds the turn while it waits for who takes nothing")
	} else {
		turn.Give()
	}
	close(slow.release)
	hear(t, theirs, established)
	if got := <-done; got != "" {
		t.Errorf("it is refused: %s", got)
	}
	if !v.turn.Held() {
		t.Error("it goes on without a turn")
	}
	v.turn.Give()
}

// A CONNECT that does not end is closed in time, and so is one after which
// nothing comes.
func TestConnectInTime(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"CONNECT h:1 HTT", "CONNECT h:1 HTTP/1.1\r\nA: b\r\n", "CONNECT h:1 HTTP/1.1\r\n\r\n", "CONNECT h:1 HTTP/1.1\r\n\r\nCONN"} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			counts := newTally()
			addr := start(t, Config{HandshakeTimeout: heardWithin}, Deps{
				Metrics: counts.metrics(), Serve: never(t), Tunnel: func(mining.Arrival) mining.Reason { return "" },
			})
			say(t, dial(t, addr), text)
			if got := counts.next(); got != mining.HandshakeTimeout {
				t.Errorf("%q: refused as %s", text, got)
			}
		})
	}
}

// The log of a refused CONNECT says what was asked for, once a minute aloud, and
// nothing that a client may have sent as a secret.
func TestConnectIsLogged(t *testing.T) {
	var log bytes.Buffer
	counts := newTally()
	l := New(Config{Address: "127.0.0.1:0"}, Deps{
		Metrics: counts.metrics(), Serve: never(t), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Tunnel: func(mining.Arrival) mining.Reason { return mining.ConnectForbidden },
	})
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	for range 3 {
		say(t, dial(t, l.Addr().String()), "CONNECT H:1/secretive HTTP/1.1\r\nProxy-Authorization: Basic c2VjcmV0\r\n\r\n")
		counts.next()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if strings.Count(text, "connect=h:1") != 1 || !strings.Contains(text, "reason=connect_forbidden") ||
		!strings.Contains(text, "connect_route=secretive") || strings.Contains(text, "c2VjcmV0") {
		t.Errorf("logged:\n%s", text)
	}
}
