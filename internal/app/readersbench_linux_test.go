package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/load"
)

// startLook has another process read addresses as pages that are open do, each at its
// interval, for a while: DURATION EVERY URL…. The function that it returns waits for
// the end and tells how long each reading took, in nanoseconds by address.
func startLook(b *testing.B, args ...string) func() map[string][]int64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"=look")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return func() (looks map[string][]int64) {
		err := json.NewDecoder(out).Decode(&looks)
		if err := errors.Join(err, cmd.Wait()); err != nil {
			b.Fatal(err)
		}
		return looks
	}
}

// look is what the other process does.
func look(args []string, out io.Writer) error {
	if len(args)%2 == 0 {
		return errors.New("want DURATION EVERY URL…")
	}
	during, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(args)}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	var (
		readers sync.WaitGroup
		mu      sync.Mutex
	)
	looks := make(map[string][]int64)
	end := time.Now().Add(during)
	for i := 1; i < len(args); i += 2 {
		every, err := time.ParseDuration(args[i])
		if err != nil {
			return err
		}
		readers.Go(func() {
			for rest := time.Duration(i) * 100 * time.Millisecond; time.Now().Add(rest).Before(end); rest = every {
				time.Sleep(rest)
				took, bad := read(client, args[i+1])
				mu.Lock()
				looks[args[i+1]] = append(looks[args[i+1]], took)
				err = errors.Join(err, bad)
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	return errors.Join(err, json.NewEncoder(out).Encode(looks))
}

// read takes an answer whole and says how long that took, in nanoseconds.
func read(client *http.Client, url string) (took int64, err error) {
	begin := time.Now()
	r, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Body.Close() }()
	n, err := io.Copy(io.Discard, r.Body)
	if err == nil && (r.StatusCode != http.StatusOK || n == 0) {
		err = fmt.Errorf("%s: %s, %d bytes", url, r.Status, n)
	}
	return time.Since(begin).Nanoseconds(), err
}

// BenchmarkSharedReaders measures what an operator who looks costs the miners: 10,000
// workers hand in 200 shares a second, and in every second round the overview and the
// table of workers are open somewhere else, and ask again as often as these pages do.
//
//	cpu-us/share   is the proxy's CPU time, whatever it is for, by the shares,
//	x_cpu          is that with readers as a multiple of that without, of rounds side by side,
//	p99-us         is what 99 of 100 shares waited for their answer at the most, and
//	               with-p99-us the same with readers; both with the widest of the rounds
//	               in …-max-us,
//	NAME-p99-ms    is what a reader waited for.
func BenchmarkSharedReaders(b *testing.B) {
	const n, rate, seconds, rounds = 10_000, 200, 20, 5
	f := newFarm(b, n)
	api := "http://" + f.http
	urls := map[string]string{"overview": api + "/", "plot": api + "/api/v1/history?from=24h", "workers": api + "/workers?sort=-hashrate"}
	f.connect(f.addr, n, false)
	defer f.leave(b, f.addr)
	shares := fmt.Sprintf("paced %d %d", rate, rate*seconds)
	f.load.do("%s", fmt.Sprintf("paced 5000 %d", n)) // each has a share in the books
	looks := make(map[string][]float64)
	round := func(read bool) (cpu, p99 float64) {
		f.renew() // work does not stay good for ever
		looked := func() map[string][]int64 { return nil }
		if read {
			looked = startLook(b, fmt.Sprintf("%ds", seconds-1), "2s", urls["overview"], "30s", urls["plot"], "4s", urls["workers"])
		}
		before := load.CPUTime()
		r := f.load.do("%s", shares)
		cpu = float64((load.CPUTime() - before).Nanoseconds()) / 1e3 / float64(r.Answered)
		slices.Sort(r.Took)
		seen := looked()
		for name, url := range urls {
			for _, took := range seen[url] {
				looks[name] = append(looks[name], float64(took)/1e6)
			}
		}
		return cpu, float64(r.Took[len(r.Took)*99/100]) / 1e3
	}
	round(true) // the first has caches to fill
	clear(looks)
	var cpu, p99 load.Duel
	for range rounds {
		alone, aloneP99 := round(false)
		with, withP99 := round(true)
		cpu.Round(with, alone)
		p99.Round(withP99, aloneP99)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(load.Median(cpu.Bare), "cpu-us/share")
	b.ReportMetric(load.Median(cpu.Ours), "with-cpu-us/share")
	b.ReportMetric(load.Median(cpu.Ratio), "x_cpu")
	b.ReportMetric(load.Median(p99.Bare), "p99-us")
	b.ReportMetric(slices.Max(p99.Bare), "p99-max-us")
	b.ReportMetric(load.Median(p99.Ours), "with-p99-us")
	b.ReportMetric(slices.Max(p99.Ours), "with-p99-max-us")
	for name, took := range looks {
		slices.Sort(took)
		b.ReportMetric(took[len(took)*99/100], name+"-p99-ms")
	}
}
