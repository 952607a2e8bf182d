package listen

import (
	"context"
	"net"
	"testing"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
)

// BenchmarkAccept measures a connection from its dial to its end: accepted by a bare
// loop with a goroutine each, by a listener before a door, and refused by its list. All
// the sockets' work is in it, which is most.
func BenchmarkAccept(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		ln, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = ln.Close() }()
		go func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = conn.Read(make([]byte, 12))
					abort(conn)
				}()
			}
		}()
		visits(b, ln.Addr().String())
	})
	for name, cfg := range map[string]guard.Config{
		"door":    {MaxConnections: 100_000, StartsPerSecond: 1_000_000, StrangersMemory: 512 << 20},
		"refused": {Mode: guard.Allow},
	} {
		b.Run(name, func(b *testing.B) {
			l := New(Config{Address: "127.0.0.1:0", StrangerCost: 36 << 10}, Deps{
				Gate: NewGate(guard.New(cfg, guard.Deps{})),
				Serve: func(_ context.Context, conn net.Conn, _ []byte, _ mining.Arrival, gone func()) {
					abort(conn)
					gone()
				},
			})
			if err := l.Listen(b.Context()); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- l.Run(ctx) }()
			visits(b, l.Addr().String())
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}

// visits connects b.N times, says something and waits for the end.
func visits(b *testing.B, addr string) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		var d net.Dialer
		conn, err := d.DialContext(b.Context(), "tcp", addr)
		if err != nil {
			continue // refused so fast
		}
		_, _ = conn.Write([]byte("{}\n"))
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	b.StopTimer()
}
