package view

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/watch"
)

const (
	// oldJob is the age at which a serving pool's last job is worth a word;
	// pools send one at least every minute or so.
	oldJob = 5 * time.Minute
	// refusedShare is the part of a pool's answers of ten minutes that may
	// be refusals, and refusedLeast how many there must be to judge.
	refusedShare = 0.05
	refusedLeast = 20
)

// Health looks at everything there is to look at. The whole is down when no
// route can serve work or no listener takes miners, degraded when any check is not ok.
func (m *Model) Health() Health {
	now := m.deps.Now()
	books := byName(m.deps.Books.Pools(now))
	h := Health{Status: OK, Checks: make(map[string]Check)}
	for _, r := range m.deps.Hub.Routes() {
		h.Checks["route:"+r.Name] = checkRoute(&r)
	}
	states := m.deps.Hub.Pools()
	for i := range states {
		s := &states[i]
		h.Checks["pool:"+s.Name] = checkPool(s, now)
		if b := books[s.Name]; b != nil {
			h.Checks["pool_shares:"+s.Name] = checkShares(b)
		}
	}
	h.Checks["pool_watch"] = checkWatch(states)
	if m.deps.Keeping != nil {
		keeping := m.deps.Keeping()
		maps.Copy(h.Checks, keeping.checks(now))
	}
	for name, check := range m.deps.Checks {
		h.Checks[name] = check(now)
	}
	down := false
	if m.deps.Parts != nil {
		var parts map[string]Check
		parts, down = m.deps.Parts(now)
		maps.Copy(h.Checks, parts)
	}
	for _, c := range h.Checks {
		if c.Status != OK {
			h.Status = Degraded
		}
	}
	if down || !m.deps.Hub.Ready() {
		h.Status = Down
	}
	return h
}

func checkRoute(r *RouteState) Check {
	if r.Ready {
		detail := "served by pool " + r.Active
		if r.Pinned != "" {
			detail += "; pinned to pool " + r.Pinned
		}
		return Check{Status: OK, Detail: detail}
	}
	return Check{
		Status: Down,
		Detail: "none of its pools serves work: " + strings.Join(r.Pools, ", "),
		Advice: "look at the checks of these pools; miners of this route are closed so that their own failover works",
	}
}

func checkPool(s *PoolState, now time.Time) Check {
	if s.Leaving && s.Miners == 0 {
		return Check{Status: OK, Detail: "not configured any more; its last connections end within minutes"}
	}
	if s.Drained && s.Miners == 0 && s.State != PoolDisabled { // on purpose, and what is wrong with it harms nobody
		return Check{Status: OK, Detail: "drained; " + because(s.State, s.Error)}
	}
	switch s.State {
	case PoolDisabled:
		return Check{Status: OK, Detail: "disabled " + strings.ReplaceAll(s.Reason, "_", " ")}
	case PoolConnecting:
		return Check{Status: Degraded, Detail: because("connecting", s.Error), Advice: "wait; if it lasts, check url and that this machine can reach it"}
	case PoolDown:
		if s.Watched.Leave {
			return Check{Status: Down, Detail: because("down", s.Error), Advice: watch.Describe(watch.PayoutChanged).Do}
		}
		return Check{Status: Down, Detail: because("down", s.Error), Advice: "check url, username and the pool's own status page; loka keeps trying"}
	case PoolDegraded:
		advice := "see the log for this pool"
		if s.Discrepancies > 0 {
			advice += "; it refused shares that are valid by our own check: loka_pool_discrepancies_total has its reasons"
		}
		return Check{Status: Degraded, Detail: because("degraded", s.Error), Advice: advice}
	}
	if age := now.Sub(s.LastJobAt); !s.LastJobAt.IsZero() && age > oldJob {
		return Check{
			Status: Degraded, Detail: fmt.Sprintf("the last job is %s old", age.Round(time.Second)),
			Advice: "the pool has gone quiet: miners work on old blocks; check its status page",
		}
	}
	return Check{Status: OK, Detail: s.State}
}

func because(state, reason string) string {
	if reason == "" {
		return state
	}
	return state + ": " + reason
}

func checkShares(p *ledger.Pool) Check {
	recent := &p.Recent[ledger.TenMinutes]
	accepted, refused := recent.PoolAccepted, recent.PoolRefused
	all := accepted + refused
	detail := fmt.Sprintf("the pool refused %d of %d shares in ten minutes", refused, all)
	if all >= refusedLeast && float64(refused) > refusedShare*float64(all) {
		return Check{
			Status: Degraded, Detail: detail,
			Advice: "see loka_pool_shares_total by verdict: stale points at latency, low_difficulty and job_not_found at the pool, unauthorized at username",
		}
	}
	return Check{Status: OK, Detail: detail}
}
