package listen

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/certs"
)

// BenchmarkHelloFlood measures how long a plain miner's line takes to be answered while
// many connections send a hello each, take our signature (by RSA) and leave, with turns
// and without. The flood runs in the same process, so that both are slower than
// they need be.
//
//	p50-us, p90-us  are of the line and its answer,
//	hellos/s        is what the flood was answered.
func BenchmarkHelloFlood(b *testing.B) {
	const line = "{\"id\":1}\n"
	for name, turns := range map[string]*Handshakes{"turns": NewHandshakes(runtime.GOMAXPROCS(0)/2, nil), "none": nil} {
		b.Run(name, func(b *testing.B) {
			s := newSecured(b)
			cert, key := s.files(certs.RSA)
			addr := runListener(b, New(Config{Address: "127.0.0.1:0", TLS: s.tls(certs.Spec{Cert: cert, Key: key})}, Deps{Serve: here(echo), Handshakes: turns}))
			ctx, cancel := context.WithCancel(b.Context())
			var flood sync.WaitGroup
			var answered atomic.Int64
			hello := helloOf(b)
			for range 64 {
				flood.Go(func() {
					for ctx.Err() == nil {
						if knockAndLeave(ctx, addr, hello) == nil {
							answered.Add(1)
						}
					}
				})
			}
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			took := make([]time.Duration, 0, 100)
			begin := time.Now()
			for range max(b.N, 100) {
				at := time.Now()
				_, _ = io.WriteString(conn, line)
				if _, err := io.ReadFull(conn, make([]byte, len(line))); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(at))
				time.Sleep(5 * time.Millisecond)
			}
			rate := float64(answered.Load()) / time.Since(begin).Seconds()
			cancel()
			flood.Wait()
			_ = conn.Close()
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*9/10].Microseconds()), "p90-us")
			b.ReportMetric(rate, "hellos/s")
		})
	}
}

func knockAndLeave(ctx context.Context, addr string, hello []byte) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}
