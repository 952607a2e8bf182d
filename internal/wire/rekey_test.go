package wire

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// newRekeyer is a TLS connection of ours to a peer that asks for new keys.
func newRekeyer(t *testing.T) (near net.Conn, far *testkit.Rekeyer) {
	t.Helper()
	ours, theirs := tcpPair(t)
	server := tls.Server(wrapped{ours}, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS13})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(t.Context()) }()
	far, err := testkit.NewRekeyer(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return server, far
}

// flood asks for new keys until nobody takes it any more, and reads nothing. A line in
// between, which is empty, makes it no flood in the eyes of package tls.
func flood(r *testkit.Rekeyer) {
	for {
		batch := make([]byte, 0, 8<<10)
		for range 20 {
			batch = append(batch, r.Data("\n")...)
			for range 10 {
				batch = append(batch, r.Ask()...)
			}
		}
		_ = r.Conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := r.Conn.Write(batch); err != nil {
			return
		}
	}
}

// A TLS peer that has us write what it does not read, as the answers to its requests for
// new keys are, ends all the same: when its time is over, when it is closed, and when it
// is cut off. So it does where something of ours waits for it, too.
func TestWritesOfAReadEnd(t *testing.T) {
	for name, end := range map[string]func(c *Conn){
		"time":       nil,
		"close":      func(c *Conn) { c.Close(mining.Banned) },
		"cut":        func(c *Conn) { c.Cut(mining.Banned) },
		"slow close": func(c *Conn) { c.Send(reply("hello\n")); c.Close(mining.Banned) },
		"slow cut":   func(c *Conn) { c.Send(reply("hello\n")); c.Cut(mining.Banned) },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := newRekeyer(t)
			defer func() { _ = far.Conn.Close() }()
			s, cfg := &script{}, &Config{SocketBuffer: 8 << 10, DrainTimeout: 200 * time.Millisecond, MaxQueueAge: 200 * time.Millisecond}
			if end == nil {
				until := time.Now().Add(time.Second)
				s.tick = func(now time.Time) (mining.Reason, time.Time) {
					if now.Before(until) {
						return "", until
					}
					return mining.Banned, until
				}
			}
			c := New(near, nil, cfg)
			c.Send(reply("welcome\n")) // and once it has left there are the same bounds
			ended := make(chan mining.Reason, 1)
			go func() { ended <- c.Run(t.Context(), s) }()
			flood(far)
			if end != nil {
				end(c)
			}
			select {
			case reason := <-ended:
				if reason != mining.Banned && end != nil { // in time it is the write that ends it
					t.Errorf("it ended as %s", reason)
				}
			case <-time.After(20 * time.Second):
				t.Error("it is still there")
			}
		})
	}
}
