package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// fields are what workers are sorted by, read from the whole of a worker.
func fields() map[string]func(w *Worker) any {
	at := func(t *time.Time) float64 {
		if t == nil {
			return 0
		}
		return float64(t.UnixNano())
	}
	return map[string]func(w *Worker) any{
		"name": func(w *Worker) any { return w.Name }, "route": func(w *Worker) any { return w.Route }, "pool": func(w *Worker) any { return w.Pool },
		"miners": func(w *Worker) any { return float64(w.Miners) }, "difficulty": func(w *Worker) any { return w.Difficulty },
		"hashrate_1m": func(w *Worker) any { return w.Hashrate.Minute }, "hashrate_10m": func(w *Worker) any { return w.Hashrate.TenMinutes },
		"hashrate_1h": func(w *Worker) any { return w.Hashrate.Hour }, "hashrate_24h": func(w *Worker) any { return w.Hashrate.Day },
		"value_sat_24h": func(w *Worker) any { return w.Business.Value24h }, "accepted": func(w *Worker) any { return float64(w.Accepted) },
		"rejected": func(w *Worker) any { return float64(w.Rejected) }, "stale": func(w *Worker) any { return float64(w.Stale) },
		"reject_rate":   func(w *Worker) any { return float64(w.Rejected) / max(float64(w.Rejected+w.Accepted), 1) },
		"pool_accepted": func(w *Worker) any { return float64(w.PoolAccepted) }, "pool_rejected": func(w *Worker) any { return float64(w.PoolRejected) },
		"work_accepted": func(w *Worker) any { return w.WorkAccepted }, "best_difficulty": func(w *Worker) any { return w.BestDifficulty },
		"last_share_at": func(w *Worker) any { return at(w.LastShareAt) }, "since": func(w *Worker) any { return at(w.Since) },
	}
}

func compareAny(a, b any) int {
	if text, ok := a.(string); ok {
		return strings.Compare(text, b.(string))
	}
	return cmp.Compare(a.(float64), b.(float64))
}

// people books shares of some workers, of whom some are connected.
func people(t *rapid.T) *Model {
	books, now := ledger.New(ledger.Config{}, epoch), epoch
	hub := &fakeHub{}
	logins := rapid.SampledFrom([]int{1, 3, 100, 1000}).Draw(t, "logins")
	for i := range rapid.SampledFrom([]int{0, 1, 7, 40, 700}).Draw(t, "workers") {
		now = now.Add(time.Second)
		name := fmt.Sprintf("Rig%d", i*37%logins)
		w := books.Worker(name, rapid.SampledFrom([]string{"farm", "solo", "alone"}).Draw(t, "route"), now)
		if rapid.Bool().Draw(t, "gone") {
			books.Release(w)
		} else {
			hub.miners = append(hub.miners, MinerState{
				ID: mining.MinerID(i + 1), Workers: []string{name}, Pool: rapid.SampledFrom([]string{"main", "backup", ""}).Draw(t, "pool"),
				Difficulty: work.Difficulty(rapid.IntRange(0, 3).Draw(t, "difficulty")),
			})
		}
		verdict := rapid.SampledFrom([]mining.Verdict{mining.Accepted, mining.Accepted, mining.Stale, mining.Invalid}).Draw(t, "verdict")
		for range rapid.IntRange(0, 22).Draw(t, "shares") {
			books.Record(ledger.Entry{Worker: w, Verdict: verdict, Difficulty: 64, At: now})
		}
	}
	return New(Deps{Hub: hub, Books: books, Now: func() time.Time { return now }, Started: epoch})
}

// TestFindWorkers compares a page of workers with what sorting and picking of all of them
// gives.
func TestFindWorkers(t *testing.T) {
	t.Parallel()
	keys, of := WorkerKeys(), fields()
	rapid.Check(t, func(t *rapid.T) {
		m := people(t)
		q := WorkerQuery{
			Shown: rapid.SampledFrom([]WorkersShown{AllWorkers, WorkersHere, WorkersAway, WorkersRejecting}).Draw(t, "shown"),
			Text:  rapid.SampledFrom([]string{"", "rIG", "1", "nobody"}).Draw(t, "text"), Route: rapid.SampledFrom([]string{"", "farm"}).Draw(t, "of"),
			Pool:   rapid.SampledFrom([]string{"", "", "main"}).Draw(t, "at"),
			Offset: rapid.SampledFrom([]int{0, 0, 1, 30, 650, 1000}).Draw(t, "offset"), Limit: rapid.SampledFrom([]int{0, 1, 10, 100, 600}).Draw(t, "limit"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "orders") {
			q.By = append(q.By, WorkerOrder{rapid.SampledFrom(keys).Draw(t, "by"), rapid.Bool().Draw(t, "down")})
		}
		all := m.Workers(WorkerQuery{}).Workers
		var want []string
		here := 0
		for i := range all {
			w := &all[i]
			if w.Miners > 0 {
				here++
			}
			rejecting := w.Accepted+w.Rejected >= 20 && float64(w.Rejected) > 0.02*float64(w.Accepted+w.Rejected)
			if strings.Contains(strings.ToLower(w.Name), strings.ToLower(q.Text)) && (q.Route == "" || w.Route == q.Route) && (q.Pool == "" || w.Pool == q.Pool) &&
				(q.Shown != WorkersHere || w.Miners > 0) && (q.Shown != WorkersAway || w.Miners == 0) && (q.Shown != WorkersRejecting || rejecting) {
				want = append(want, w.Name)
			}
		}
		byName := make(map[string]*Worker)
		for i := range all {
			byName[all[i].Name] = &all[i]
		}
		slices.SortStableFunc(want, func(a, b string) int {
			for _, by := range q.By {
				c := compareAny(of[by.Key](byName[a]), of[by.Key](byName[b]))
				if by.Down {
					c = -c
				}
				if c != 0 {
					return c
				}
			}
			return strings.Compare(a, b)
		})
		found := len(want)
		want = want[min(q.Offset, found):]
		if q.Limit > 0 {
			want = want[:min(q.Limit, len(want))]
		}
		got := m.Workers(q)
		names := make([]string, 0, len(got.Workers))
		for i := range got.Workers {
			names = append(names, got.Workers[i].Name)
			if w := byName[got.Workers[i].Name]; w.Miners != got.Workers[i].Miners || w.Pool != got.Workers[i].Pool || w.Difficulty != got.Workers[i].Difficulty {
				t.Errorf("%s is at %q on %d connections among few, and at %q on %d among all", w.Name, got.Workers[i].Pool, got.Workers[i].Miners, w.Pool, w.Miners)
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%q, want %q", names, want)
		}
		if got.Found != found || got.All != len(all) || got.Here != here {
			t.Errorf("%d of %d, %d here; want %d of %d, %d here", got.Found, got.All, got.Here, found, len(all), here)
		}
	})
	for _, key := range keys {
		if of[key] == nil {
			t.Errorf("nothing is said of %q", key)
		}
	}
}
