package app_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// look reads addresses as pages that are open do, each at its interval, for a while.
func (l *loader) look(args []string) error {
	if len(args)%2 == 0 {
		return errors.New("look DURATION EVERY URL…")
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
	l.looks = make(map[string][]int64)
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
				l.looks[args[i+1]] = append(l.looks[args[i+1]], took)
				err = errors.Join(err, bad)
				mu.Unlock()
			}
		})
	}
	readers.Wait()
	return err
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
	readers := startLoad(b)
	f.connect(f.addr, n, false)
	defer f.leave(b, f.addr)
	shares := fmt.Sprintf("paced %d %d", rate, rate*seconds)
	f.load.do("%s", fmt.Sprintf("paced 5000 %d", n)) // each has a share in the books
	looks := make(map[string][]float64)
	round := func(read bool) (cpu, p99 float64) {
		f.load.do("watch") // work does not stay good for ever
		if _, err := f.pool.announce(); err != nil {
			b.Fatal(err)
		}
		f.load.report()
		if read {
			readers.say("look %ds 2s %s 30s %s 4s %s", seconds-1, urls["overview"], urls["plot"], urls["workers"])
		}
		before := cpuTime()
		r := f.load.do("%s", shares)
		cpu = float64((cpuTime() - before).Nanoseconds()) / 1e3 / float64(r.Answered)
		slices.Sort(r.Took)
		if read {
			seen := readers.report().Looks
			for name, url := range urls {
				for _, took := range seen[url] {
					looks[name] = append(looks[name], float64(took)/1e6)
				}
			}
		}
		return cpu, float64(r.Took[len(r.Took)*99/100]) / 1e3
	}
	round(true) // the first has caches to fill
	clear(looks)
	var cpu, p99 duel
	for range rounds {
		alone, aloneP99 := round(false)
		with, withP99 := round(true)
		cpu.round(with, alone)
		p99.round(withP99, aloneP99)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(cpu.bare), "cpu-us/share")
	b.ReportMetric(median(cpu.ours), "with-cpu-us/share")
	b.ReportMetric(median(cpu.ratio), "x_cpu")
	b.ReportMetric(median(p99.bare), "p99-us")
	b.ReportMetric(slices.Max(p99.bare), "p99-max-us")
	b.ReportMetric(median(p99.ours), "with-p99-us")
	b.ReportMetric(slices.Max(p99.ours), "with-p99-max-us")
	for name, took := range looks {
		slices.Sort(took)
		b.ReportMetric(took[len(took)*99/100], name+"-p99-ms")
	}
}
