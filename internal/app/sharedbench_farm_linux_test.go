package app_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/listen"
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
	pool *timedPool
	// addr is where miners connect, http where the API and the page are.
	addr, http string
	load       *loadProcess
}

// newFarm needs descriptors for n miners in one process.
func newFarm(b *testing.B, n int) *farm {
	b.Helper()
	needDescriptors(b, n)
	f := &farm{pool: &timedPool{}}
	addrs := farmProxy(b, farmPool("main", serveTCP(b, f.pool.serve))+farmRoute).Addrs()
	f.addr, f.http = addrs.Miners[0], addrs.HTTP
	f.load = startLoad(b)
	return f
}

// farmPool is the configuration of a pool.
func farmPool(name, addr string) string {
	return fmt.Sprintf("[[pool]]\nname = %q\nurl = %q\nusername = \"ACCOUNT\"\n", name, addr)
}

// farmProxy runs a proxy until the benchmark ends.
func farmProxy(b *testing.B, text string) *app.App {
	b.Helper()
	cfg, problems := config.Load(fmt.Appendf(nil, "data_dir = %q\n[server]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = \"127.0.0.1:0\"\n%s",
		b.TempDir(), text), "bench.toml", config.Options{})
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
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	select {
	case <-a.Started():
	case <-time.After(10 * time.Second):
		b.Fatal("the proxy did not start")
	}
	await(b, "the proxy to be ready", a.Model().Ready)
	return a
}

// needDescriptors skips a benchmark that the limit of open files forbids.
func needDescriptors(b *testing.B, n int) {
	b.Helper()
	// Listeners, pool and files, and what the listener keeps in reserve.
	const besides = 400
	soft, err := listen.RaiseFileLimit()
	if err != nil {
		b.Fatal(err)
	}
	if possible := int(soft) - besides; n > possible {
		b.Skipf("SKIPPED: %d miners need %d open files and the limit is %d (ulimit -Hn); %d miners would be possible",
			n, n+besides, soft, max(0, possible))
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

// timedPool takes whoever comes and everything that is said, and has a new
// job when it is told to.
type timedPool struct {
	// away says that new connections are refused.
	away atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
	jobs  int
}

// announce sends a new block's job on every connection, a miner's size of it:
// 250 bytes of coinbase, 12 branches. It returns the time before the first
// byte left.
func (p *timedPool) announce() (time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs++
	line := p.notify()
	begin := time.Now()
	for _, conn := range p.conns {
		if _, err := conn.Write(line); err != nil {
			return begin, err
		}
	}
	return begin, nil
}

// end closes all connections, with FIN, and returns the time before the first.
func (p *timedPool) end() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	begin := time.Now()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
	return begin
}

// notify renders the present job; p.mu is held. The pool's extranonce is
// twelve bytes of the coinbase.
func (p *timedPool) notify() []byte {
	branch := fmt.Sprintf("%064x", 0xfeed)
	return fmt.Appendf(nil, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"j%d\",\"%064x\",\"%0120x\",\"%0356x\",[\"%s\"],\"20000000\",\"1703a30c\",\"65537f00\",true]}\n",
		p.jobs, p.jobs, p.jobs, 0xcafe, strings.Join(slices.Repeat([]string{branch}, 12), `","`))
}

func (p *timedPool) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	for !p.away.Load() {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if err := p.answer(conn, line); err != nil {
			return
		}
	}
}

func (p *timedPool) answer(conn net.Conn, line []byte) error {
	_, rest, _ := bytes.Cut(line, []byte(`"id":`))
	id, _, _ := bytes.Cut(rest, []byte(","))
	reply := fmt.Appendf(nil, "{\"id\":%s,\"result\":true,\"error\":null}\n", id)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case bytes.Contains(line, []byte("mining.subscribe")):
		reply = fmt.Appendf(nil, "{\"id\":%s,\"result\":[[[\"mining.notify\",\"1\"]],\"aabbccdd\",8],\"error\":null}\n", id)
	case bytes.Contains(line, []byte("mining.configure")):
		reply = fmt.Appendf(nil, "{\"id\":%s,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n", id)
	case bytes.Contains(line, []byte("mining.authorize")):
		reply = append(reply, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1]}\n"...)
		reply = append(reply, p.notify()...)
		p.conns = append(p.conns, conn)
	}
	_, err := conn.Write(reply)
	return err
}

// inUse is what this process has in heaps and stacks after the garbage is
// gone, and what of it is resident.
func inUse(b *testing.B) (heapAndStacks, resident float64) {
	b.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kib float64
	if _, err := fmt.Sscan(string(rest), &kib); err != nil {
		b.Fatal(err)
	}
	return float64(m.HeapInuse + m.StackInuse), kib * 1024
}

// median of what was measured.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// duel gathers rounds of the proxy and the bare thing in turns. The ratio is
// taken within a round, so that what strikes both does not count.
type duel struct{ ours, bare, ratio []float64 }

func (d *duel) round(ours, bare float64) {
	d.ours, d.bare = append(d.ours, ours), append(d.bare, bare)
	d.ratio = append(d.ratio, ours/bare)
}
