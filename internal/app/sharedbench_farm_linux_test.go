package app_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/load"
)

// farmRoute is a route of shared mode at the lowest difficulty there is, where
// a load finds a share in a few hashes; the pool's own is 1, so that nothing is
// sent on.
const farmRoute = `
[vardiff]
fixed = 2e-10
min = 2e-10
[[route]]
name = "farm"
mode = "shared"
pools = ["main"]
max_miners_per_connection = 20000
`

// farm is the proxy before a pool whose jobs the benchmark times, and the
// load that mines there.
type farm struct {
	pool *load.Pool
	// addr is where miners connect, http where the API and the page are.
	addr, http string
	load       *loadProcess
}

// newFarm needs descriptors for n miners in one process; more is configuration.
func newFarm(tb testing.TB, n int, more ...string) *farm {
	tb.Helper()
	needDescriptors(tb, n)
	f := &farm{pool: &load.Pool{}}
	addrs := farmProxy(tb, farmPool("main", serveTCP(tb, f.pool.Serve))+farmRoute+strings.Join(more, "\n")).Addrs()
	f.addr, f.http = addrs.Miners[0], addrs.HTTP
	f.load = startLoad(tb)
	return f
}

// farmPool is the configuration of a pool.
func farmPool(name, addr string) string {
	return fmt.Sprintf("[[pool]]\nname = %q\nurl = %q\nusername = \"ACCOUNT\"\n", name, addr)
}

// farmProxy runs a proxy until the benchmark ends.
func farmProxy(tb testing.TB, text string) *app.App {
	tb.Helper()
	cfg, problems := config.Load(fmt.Appendf(nil, "data_dir = %q\n[server]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = \"127.0.0.1:0\"\n%s",
		tb.TempDir(), text), "bench.toml", config.Options{})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	a, err := app.New(cfg, app.Deps{Version: "bench"})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	select {
	case <-a.Started():
	case <-time.After(10 * time.Second):
		tb.Fatal("the proxy did not start")
	}
	await(tb, "the proxy to be ready", a.Model().Ready)
	return a
}

// needDescriptors skips a benchmark that the limit of open files forbids.
func needDescriptors(tb testing.TB, n int) {
	tb.Helper()
	soft, err := listen.RaiseFileLimit()
	if err != nil {
		tb.Fatal(err)
	}
	if possible := load.Most(soft); n > possible {
		tb.Skipf("SKIPPED: %d miners need more open files than the limit of %d (ulimit -Hn) allows; %d miners would be possible",
			n, soft, possible)
	}
}

// connect has n miners connected at an address with work in hand, and tells
// how long that took.
func (f *farm) connect(addr string, n int, stamped bool) time.Duration {
	return time.Duration(f.load.do("open %s %d %t", addr, n, stamped).Elapsed)
}

// leave ends the load's connections and waits until the other side has ended
// them too.
func (f *farm) leave(b *testing.B, addr string) {
	b.Helper()
	f.load.do("close")
	await(b, "the miners to be gone", func() bool { return len(serverSockets(b, addr)) == 0 })
	time.Sleep(100 * time.Millisecond) // what has no descriptor any more may still be cleaned up after
}

// await polls until cond holds. Its bound is against hanging.
func await(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	for end := time.Now().Add(100 * time.Second); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("waited for %s in vain", what)
		}
	}
}

// loadProcess is a load that fails a test where it fails.
type loadProcess struct {
	*load.Process

	tb testing.TB
}

// startLoad starts a load that ends with the test.
func startLoad(tb testing.TB) *loadProcess {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"=load")
	cmd.Stderr = os.Stderr
	p, err := load.Start(cmd)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return &loadProcess{p, tb}
}

// do has a command carried out.
func (p *loadProcess) do(format string, args ...any) load.Report {
	p.tb.Helper()
	r, err := p.Do(format, args...)
	if err != nil {
		p.tb.Fatal(err)
	}
	return r
}

// measure has shares sent, and adds what one costs.
func (p *loadProcess) measure(c *load.Cost, command string) {
	p.tb.Helper()
	if _, err := c.Measure(p.Process, command); err != nil {
		p.tb.Fatal(err)
	}
}

// renew gives all miners a new job.
func (f *farm) renew() {
	f.load.tb.Helper()
	if _, err := f.load.Received(func() (time.Time, error) { return f.pool.Announce(), nil }); err != nil {
		f.load.tb.Fatal(err)
	}
}

// bareServer says a proxy's words as plain Go does and returns its address.
func bareServer(b *testing.B, proxy string) string {
	b.Helper()
	words, err := load.Learn(b.Context(), proxy, 99999)
	if err != nil {
		b.Fatal(err)
	}
	return serveTCP(b, func(conn net.Conn) { words.Serve(conn) })
}

// serverSockets are the descriptors of connections accepted at an address.
func serverSockets(tb testing.TB, address string) []int {
	tb.Helper()
	found, err := load.Sockets(address)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// duelFanout has a line written to n miners by send and by a bare loop in turns, and
// reports both ways of looking at that; ready is called before each round.
func (f *farm) duelFanout(b *testing.B, n, rounds int, ready func(), send func() time.Time) (notify string) {
	b.Helper()
	sockets := serverSockets(b, f.addr)
	if len(sockets) != n {
		b.Fatalf("%d sockets of %d miners found", len(sockets), n)
	}
	ours := func() (time.Time, error) { return send(), nil }
	bare := func() (time.Time, error) {
		begin := time.Now()
		return begin, load.WriteAll(sockets, []byte(notify))
	}
	b.ReportMetric(0, "ns/op")
	for _, way := range []struct {
		name string
		look func(func() (time.Time, error)) (load.Fanout, error)
	}{
		{"written", func(send func() (time.Time, error)) (load.Fanout, error) { return f.load.Written(load.Rest(n), send) }},
		{"received", f.load.Received},
	} {
		measure := func(send func() (time.Time, error)) float64 {
			seen, err := way.look(send)
			if err != nil {
				b.Fatal(err)
			}
			if seen.Line != "" {
				notify = seen.Line
			}
			return seen.Last().Seconds() * 1e3
		}
		var d load.Duel
		for range rounds {
			ready()
			first := measure(ours) // before the bare loop, which needs the line
			d.Round(first, measure(bare))
		}
		b.ReportMetric(load.Median(d.Ours), way.name+"-ms")
		b.ReportMetric(load.Median(d.Bare), "bare-"+way.name+"-ms")
		b.ReportMetric(load.Median(d.Ratio), "x_"+way.name)
	}
	return notify
}

// inUse is what this process has in heaps and stacks, and what is resident.
func inUse(b *testing.B) (heapAndStacks, resident float64) {
	b.Helper()
	heapAndStacks, resident, err := load.Memory()
	if err != nil {
		b.Fatal(err)
	}
	return heapAndStacks, resident
}
