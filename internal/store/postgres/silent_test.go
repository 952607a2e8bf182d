package postgres_test

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSilentServer: a server that says nothing any more, and whose connections stay, is
// let go of soon.
func TestSilentServer(t *testing.T) {
	u, err := url.Parse(servers.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var silent atomic.Bool
	var mu sync.Mutex
	var all []net.Conn
	var works sync.WaitGroup
	target := u.Host
	pipe := func(to, from net.Conn) {
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				if !silent.Load() {
					_ = to.Close()
				}
				return
			}
			if silent.Load() {
				continue
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	works.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", target)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			all = append(all, c, s)
			mu.Unlock()
			works.Go(func() { pipe(c, s) })
			works.Go(func() { pipe(s, c) })
		}
	})
	defer func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range all {
			_ = c.Close()
		}
		mu.Unlock()
		works.Wait()
	}()
	u.Host = l.Addr().String()
	s := open(t, u.String())
	if err := s.Apply(t.Context(), chunk("a", 1, noon())); err != nil {
		t.Fatal(err)
	}
	silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if err := s.Apply(ctx, chunk("a", 2, noon())); err == nil {
		t.Error("a silent server took a chunk")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a call of one second took %v", took)
	}
	began = time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("letting go took %v", took)
	}
}
