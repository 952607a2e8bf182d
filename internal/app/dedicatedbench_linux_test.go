package app_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/load"
	"github.com/loka/stratum/internal/testkit/process"
)

// dedicatedMiners is how many connections there are on each side of a relay.
const dedicatedMiners = 1000

// BenchmarkDedicated measures the product's binary in dedicated mode beside haproxy
// in TCP mode with two threads, which moves bytes and looks at none. Both have the
// same miners, a process of one thread, and the same pool, a process that says yes to
// every share; they take turns on fresh sockets, and so does the pool without a proxy.
// The binary is as it is by default: it reads every line, and writes shares and their
// sums to its store, which is in its CPU time. Where there is no haproxy it is skipped.
//
// In paced 5,000 shares a second are spread over 1,000 miners. A message is a share or
// its verdict, each in and out.
//
//	cpu-us/msg        is the proxy's CPU time for a message,
//	p50-us, p99-us    are a share's way to its verdict,
//	x_cpu, x_p50, …   are these as multiples of haproxy's.
//
// In burst each miner sends 16 shares in one write and waits for their verdicts.
//
//	shares/s          is how many come back,
//	x_burst           is that as a multiple of haproxy's.
//
// What begins with haproxy- and direct- is theirs. All ratios are medians of rounds of
// which each has all of them side by side.
func BenchmarkDedicated(b *testing.B) {
	b.Run("paced", func(b *testing.B) {
		r := newRelays(b)
		r.run(b, "paced 5000 60000", 3) // a round is longer than it is from one writing to the store to the next
		b.ReportMetric(0, "ns/op")
		r.report(b, "cpu-us/msg", "x_cpu", relayRounds.cpu)
		r.report(b, "p50-us", "x_p50", relayRounds.p50)
		r.report(b, "p99-us", "x_p99", relayRounds.p99)
	})
	b.Run("burst", func(b *testing.B) {
		r := newRelays(b)
		r.run(b, "bursts 16 320000", 3)
		b.ReportMetric(0, "ns/op")
		r.report(b, "cpu-us/msg", "x_cpu", relayRounds.cpu)
		r.report(b, "shares/s", "x_burst", relayRounds.rate)
	})
}

// The relays that are compared: none, haproxy, and the proxy.
const (
	direct  = "direct"
	haproxy = "haproxy"
	loka    = "loka"
)

// settles is how long the proxy has shares that are not in its store.
const settles = 11 * time.Second

// relays are what a share can go through to the pool, by name.
type relays struct {
	load   *loadProcess
	addr   map[string]string
	pid    map[string]int
	rounds map[string]relayRounds
}

// relayRound is what one round told: microseconds of CPU time a message, of the whole
// way of half and of 99 of 100 shares, and shares a second.
type relayRound struct{ cpu, p50, p99, rate float64 }

type relayRounds []relayRound

func (r relayRounds) each(of func(relayRound) float64) []float64 {
	all := make([]float64, len(r))
	for i := range r {
		all[i] = of(r[i])
	}
	return all
}

func (r relayRounds) cpu() []float64  { return r.each(func(o relayRound) float64 { return o.cpu }) }
func (r relayRounds) p50() []float64  { return r.each(func(o relayRound) float64 { return o.p50 }) }
func (r relayRounds) p99() []float64  { return r.each(func(o relayRound) float64 { return o.p99 }) }
func (r relayRounds) rate() []float64 { return r.each(func(o relayRound) float64 { return o.rate }) }

func ratios(ours, theirs []float64) []float64 {
	all := make([]float64, len(ours))
	for i := range ours {
		all[i] = ours[i] / theirs[i]
	}
	return all
}

// newRelays starts the pool, haproxy, the proxy and the load.
func newRelays(b *testing.B) *relays {
	b.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		b.Skip("SKIPPED: there is no haproxy to compare with (Debian: apt-get install haproxy)")
	}
	needDescriptors(b, 2*dedicatedMiners)
	pool := startPool(b)
	r := &relays{
		load: startLoad(b), addr: map[string]string{direct: pool}, pid: map[string]int{}, rounds: map[string]relayRounds{},
	}
	r.startHaproxy(b, program, pool)
	built := process.Binary{Root: filepath.Join("..", "..")}
	b.Cleanup(built.Remove)
	bin, err := built.Path()
	if err != nil {
		b.Fatal(err)
	}
	r.startLoka(b, bin, farmPool("main", pool)+dedicated)
	return r
}

func (r *relays) startHaproxy(b *testing.B, program, pool string) {
	b.Helper()
	r.addr[haproxy] = process.FreeLocalPort(b)
	file := filepath.Join(b.TempDir(), "haproxy.cfg")
	text := fmt.Sprintf("global\n nbthread 2\n maxconn 8000\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 10m\n timeout server 10m\n"+
		"listen pool\n bind %s\n server pool %s\n", r.addr[haproxy], pool)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	r.pid[haproxy] = r.start(b, program, "-db", "-f", file)
	await(b, "haproxy to listen", func() bool { return listens(r.addr[haproxy]) })
}

func (r *relays) startLoka(b *testing.B, bin, config string) {
	b.Helper()
	r.addr[loka] = process.FreeLocalPort(b)
	api := process.FreeLocalPort(b)
	file := filepath.Join(b.TempDir(), "loka.toml")
	text := fmt.Sprintf("data_dir = %q\n[server]\nlisten = [%q]\n[http]\nlisten = %q\n%s", b.TempDir(), r.addr[loka], api, config)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	r.pid[loka] = r.start(b, bin, "start", "-c", file)
	await(b, "the proxy to be ready", func() bool {
		answer, err := http.Get("http://" + api + "/ready")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// start starts a program that ends with the benchmark, and returns its number.
func (r *relays) start(b *testing.B, program string, args ...string) int {
	b.Helper()
	said := new(process.Output)
	p, err := process.Start(said, "", program, args...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if p.Ended() {
			b.Errorf("%s ended by itself: %v", program, p.Err())
		}
		_ = p.Stop(10 * time.Second) // haproxy reports the signal as its end
		if b.Failed() {
			b.Log(said.Tail(4000))
		}
	})
	return p.PID()
}

func listens(addr string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// run has a command carried out by each relay in turns. Who is first takes turns, too.
func (r *relays) run(b *testing.B, command string, rounds int) {
	b.Helper()
	names := []string{direct, haproxy, loka}
	for i := range rounds {
		for j := range names {
			r.round(b, names[(i+j)%len(names)], command)
		}
	}
}

func (r *relays) round(b *testing.B, name, command string) {
	b.Helper()
	r.load.do("open %s %d false", r.addr[name], dedicatedMiners)
	r.load.do("closed %d", 5*dedicatedMiners) // this fills caches
	before := r.spent(b, name)
	report := r.load.do("%s", command)
	spent := r.spent(b, name) - before
	r.load.do("close")
	shares := float64(report.Answered)
	o := relayRound{cpu: float64(spent.Nanoseconds()) / 1e3 / (2 * shares), rate: shares / time.Duration(report.Elapsed).Seconds()}
	if n := len(report.Took); n > 0 {
		slices.Sort(report.Took)
		o.p50, o.p99 = float64(report.Took[n/2])/1e3, float64(report.Took[n*99/100])/1e3
	}
	r.rounds[name] = append(r.rounds[name], o)
	time.Sleep(200 * time.Millisecond) // the other side cleans up after the connections
	if name == loka {
		time.Sleep(settles) // else what it writes yet would disturb the next
	}
}

// report reports one figure of all relays, and the ratios.
func (r *relays) report(b *testing.B, unit, ratio string, of func(relayRounds) []float64) {
	b.Helper()
	theirs := of(r.rounds[haproxy])
	b.ReportMetric(load.Median(of(r.rounds[loka])), unit)
	b.ReportMetric(load.Median(ratios(of(r.rounds[loka]), theirs)), ratio)
	for _, other := range []string{haproxy, direct} {
		if all := of(r.rounds[other]); all[0] > 0 {
			b.ReportMetric(load.Median(all), other+"-"+unit)
		}
	}
}

// spent is the time that a relay's threads have been on a processor, to the nanosecond:
// /proc/PID/stat counts hundredths of a second. The pool alone has none.
func (r *relays) spent(b *testing.B, name string) (all time.Duration) {
	b.Helper()
	pid, ok := r.pid[name]
	if !ok {
		return 0
	}
	threads, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "schedstat"))
	if err != nil || len(threads) == 0 {
		b.Fatalf("%s has no threads: %v", name, err)
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended since
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			b.Fatalf("%s says %q", file, text)
		}
		all += time.Duration(ns)
	}
	return all
}

// startPool starts a pool in a process of its own, so that its CPU time is nobody's
// here, and returns its address. It ends with the benchmark.
func startPool(b *testing.B) (addr string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"=pool")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // what it said last is not of interest
	})
	if addr, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatalf("the pool: %v", err)
	}
	return strings.TrimSpace(addr)
}
