package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/load"
)

const (
	// soakMiners each hand a share in every soakShare, and go and come again after soakStay,
	// on the average: three times the shares of the default rate.
	soakMiners          = 5000
	soakShare, soakStay = 3 * time.Second, time.Minute
	// soakBlock is how often there is a new block.
	soakBlock = 30 * time.Second
	// soakShort is up to where a soak is too short for a slope to mean anything.
	soakShort = 5 * time.Minute
)

// soakSample is a line of the file of samples. Figures are of the process with the proxy in
// it and the pool, which says little; those of time are since the sample before.
type soakSample struct {
	T          float64 `json:"t"`      // seconds since the first
	Heap       float64 `json:"heap"`   // bytes of objects, once the garbage is gone
	Stacks     float64 `json:"stacks"` // bytes
	RSS        float64 `json:"rss"`    // bytes
	Goroutines float64 `json:"goroutines"`
	FDs        float64 `json:"descriptors"`
	Miners     float64 `json:"miners"`
	P50        float64 `json:"p50_ms"` // of verdicts, as the miners see them
	P99        float64 `json:"p99_ms"`
	Shares     float64 `json:"shares_per_second"` // that were judged
	Connects   float64 `json:"connects_per_second"`
	CPU        float64 `json:"cpu"` // processors
}

// soakBench is a proxy, and miners in another process.
type soakBench struct {
	t      *testing.T
	app    *app.App
	pool   *load.Pool
	miners *lightProcess
	file   *json.Encoder

	begin, last time.Time
	lastBlock   time.Time
	cpu         time.Duration
	judged      uint64
	met         lightReport
	samples     []soakSample
}

// TestSoakBench has 5,000 miners that come and go, for the time in LOKA_SOAK_BENCH and
// without the race detector, samples what the proxy takes, and demands that none of it
// grows. It is the default configuration but for the difficulty, with the log and the store
// on disk.
func TestSoakBench(t *testing.T) {
	duration := soakFor(t, "LOKA_SOAK_BENCH", "soak-bench SOAK_BENCH_DURATION=1h")
	needDescriptors(t, soakMiners)
	s := &soakBench{t: t, pool: &load.Pool{}, file: json.NewEncoder(io.Discard)}
	if name := os.Getenv("LOKA_SOAK_BENCH_FILE"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}()
		s.file = json.NewEncoder(f)
	}
	s.app = farmProxy(t, farmPool("main", serveTCP(t, s.pool.Serve))+farmRoute)
	goroutines, descriptors := runtime.NumGoroutine(), openFiles(t)
	s.miners = startLightProcess(t, s.app.Addrs().Miners[0], min(30*time.Second, duration/6))
	await(t, "all to have come", func() bool { return s.app.Model().Connected() > soakMiners*95/100 })
	s.run(duration)
	s.miners.Close()
	await(t, "all to have left", func() bool { return s.app.Model().Connected() == 0 })
	s.met.wantWell(t)
	await(t, "what they held to be given back", func() bool {
		return runtime.NumGoroutine() <= goroutines+8 && openFiles(t) <= descriptors+8
	})
	s.judge(duration)
}

// run samples until the duration is over.
func (s *soakBench) run(duration time.Duration) {
	s.t.Helper()
	every := max(duration/360, 2*time.Second)
	s.begin, s.last, s.lastBlock, s.cpu = time.Now(), time.Now(), time.Now(), load.CPUTime()
	s.judged, s.met = s.shares(), s.miners.report()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for time.Since(s.begin) < duration {
		<-tick.C
		s.sample()
		if time.Since(s.lastBlock) >= soakBlock {
			s.lastBlock = s.pool.Announce()
		}
	}
}

// shares are all that were judged.
func (s *soakBench) shares() uint64 {
	all := s.app.Model().Summary().Shares
	return all.Accepted + all.Rejected
}

func (s *soakBench) sample() {
	s.t.Helper()
	now, cpu, judged, met := time.Now(), load.CPUTime(), s.shares(), s.miners.report()
	passed := now.Sub(s.last).Seconds()
	one := soakSample{
		T: now.Sub(s.begin).Seconds(), Goroutines: float64(runtime.NumGoroutine()), FDs: float64(openFiles(s.t)),
		Miners: float64(s.app.Model().Connected()), P50: met.P50, P99: met.P99, CPU: (cpu - s.cpu).Seconds() / passed,
		Shares: float64(judged-s.judged) / passed, Connects: float64(met.Connects-s.met.Connects) / passed,
	}
	s.last, s.judged, s.met = now, judged, met
	// From here on what is measured is the measuring.
	_, rss, err := load.Memory()
	if err != nil {
		s.t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	one.RSS, one.Heap, one.Stacks = rss, float64(m.HeapAlloc), float64(m.StackInuse)
	s.cpu = load.CPUTime()
	if err := s.file.Encode(one); err != nil {
		s.t.Fatal(err)
	}
	s.samples = append(s.samples, one)
}

// judge demands that nothing grew once the proxy was warm.
func (s *soakBench) judge(duration time.Duration) {
	s.t.Helper()
	settle := min(5*time.Minute, duration/3).Seconds()
	var at []float64
	series := map[string][]float64{}
	for _, one := range s.samples {
		if one.T < settle {
			continue
		}
		at = append(at, one.T)
		for name, v := range map[string]float64{
			"heap": one.Heap, "stacks": one.Stacks, "rss": one.RSS, "goroutines": one.Goroutines, "descriptors": one.FDs,
			"p50": one.P50, "p99": one.P99, "shares": one.Shares, "connects": one.Connects, "cpu": one.CPU,
		} {
			series[name] = append(series[name], v)
		}
	}
	s.t.Logf("%v, %.0f miners: %.0f shares/s, %.1f connects/s, %.3f processors; heap %.1f MB, stacks %.1f MB, resident %.1f MB; %.0f goroutines; 50 of 100 verdicts within %.2f ms, 99 within %.2f ms; medians of %d samples",
		duration, s.samples[len(s.samples)-1].Miners, load.Median(series["shares"]), load.Median(series["connects"]), load.Median(series["cpu"]),
		load.Median(series["heap"])/1e6, load.Median(series["stacks"])/1e6, load.Median(series["rss"])/1e6,
		load.Median(series["goroutines"]), load.Median(series["p50"]), load.Median(series["p99"]), len(at))
	if duration < soakShort {
		s.t.Logf("This was the SHORT soak: %v are too few for a slope to mean anything, and none was judged (make soak-bench has an hour)", duration)
		return
	}
	// A twentieth of the heap and of what is resident is a few megabytes, which an hour's
	// 300,000 connections and 6 million shares would reach by 10 bytes or half a byte each.
	// Connections hang by goroutine and descriptor: a hundredth is 50 of them.
	watched{"heap", at, series["heap"]}.wantFlat(s.t, 0.05, 1e6)
	watched{"resident", at, series["rss"]}.wantFlat(s.t, 0.05, 8e6)
	watched{"goroutines", at, series["goroutines"]}.wantFlat(s.t, 0.01, 8)
	watched{"descriptors", at, series["descriptors"]}.wantFlat(s.t, 0.01, 8)
	// Neighbours and the collector make single samples late, which the median of slopes does
	// not follow; a book or a list that is walked and grows would.
	watched{"p99", at, series["p99"]}.wantFlat(s.t, 0.25, 1)
}

// openFiles counts the descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// lightProcess is light miners in a process of their own: the descriptors, the memory and
// the processor time of this one are the proxy's.
type lightProcess struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startLightProcess has miners come within ramp. They end with the test.
func startLightProcess(t *testing.T, addr string, ramp time.Duration) *lightProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], addr, strconv.Itoa(soakMiners), soakShare.String(), soakStay.String(), ramp.String())
	cmd.Env = append(os.Environ(), childVariable+"=light")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &lightProcess{t: t, cmd: cmd, in: in, out: json.NewDecoder(out)}
	t.Cleanup(p.Close)
	return p
}

func (p *lightProcess) report() (r lightReport) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in); err != nil {
		p.t.Fatal(err)
	}
	if err := p.out.Decode(&r); err != nil {
		p.t.Fatalf("the miners ended: %v", err)
	}
	return r
}

// Close ends the miners.
func (p *lightProcess) Close() {
	_ = p.in.Close()
	_ = p.cmd.Wait() // what it said last is not of interest
}

// serveLight has light miners mine until its input ends, and reports for each line.
func serveLight(args []string, in io.Reader, out io.Writer) error {
	var (
		miners            int
		share, stay, ramp time.Duration
	)
	if len(args) != 5 {
		return fmt.Errorf("five arguments are needed: %q", args)
	}
	miners, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for i, d := range []*time.Duration{&share, &stay, &ramp} {
		if *d, err = time.ParseDuration(args[2+i]); err != nil {
			return err
		}
	}
	if _, err := listen.RaiseFileLimit(); err != nil {
		return err
	}
	l := &lightMiners{addr: args[0], share: share, stay: stay}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		l.run(ctx, miners, ramp)
		close(done)
	}()
	lines, say := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() && err == nil {
		err = say.Encode(l.report())
	}
	cancel()
	<-done
	return err
}
