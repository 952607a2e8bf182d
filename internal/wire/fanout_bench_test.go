package wire

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

const (
	fanoutConns   = 1000
	fanoutSenders = 2
)

// target is one connection of the fan-out and its descriptor.
type target struct {
	conn *Conn
	fd   uintptr
	peer *net.TCPConn
}

func newTargets(b *testing.B, cfg Config) []target {
	b.Helper()
	ln := listenTCP(b)
	targets := make([]target, 0, fanoutConns)
	for range fanoutConns {
		peer := dialTCP(b, ln)
		near, err := ln.Accept()
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = peer.Close() })
		t := target{conn: New(near, nil, &cfg), peer: peer}
		if t.conn.raw == nil {
			b.Skip("this platform takes the ordinary way")
		}
		_ = t.conn.raw.Control(func(fd uintptr) { t.fd = fd })
		go t.conn.Run(b.Context(), &script{})
		targets = append(targets, t)
	}
	time.Sleep(100 * time.Millisecond) // all of them wait in the poller
	return targets
}

// fanout does something for every target, by two goroutines, and returns how
// long that took.
func fanout(targets []target, each func(t *target)) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	for s := range fanoutSenders {
		wg.Go(func() {
			for i := s; i < len(targets); i += fanoutSenders {
				each(&targets[i])
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

// BenchmarkFanout sends a job of 1,500 bytes to 1,000 connections by two
// goroutines, alone and behind a difficulty, through wire and by write(2) of
// the same bytes to the same sockets, in turns. The peers drain between.
func BenchmarkFanout(b *testing.B) {
	job := Frame{Class: Update, Data: append(bytes.Repeat([]byte{'j'}, 1499), '\n')}
	difficulty := Frame{Class: Setting, Key: 1, Data: []byte(`{"id":null,"method":"mining.set_difficulty","params":[16384]}` + "\n")}
	b.Run("job", func(b *testing.B) {
		benchFanout(b, job.Data, func(c *Conn) { c.Send(job) })
	})
	b.Run("difficulty and job", func(b *testing.B) {
		both := append(bytes.Clone(difficulty.Data), job.Data...)
		benchFanout(b, both, func(c *Conn) { c.Send(difficulty, job) })
	})
}

func benchFanout(b *testing.B, data []byte, send func(c *Conn)) {
	b.Helper()
	targets := newTargets(b, Config{})
	buf := make([]byte, len(data))
	ways := []func(t *target){
		func(t *target) { send(t.conn) },
		func(t *target) {
			if n, errno := rawWrite(t.fd, data); n != len(data) || errno != 0 {
				b.Errorf("wrote %d bytes: %v", n, errno)
			}
		},
	}
	var spent [2]time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	rounds := 0
	for b.Loop() {
		for i, way := range ways {
			spent[i] += fanout(targets, way)
			for _, t := range targets {
				if _, err := io.ReadFull(t.peer, buf); err != nil {
					b.Fatal(err)
				}
			}
		}
		rounds++
	}
	n := float64(rounds * fanoutConns)
	b.ReportMetric(float64(spent[0])/n*fanoutSenders, "wire-ns/send")
	b.ReportMetric(float64(spent[1])/n*fanoutSenders, "write-ns/send")
	b.ReportMetric(float64(spent[0])/float64(spent[1]), "times-write")
}
