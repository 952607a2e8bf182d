package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// largeFarm is one of so many workers, each of which has a connection and shares.
func largeFarm(workers int) (Deps, *ledger.Ledger, []*ledger.WorkerBook) {
	deps, hub := newDeps()
	now := time.Now()
	books := ledger.New(ledger.Config{}, now.Add(-time.Hour))
	p := books.Pool("main", now)
	hub.miners = nil
	all := make([]*ledger.WorkerBook, 0, workers)
	for i := range workers {
		login := fmt.Sprintf("farm%02d.rig%05d", i%40, i)
		hub.miners = append(hub.miners, view.MinerState{
			ID: mining.MinerID(i + 1), Arrival: mining.Arrival{Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 4000)}, State: view.MinerMining,
			Since: now, Workers: []string{login}, Route: "farm", Pool: "main", Difficulty: 512, Hashrate: 1e14,
		})
		w := books.Worker(login, "farm", now)
		all = append(all, w)
		for _, v := range []mining.Verdict{mining.Accepted, mining.Accepted, mining.Stale} {
			books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: v, PoolVerdict: v, Difficulty: 512, PoolDifficulty: 1024, At: now})
		}
		books.Tick(now)
	}
	deps.Now = time.Now
	deps.Model = view.New(view.Deps{Version: "1.2.3", Instance: "test", Books: books, Hub: hub, Started: now, Now: time.Now})
	return deps, books, all
}

// perShare books 200 shares a second for a while, and says how long the slowest of 100 took,
// and what processor time all of it took for each.
func perShare(books *ledger.Ledger, workers []*ledger.WorkerBook, shares int) (p99, cpu time.Duration) {
	p := books.Pool("main", time.Now())
	took := make([]time.Duration, 0, shares)
	began := processorTime()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := range shares {
		<-tick.C
		at := time.Now()
		books.Record(ledger.Entry{Worker: workers[i*7919%len(workers)], Pool: p, Verdict: mining.Accepted, Difficulty: 512, At: at})
		took = append(took, time.Since(at))
		if i%20 == 0 {
			books.Tick(at)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100], (processorTime() - began) / time.Duration(shares)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReaders: what readers wait for with 10,000 workers, and what shares notice of
// them. The page asks every two seconds; here somebody else does, too.
func BenchmarkReaders(b *testing.B) {
	deps, books, workers := largeFarm(10_000)
	h := Handler(deps, true)
	get := func(path string) (time.Duration, int) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		began := time.Now()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return time.Since(began), w.Body.Len()
	}
	for _, path := range []string{"/api/v1/summary", "/api/v1/workers?sort=-hashrate_1h&limit=100", "/api/v1/workers?q=rig0999&limit=100", "/api/v1/miners?sort=-hashrate&limit=100", "/api/v1/workers"} {
		b.Run(path[len("/api/v1/"):], func(b *testing.B) {
			var took []time.Duration
			size := 0
			for b.Loop() {
				d, n := get(path)
				took, size = append(took, d), n
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
			b.ReportMetric(float64(size), "bytes")
		})
	}
	b.Run("shares", func(b *testing.B) {
		for b.Loop() {
			alone, cpu := perShare(books, workers, 1000)
			done, ended := make(chan struct{}), make(chan struct{})
			asked := 0
			go func() {
				defer close(ended)
				every := time.NewTicker(time.Second)
				defer every.Stop()
				for {
					select {
					case <-done:
						return
					case <-every.C:
						get("/api/v1/summary")
						get("/api/v1/workers?sort=-hashrate_1h&limit=100")
						asked++
					}
				}
			}()
			read, cpuRead := perShare(books, workers, 1000)
			close(done)
			<-ended
			b.ReportMetric(float64(alone.Nanoseconds()), "p99-ns")
			b.ReportMetric(float64(read.Nanoseconds()), "p99-read-ns")
			b.ReportMetric(float64(cpu.Microseconds()), "cpu-us/share")
			b.ReportMetric(float64(cpuRead.Microseconds()), "cpu-read-us/share")
		}
	})
}
