package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// indexed finds a login's connections without a search, as the real hub does.
type indexed struct {
	*fakeHub

	of map[string][]view.MinerState
}

func newIndexed(h *fakeHub) *indexed {
	x := &indexed{h, make(map[string][]view.MinerState)}
	for _, m := range h.miners {
		for _, login := range m.Workers {
			x.of[login] = append(x.of[login], m)
		}
	}
	return x
}

func (x *indexed) MinersOf(login string) []view.MinerState { return x.of[login] }

func (x *indexed) WorkerCount() int { return len(x.of) }

// largeFarm is one of so many workers, each of which has a connection and shares.
func largeFarm(workers int) Deps {
	deps, hub := newDeps()
	now := time.Now()
	books := ledger.New(ledger.Config{}, now.Add(-time.Hour))
	p := books.Pool("main", now)
	hub.miners = nil
	for i := range workers {
		login := fmt.Sprintf("farm%02d.rig%05d", i%40, i)
		hub.miners = append(hub.miners, view.MinerState{
			ID: mining.MinerID(i + 1), Arrival: mining.Arrival{Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 4000)}, State: view.MinerMining,
			Since: now, Workers: []string{login}, Route: "farm", Pool: "main", Difficulty: 512, Hashrate: 1e14,
		})
		w := books.Worker(login, "farm", now)
		for _, v := range []mining.Verdict{mining.Accepted, mining.Accepted, mining.Stale} {
			books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: v, PoolVerdict: v, Difficulty: 512, PoolDifficulty: 1024, At: now})
		}
		books.Tick(now)
	}
	deps.Now = time.Now
	deps.Model = view.New(view.Deps{Version: "1.2.3", Instance: "test", Books: books, Hub: newIndexed(hub), Started: now, Now: time.Now})
	return deps
}

// BenchmarkReaders: what readers of the API wait for with 10,000 workers.
func BenchmarkReaders(b *testing.B) {
	deps := largeFarm(10_000)
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
}
