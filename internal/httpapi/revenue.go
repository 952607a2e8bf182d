package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
)

// RevenueList is the body of GET /api/v1/revenue.
type RevenueList struct {
	From    time.Time `json:"from" doc:"When it begins: with the minute, or with the hour where there are no sums of minutes any more"`
	To      time.Time `json:"to" doc:"When it ends, or will, likewise"`
	By      string    `json:"by" enum:"worker,user,pool,route,farm"`
	All     Revenue   `json:"all" doc:"The sum, whatever limit and offset"`
	Revenue []Revenue `json:"revenue" nullable:"false" doc:"Sorted by name"`
	Total   int       `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// Revenue is what somebody's work was expected to earn, and what became of it.
type Revenue struct {
	Name       string           `json:"name" doc:"A login, user, pool or route, or farm. Empty: of logins without a user"`
	Shares     uint64           `json:"shares" doc:"Shares we accepted"`
	Work       float64          `json:"work" doc:"Work we accepted, in difficulty-1 shares"`
	Value      Sat              `json:"value_sat" doc:"What it was expected to earn, in satoshi"`
	Blocks     float64          `json:"expected_blocks" doc:"How many blocks it was expected to find"`
	PoolShares uint64           `json:"pool_shares" doc:"Shares the pool accepted"`
	PoolWork   float64          `json:"pool_work" doc:"Work the pool accepted, by the pool's difficulty"`
	PoolValue  Sat              `json:"pool_value_sat" doc:"What that was expected to earn, in satoshi"`
	Lost       map[string]Tally `json:"lost" nullable:"false" doc:"What was not accepted, by reason: our verdicts, the pool's with pool_ before them, and not_submitted. In dedicated mode our verdict is the pool's, and what it refused is in both"`
	LostValue  Sat              `json:"lost_sat" doc:"What was expected of all that was not accepted, each share once"`
	Sent       Tally            `json:"sent" doc:"Shares that were handed to the pool"`
	Answered   Tally            `json:"answered" doc:"Shares that it answered, whatever it said"`
	Unanswered Tally            `json:"unanswered" doc:"Shares that it said nothing about in time; one that it answers later is in both"`
	Gap        Gap              `json:"gap" doc:"What was sent less what the pool accepted"`
}

// Tally is some shares.
type Tally struct {
	Shares uint64  `json:"shares"`
	Work   float64 `json:"work" doc:"In difficulty-1 shares"`
	Value  Sat     `json:"value_sat" doc:"What it was expected to earn, in satoshi"`
}

// Gap is a difference of two tallies; it may be below nothing for a while, for a
// share may be accepted in the hour after it was sent.
type Gap struct {
	Shares int64    `json:"shares"`
	Work   float64  `json:"work" doc:"In difficulty-1 shares"`
	Value  Sat      `json:"value_sat" doc:"In satoshi"`
	Ratio  *float64 `json:"ratio" doc:"The work of it as a part of what was sent; null: nothing was sent"`
}

type revenueInput struct {
	Pick
	Period
	Paging

	By string `query:"by" enum:"worker,user,pool,route,farm" default:"worker" doc:"What the sums are of"`
}

// revenues registers what was earned and lost.
func revenues(api huma.API, r *recorder) {
	op := described[RevenueList](api, get("/api/v1/revenue", "revenue", "What work was expected to earn, what was lost and why, and what was sent against what the pool accepted", http.StatusUnprocessableEntity),
		"RevenueList", nil)
	huma.Register(api, op, func(ctx context.Context, in *revenueInput) (*jsonOutput, error) {
		from, to, err := in.between(r.Now(), defaultBack)
		if err != nil {
			return nil, err
		}
		parts := pieces(from, to, r.minutesSince())
		from, to = parts[0].from, parts[len(parts)-1].to
		q := &question{fmt.Sprintf("revenue %s %d %d", in.By, in.Limit, in.Offset), store.Day, r.filter(in.Pick, from, to)}
		return r.answer(ctx, q, func(ctx context.Context) (any, error) {
			all, total, err := r.revenue(ctx, q.filter, in.By, parts)
			return RevenueList{from, to, in.By, total, cut(in.Paging, all), len(all)}, err
		})
	})
}

// groupOf is what sums are by for a word of the API; routes are always told apart,
// for what is lost depends on their mode.
func groupOf(by string) store.Group {
	return store.Group{Worker: by == "worker", User: by == "user", Pool: by == "pool", Route: true}
}

// revenue adds up who earned what, and all of it.
func (r *recorder) revenue(ctx context.Context, f store.Filter, by string, parts []piece) ([]Revenue, Revenue, error) {
	dedicated := r.dedicated(f.Route)
	names, all := map[string]*account{}, newAccount("farm")
	for _, part := range parts {
		f.From, f.To = part.from, part.to
		sums, err := r.Warehouse.Sums(ctx, f, part.step, groupOf(by))
		if err != nil {
			return nil, Revenue{}, err
		}
		for i := range sums {
			name := nameOf(&sums[i], by)
			a := names[name]
			if a == nil {
				a = newAccount(name)
				names[name] = a
			}
			twice := slices.Contains(dedicated, sums[i].Route)
			a.add(&sums[i], twice)
			all.add(&sums[i], twice)
		}
	}
	out := make([]Revenue, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, names[name].revenue())
	}
	return out, all.revenue(), nil
}

// nameOf is whose a sum is.
func nameOf(s *store.Sum, by string) string {
	switch by {
	case "worker":
		return s.Worker
	case "user":
		return s.User
	case "pool":
		return s.Pool
	case "route":
		return s.Route
	}
	return "farm"
}

// account is what is added up for a name.
type account struct {
	name string
	// ours and pool are what was accepted.
	ours, pool, sent, answered, unanswered store.Cell
	lost                                   map[string]*store.Cell
	// lostValue has each share once.
	lostValue mining.Amount
}

func newAccount(name string) *account {
	return &account{name: name, lost: map[string]*store.Cell{}}
}

// add adds a sum; twice says that what the pool refused is in our column, too.
func (a *account) add(s *store.Sum, twice bool) {
	switch {
	case s.Side == store.Sent:
		a.sent.Add(&s.Cell)
	case s.Side == store.Unsent:
		a.lose(view.NotSubmitted, &s.Cell, true)
	case s.Side == store.Ours && s.Verdict == mining.Accepted:
		a.ours.Add(&s.Cell)
	case s.Side == store.Ours:
		a.lose(s.Verdict.String(), &s.Cell, true)
	case s.Side != store.Pools: // second answers and blocks are of shares that are counted already
	case s.Verdict == mining.Accepted:
		a.pool.Add(&s.Cell)
		a.answered.Add(&s.Cell)
	case s.Verdict == mining.Unanswered:
		a.unanswered.Add(&s.Cell)
		a.lose(view.PoolReason+s.Verdict.String(), &s.Cell, !twice)
	default:
		a.answered.Add(&s.Cell)
		a.lose(view.PoolReason+s.Verdict.String(), &s.Cell, !twice)
	}
}

// lose books what was not accepted; counts says that it is not booked elsewhere.
func (a *account) lose(reason string, c *store.Cell, counts bool) {
	if a.lost[reason] == nil {
		a.lost[reason] = new(store.Cell)
	}
	a.lost[reason].Add(c)
	if counts {
		a.lostValue = a.lostValue.Add(c.Value)
	}
}

// revenue is that for an answer.
func (a *account) revenue() Revenue {
	lost := make(map[string]Tally, len(a.lost))
	for reason, c := range a.lost {
		lost[reason] = tally(c)
	}
	gap := Gap{
		Shares: int64(a.sent.Shares) - int64(a.pool.Shares), //nolint:gosec // nobody counts to 2⁶³
		Work:   finite(a.sent.Work - a.pool.Work),
		Value:  less(a.sent.Value, a.pool.Value),
	}
	if a.sent.Work > 0 {
		ratio := finite(gap.Work / a.sent.Work)
		gap.Ratio = &ratio
	}
	return Revenue{
		Name: a.name, Shares: a.ours.Shares, Work: finite(a.ours.Work), Value: sat(a.ours.Value), Blocks: finite(a.ours.Blocks),
		PoolShares: a.pool.Shares, PoolWork: finite(a.pool.Work), PoolValue: sat(a.pool.Value),
		Lost: lost, LostValue: sat(a.lostValue),
		Sent: tally(&a.sent), Answered: tally(&a.answered), Unanswered: tally(&a.unanswered), Gap: gap,
	}
}

func tally(c *store.Cell) Tally { return Tally{c.Shares, finite(c.Work), sat(c.Value)} }
