package lookout

import (
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

func byName(all []ledger.Account) map[string]*ledger.Account {
	out := make(map[string]*ledger.Account, len(all))
	for i := range all {
		out[all[i].Name] = &all[i]
	}
	return out
}

// verdicts are those that a share may be refused with.
func verdicts() []mining.Verdict {
	return []mining.Verdict{mining.Stale, mining.Duplicate, mining.LowDifficulty, mining.JobNotFound, mining.Invalid, mining.Unauthorized}
}

func (g *Gatherer) pools(f *view.Facts) []alert.Pool {
	books := byName(f.Books.Pools)
	all := make([]alert.Pool, 0, len(f.Pools))
	for i := range f.Pools {
		s := &f.Pools[i]
		if s.Leaving { // nobody can do anything about it
			continue
		}
		p := alert.Pool{
			Rates: alert.Rates{Ratio: 1}, Name: s.Name, State: s.State, Reason: s.Reason, Error: s.Error, Drained: s.Drained,
			Disabled: s.State == view.PoolDisabled, Up: up(s.State),
			Miners: float64(s.Miners), Connections: float64(s.Connections), Difficulty: float64(s.Difficulty), RTT: s.RTT.Seconds(),
			SubmitRTTP90: s.Quality.SubmitP90.Seconds(), Score: 1, Lag: s.Quality.Behind.Seconds(),
			Silences: float64(s.Quality.Silences), Disconnects: float64(s.Quality.Disconnects),
		}
		p.StateFor, p.LastJobAge = age(s.Since, f.At), age(s.LastJobAt, f.At)
		if s.Quality.Known {
			p.Score = s.Quality.Score
		}
		if s.Quality.Blocks > 0 {
			p.BlockDelay = s.Quality.BlockDelay.Seconds()
		}
		p.RejectRates = make(map[string]float64)
		for _, v := range verdicts() {
			p.RejectRates[v.String()] = ratio(float64(s.Quality.Rejects[v]), float64(s.Quality.Answers))
		}
		p.UnansweredRate = ratio(float64(s.Quality.Rejects[mining.Unanswered]), float64(s.Quality.Answers))
		p.Signals, p.Details = signals(&s.Watched)
		p.Discrepancies10m = g.of(poolDiscrepancies, s.Name, f.At).within(10*time.Minute, f.At, float64(s.Discrepancies))
		if b := books[s.Name]; b != nil {
			p.Rates = poolRates(b, f.At)
			p.GapRate1h = g.gap(b, f.At)
		}
		all = append(all, p)
	}
	return all
}

// gap is the part of the last hour's work that a pool was sent and did not accept.
func (g *Gatherer) gap(b *ledger.Account, now time.Time) float64 {
	sent := g.of(workSent, b.Name, now).within(time.Hour, now, b.Tally.Sent.Work)
	shares := g.of(sharesSent, b.Name, now).within(time.Hour, now, float64(b.Tally.Sent.Shares))
	lost := g.of(workLost, b.Name, now).within(time.Hour, now, b.Tally.Gap().Work)
	if shares < gapLeast {
		return 0
	}
	return ratio(lost, sent)
}

func up(state string) bool {
	return state == view.PoolActive || state == view.PoolStandby || state == view.PoolDegraded
}

func signals(of *watch.Report) (values map[string]float64, details map[string]string) {
	values, details = make(map[string]float64, len(of.Signals)), make(map[string]string, len(of.Signals))
	for i := range of.Signals {
		s := &of.Signals[i]
		values[string(s.Kind)] = s.Value
		if s.Detail != "" {
			details[string(s.Kind)] = s.Detail
		}
	}
	return values, details
}

func (g *Gatherer) routes(f *view.Facts) []alert.Route {
	books := byName(f.Books.Routes)
	pools := make(map[string]*view.PoolState, len(f.Pools))
	for i := range f.Pools {
		if !f.Pools[i].Leaving {
			pools[f.Pools[i].Name] = &f.Pools[i]
		}
	}
	all := make([]alert.Route, 0, len(f.Routes))
	for i := range f.Routes {
		s := &f.Routes[i]
		r := alert.Route{
			Rates: alert.Rates{Ratio: 1}, Name: s.Name, Mode: s.Mode, Active: s.Active, Preferred: preferred(s, pools), Pinned: s.Pinned,
			Ready: s.Ready, Split: len(s.Parts) > 0, Miners: float64(s.Miners), Unpaid: float64(s.Unpaid),
		}
		r.OnBackup = r.Preferred != "" && r.Active != "" && r.Active != r.Preferred
		r.Switches1h = g.of(routeSwitches, s.Name, f.At).changes(f.At, s.Active)
		book := books[s.Name]
		if book == nil {
			book = new(ledger.Account)
		} else {
			r.Rates = rates(book, f.At)
		}
		r.RejectRates = g.rejectRates(s.Name, &book.Tally, f.At)
		all = append(all, r)
	}
	return all
}

// preferred is where a route's miners should be.
func preferred(s *view.RouteState, pools map[string]*view.PoolState) string {
	usable := func(name string) bool {
		p := pools[name]
		return p != nil && !p.Drained && p.State != view.PoolDisabled
	}
	if len(s.Parts) > 0 {
		return ""
	}
	if s.Pinned != "" && usable(s.Pinned) {
		return s.Pinned
	}
	for _, name := range s.Pools {
		if usable(name) {
			return name
		}
	}
	return ""
}

// rejectRates are by our verdict, of the last ten minutes.
func (g *Gatherer) rejectRates(name string, t *ledger.Tally, now time.Time) map[string]float64 {
	counts := make(map[string]float64)
	all := g.of(ourShares, name, now).within(10*time.Minute, now, float64(t.Ours.Accepted()+t.Ours.Rejected()))
	for _, v := range verdicts() {
		n := g.of(ourVerdict+meterKind(v), name, now).within(10*time.Minute, now, float64(t.Ours.Of(v)))
		counts[v.String()] = ratio(n, all)
	}
	return counts
}

func (g *Gatherer) farm(f *view.Facts, out *alert.Facts, here map[string]attendance) alert.Farm {
	total := &f.Books.Total
	hour, day := &total.Recent[ledger.Hour], &total.Recent[ledger.Day]
	farm := alert.Farm{
		Rates: rates(total, f.At), Miners: float64(len(f.Miners)), Workers: float64(len(here)),
		RejectRates: g.rejectRates("", &total.Tally, f.At), PoolHashrate1h: hour.PoolHashrate(),
		PoolRejectRate: part(hour.PoolRefused, hour.PoolAccepted), Value24h: day.Value, PoolValue24h: day.PoolValue,
		Routes: float64(len(out.Routes)),
	}
	for i := range out.Pools {
		if !out.Pools[i].Disabled {
			farm.Pools++
		}
		if out.Pools[i].Up {
			farm.PoolsUp++
		}
	}
	for i := range out.Routes {
		if out.Routes[i].Ready {
			farm.RoutesReady++
		}
	}
	for i := range out.Workers {
		if w := &out.Workers[i]; w.ShareInterval > 0 && w.LastShareAge > max(600, 20*w.ShareInterval) {
			farm.WorkersSilent++
		}
	}
	return farm
}

func (g *Gatherer) proxy(f *view.Facts, a *Around) alert.Proxy {
	p := alert.Proxy{
		Machine: a.Machine, Uptime: age(f.Started, f.At), Ready: f.Ready, Strangers: float64(f.Strangers), Waiting: float64(f.Waiting),
		AutoBans: float64(a.AutoBans), Backlog: float64(f.Keeping.BacklogBytes), Sinks: float64(a.Sinks), SinksDown: float64(a.SinksDown),
	}
	for i := range f.Pools {
		p.PoolConnections += float64(f.Pools[i].Connections)
	}
	for i := range f.Miners {
		if r := f.Miners[i].Response; r != "" && r != view.MinerResponses()[0] {
			p.Suspects++
		}
	}
	if f.Keeping.JournalError != nil {
		p.JournalFailing = max(age(f.Keeping.JournalSince, f.At), 1)
	}
	if f.Keeping.StoreError != nil {
		p.StoreFailing = max(age(f.Keeping.StoreSince, f.At), 1)
	}
	p.SharesDropped10m = g.of(sharesDropped, "", f.At).within(10*time.Minute, f.At, float64(f.Keeping.Dropped))
	return p
}

// age is for how long something has been, in seconds; 0 where it never was.
func age(since, now time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since).Seconds(), 0)
}

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return min(max(a/b, 0), 1)
}
