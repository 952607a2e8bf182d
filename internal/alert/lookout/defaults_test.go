package lookout

import (
	"errors"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is what there is to know of a farm.
type world struct {
	view.Facts
	Around
}

// account is one that has mined steadily for two days: a share of difficulty 1024 every
// ten seconds.
func account(name string, now time.Time) ledger.Account {
	a := ledger.Account{Name: name, Since: now.Add(-48 * time.Hour), LastShareAt: now.Add(-5 * time.Second)}
	for w := range a.Recent {
		span := ledger.Window(w).Length()
		n := uint64(span / (10 * time.Second))
		a.Recent[w] = ledger.Recent{Span: span, Work: float64(n) * 1024, PoolWork: float64(n) * 1024, Accepted: n, PoolAccepted: n}
	}
	return a
}

// drop takes part of the last ten minutes away.
func drop(a *ledger.Account, part float64) {
	r := &a.Recent[ledger.TenMinutes]
	r.Work *= 1 - part
	r.Accepted = uint64(float64(r.Accepted) * (1 - part))
}

// healthy is a farm with nothing wrong.
func healthy(now time.Time) *world {
	w := &world{}
	w.At, w.Started, w.Ready = now, epoch.Add(-48*time.Hour), true
	w.Books.Total = account("", now)
	for _, name := range []string{"alice.a", "alice.b"} {
		w.Books.Workers = append(w.Books.Workers, ledger.Worker{Account: account(name, now), Route: "farm"})
	}
	w.Books.Pools = []ledger.Pool{account("main", now)}
	w.Books.Routes = []ledger.Route{account("farm", now), account("other", now)}
	w.Miners = []view.MinerState{{ID: 1, Workers: []string{"alice.a", "alice.b"}, Route: "farm", Pool: "main", Arrival: mining.Arrival{Listener: "l"}}}
	w.Pools = []view.PoolState{
		{Name: "main", State: view.PoolActive, Since: epoch, LastJobAt: now.Add(-time.Second), Miners: 2},
		{Name: "backup", State: view.PoolStandby, Since: epoch, LastJobAt: now.Add(-time.Second)},
	}
	w.Pools[0].Quality.Answers = 1000
	w.Pools[0].Quality.Rejects = map[mining.Verdict]uint64{}
	w.Routes = []view.RouteState{
		{Name: "farm", Pools: []string{"main", "backup"}, Active: "main", Ready: true, Miners: 2},
		{Name: "other", Pools: []string{"main"}, Active: "main", Ready: true},
	}
	w.Around = Around{
		Machine:   alert.Machine{Memory: 1e8, MemoryLimit: 1e9, DiskFree: 5e9, DiskTotal: 1e10, Files: 10, FilesLimit: 1000},
		Listeners: []Listener{{Address: "l", TLS: true, NotAfter: now.Add(60 * 24 * time.Hour)}},
		Checks:    map[string]view.Check{"clock": {Status: view.OK}, "listener:l": {Status: view.OK}},
		Sinks:     1,
	}
	return w
}

// faults make each default rule fire; n counts the minutes since the fault began.
func faults() map[string]func(w *world, n int) {
	all := map[string]func(w *world, n int){
		"farm_hashrate_dropped":   func(w *world, _ int) { drop(&w.Books.Total, 0.6) },
		"no_miners":               func(w *world, _ int) { w.Miners = nil },
		"route_down":              func(w *world, _ int) { w.Routes[0].Ready, w.Routes[0].Active = false, "" },
		"failover":                func(w *world, _ int) { w.Routes[0].Active = "backup" },
		"route_switching":         func(w *world, n int) { w.Routes[0].Active = w.Routes[0].Pools[n%2] },
		"unpaid_work":             func(w *world, _ int) { w.Routes[0].Unpaid = 2 },
		"route_hashrate_dropped":  func(w *world, _ int) { drop(&w.Books.Routes[0], 0.6) },
		"user_hashrate_dropped":   func(w *world, _ int) { drop(&w.Books.Workers[0].Account, 1); drop(&w.Books.Workers[1].Account, 0.3) },
		"worker_hashrate_dropped": func(w *world, _ int) { drop(&w.Books.Workers[0].Account, 0.6) },
		"worker_silent":           func(w *world, n int) { w.Books.Workers[0].LastShareAt = w.At.Add(-time.Duration(n) * time.Minute) },
		"worker_rejects":          func(w *world, _ int) { w.Books.Workers[0].Recent[ledger.TenMinutes].Rejected = 20 },
		"pool_unanswered":         func(w *world, _ int) { answers(w, mining.Unanswered) },
		"pool_down":               func(w *world, _ int) { w.Pools[0].State, w.Pools[0].Error = view.PoolDown, "refused" },
		"pool_quiet":              func(w *world, n int) { w.Pools[0].LastJobAt = w.At.Add(-time.Duration(n) * time.Minute) },
		"pool_discrepancy": func(w *world, n int) {
			t := &w.Books.Pools[0].Tally
			t.Sent = ledger.Cell{Shares: uint64(100 * n), Work: float64(100 * n)}
			t.Pools[mining.Accepted] = ledger.Cell{Shares: uint64(90 * n), Work: float64(90 * n)}
		},
		"pool_slow":           func(w *world, _ int) { w.Pools[0].Quality.SubmitP90 = 3 * time.Second },
		"pool_late_blocks":    func(w *world, _ int) { w.Pools[0].Quality.Blocks, w.Pools[0].Quality.BlockDelay = 3, 9*time.Second },
		"pool_disconnects":    func(w *world, _ int) { w.Pools[0].Quality.Disconnects = 9 },
		"listener_down":       func(w *world, _ int) { w.Checks["listener:l"] = view.Check{Status: view.Down, Detail: "refused"} },
		"certificate_expires": func(w *world, _ int) { w.Listeners[0].NotAfter = w.At.Add(100 * time.Hour) },
		"certificate_expired": func(w *world, _ int) { w.Listeners[0].NotAfter = w.At.Add(-time.Hour) },
		"certificate_problem": func(w *world, _ int) { w.Listeners[0].Problems = []string{"the key is another's"} },
		"disk_low":            func(w *world, _ int) { w.Machine.DiskFree = 5e8 },
		"disk_full":           func(w *world, _ int) { w.Machine.DiskFree = 1e8 },
		"memory_high":         func(w *world, _ int) { w.Machine.Memory = 9.5e8 },
		"files_high":          func(w *world, _ int) { w.Machine.Files = 950 },
		"journal_failing": func(w *world, n int) {
			w.Keeping.JournalError, w.Keeping.JournalSince = errors.New("full"), w.At.Add(-time.Duration(n)*time.Minute)
		},
		"store_failing": func(w *world, n int) {
			w.Keeping.StoreError, w.Keeping.StoreSince = errors.New("away"), w.At.Add(-time.Duration(n)*time.Minute)
		},
		"shares_dropped": func(w *world, n int) { w.Keeping.Dropped = uint64(n) },
		"attack":         func(w *world, _ int) { w.Strangers = 5000 },
		"sinks_down":     func(w *world, _ int) { w.SinksDown = 1 },
		"check_failing": func(w *world, _ int) {
			w.Checks["clock"] = view.Check{Status: view.Degraded, Detail: "it is off", Advice: "set it"}
		},
	}
	for _, v := range verdicts() {
		all["pool_rejects_"+v.String()] = func(w *world, _ int) { answers(w, v) }
		all["route_rejects_"+v.String()] = func(w *world, n int) {
			t := &w.Books.Routes[0].Tally
			t.Ours[mining.Accepted].Shares, t.Ours[v].Shares = uint64(100*n), uint64(10*n)
			w.Books.Routes[0].Recent[ledger.TenMinutes].Accepted = 1000
		}
	}
	for _, k := range watch.Kinds() {
		all[string(k)] = func(w *world, _ int) {
			w.Pools[0].Watched.Signals = []watch.Signal{{Kind: k, Value: 7, Detail: "it pays x"}}
		}
	}
	return all
}

func answers(w *world, v mining.Verdict) {
	w.Pools[0].Quality.Rejects[v] = 100
	w.Books.Pools[0].Recent[ledger.TenMinutes].PoolAccepted = 1000
}

// Each default rule fires of what it is for, says so in words, and is over once that is;
// of a farm that is well none fires.
func TestDefaultsFireAndResolve(t *testing.T) {
	compiler, broken := alert.NewCompiler(), faults()
	for _, rule := range alert.Defaults(alert.Runbooks) {
		t.Run(rule.Name, func(t *testing.T) {
			fault, ok := broken[rule.Name]
			if !ok {
				t.Fatal("nothing makes it fire here")
			}
			p, err := compiler.Compile(rule)
			if err != nil {
				t.Fatal(err)
			}
			engine, gatherer, now := alert.New(alert.Config{Rules: []*alert.Program{p}}), NewGatherer(), epoch
			minute := func(n int) alert.Step {
				now = now.Add(time.Minute)
				w := healthy(now)
				if n >= 0 {
					fault(w, n)
				}
				return engine.Step(now, gatherer.Gather(&w.Facts, &w.Around))
			}
			for range 3 {
				if s := minute(-1); len(s.Tell) > 0 {
					t.Fatalf("all is well: %+v", s.Tell)
				}
			}
			var fired []alert.Notice
			for n := 0; n < 30 && len(fired) == 0; n++ {
				fired = minute(n).Tell
			}
			if len(fired) == 0 {
				t.Fatalf("it does not fire; %+v", engine.Rules())
			}
			if f := fired[0]; f.Message == "" || f.Runbook != alert.Runbooks+alert.Anchor(rule.Name) || f.Severity != rule.Severity {
				t.Errorf("%+v", f)
			}
			over := false
			for n := 0; n < 90 && !over; n++ {
				for _, tell := range minute(-1).Tell {
					over = over || tell.State == alert.Resolved
				}
			}
			if !over || engine.Rules()[0].Error != "" {
				t.Errorf("it is not over; %+v", engine.Rules())
			}
			delete(broken, rule.Name)
		})
	}
	for name := range broken {
		t.Errorf("%s is no default rule", name)
	}
}
