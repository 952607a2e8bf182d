package app_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/load"
)

const benchMiners = 1000

// BenchmarkThousandMiners measures the CPU time of a share's walk from a
// miner through the proxy to a pool and of the verdict's way back, with 1,000
// dedicated miners, each with one share on its way. The same miners and the
// same pool are measured without a proxy and with a relay that copies lines
// without looking at them, so that
//
//	cpu-us/msg   is the proxy's own CPU time for one message (a share or its
//	             verdict, in and out),
//	x_relay      is that as a multiple of the bare relay's.
func BenchmarkThousandMiners(b *testing.B) {
	pool := acceptAll(b)
	direct, directAllocs := submitAll(b, pool)
	relay, _ := submitAll(b, lineRelay(b, pool))
	proxy, allocs := submitAll(b, proxied(b, pool))
	relay, proxy = relay-direct, proxy-direct
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(proxy.Nanoseconds())/2e3, "cpu-us/msg")
	b.ReportMetric(float64(relay.Nanoseconds())/2e3, "relay-cpu-us/msg")
	b.ReportMetric(float64(proxy)/float64(relay), "x_relay")
	b.ReportMetric(allocs-directAllocs, "allocs/share")
}

// submitAll connects the miners to an address and returns the whole process's CPU
// time and allocations for one share and its verdict.
func submitAll(b *testing.B, address string) (cpu time.Duration, allocs float64) {
	b.Helper()
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	each := max(b.N/benchMiners, 20)
	for i := range benchMiners {
		ready.Add(1)
		done.Go(func() {
			if err := submitter(address, i, each, &ready, begin); err != nil {
				b.Error(err)
			}
		})
	}
	ready.Wait()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	mallocs, before := m.Mallocs, load.CPUTime()
	close(begin)
	done.Wait()
	cpu = (load.CPUTime() - before) / time.Duration(each*benchMiners)
	runtime.ReadMemStats(&m)
	return cpu, float64(m.Mallocs-mallocs) / float64(each*benchMiners)
}

// submitter is one miner: it shakes hands, then hands in shares, one at a
// time.
func submitter(address string, i, shares int, ready *sync.WaitGroup, begin <-chan struct{}) error {
	arrived := sync.OnceFunc(ready.Done)
	defer arrived()
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	say := func(line string) error {
		_, err := conn.Write([]byte(line))
		return err
	}
	if err := say(fmt.Sprintf("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"w%d\",\"x\"]}\n", i)); err != nil {
		return err
	}
	job := ""
	for job == "" {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("miner %d waits for work: %w", i, err)
		}
		if _, rest, ok := bytes.Cut([]byte(line), []byte(`"mining.notify","params":["`)); ok {
			name, _, _ := bytes.Cut(rest, []byte(`"`))
			job = string(name)
		}
	}
	arrived()
	<-begin
	for n := range shares {
		if err := say(fmt.Sprintf("{\"id\":%d,\"method\":\"mining.submit\",\"params\":[\"w%d\",%q,\"00000001\",\"65537f00\",\"%08x\"]}\n", n+3, i, job, n)); err != nil {
			return err
		}
		for answered := false; !answered; {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return fmt.Errorf("miner %d waits for a verdict: %w", i, err)
			}
			answered = !bytes.Contains(line, []byte("mining."))
			if answered && !bytes.Contains(line, []byte("true")) {
				return fmt.Errorf("miner %d was told %s", i, line)
			}
		}
	}
	return nil
}

// acceptAll is a pool that accepts every share without a look at it.
func acceptAll(b *testing.B) string {
	b.Helper()
	const job = "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1024]}\n" +
		"{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"j1\",\"0000000000000000000000000000000000000000000000000000000000000000\",\"aa\",\"bb\",[],\"20000000\",\"1703a30c\",\"65537f00\",true]}\n"
	return serveTCP(b, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			_, rest, _ := bytes.Cut(line, []byte(`"id":`))
			id, _, _ := bytes.Cut(rest, []byte(","))
			reply := fmt.Appendf(nil, "{\"id\":%s,\"result\":true,\"error\":null}\n", id)
			switch {
			case bytes.Contains(line, []byte("mining.subscribe")):
				reply = fmt.Appendf(nil, "{\"id\":%s,\"result\":[[[\"mining.notify\",\"1\"]],\"aabbccdd\",8],\"error\":null}\n", id)
			case bytes.Contains(line, []byte("mining.configure")):
				reply = fmt.Appendf(nil, "{\"id\":%s,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n", id)
			case bytes.Contains(line, []byte("mining.authorize")):
				reply = append(reply, job...)
			}
			if _, err := conn.Write(reply); err != nil {
				return
			}
		}
	})
}

// lineRelay is the least that a relay of lines can do: a goroutine a
// direction, a buffered line read, a write.
func lineRelay(b *testing.B, pool string) string {
	b.Helper()
	return serveTCP(b, func(down net.Conn) {
		up, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", pool)
		if err != nil {
			return
		}
		var both sync.WaitGroup
		pipe := func(from, to net.Conn) {
			r := bufio.NewReader(from)
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					break
				}
				if _, err := to.Write(line); err != nil {
					break
				}
			}
			_, _ = from.Close(), to.Close()
		}
		both.Go(func() { pipe(up, down) })
		pipe(down, up)
		both.Wait()
	})
}

// proxied runs the proxy before the pool.
func proxied(b *testing.B, pool string) string {
	b.Helper()
	cfg, problems := config.Load(fmt.Appendf(nil, "data_dir = %q\n[server]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = \"127.0.0.1:0\"\n"+
		"[[pool]]\nname = \"main\"\nurl = %q\nusername = \"ACCOUNT\"\n"+dedicated, b.TempDir(), pool), "bench.toml", config.Options{})
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	a, err := app.New(cfg, app.Deps{Version: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	<-a.Started()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	for !a.Model().Ready() {
		time.Sleep(10 * time.Millisecond)
	}
	return a.Addrs().Miners[0]
}
