package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/work"
)

const (
	// autoPoints is how many points there are at most where the step is not said,
	// maxPoints where it is.
	autoPoints = 1500
	maxPoints  = 50_000
)

// History is the body of GET /api/v1/history.
type History struct {
	From   time.Time      `json:"from" doc:"When the first step begins"`
	To     time.Time      `json:"to" doc:"When the last one ends, or will"`
	Until  time.Time      `json:"until" doc:"Until when the store has what happened; the rest follows within seconds, of a large farm when the minute is over"`
	Step   string         `json:"step" enum:"minute,hour,day"`
	Points []HistoryPoint `json:"points" nullable:"false" doc:"In the order of time; steps in which nothing was counted are left out"`
}

// HistoryPoint is one step of a [History].
type HistoryPoint struct {
	Time             time.Time         `json:"time" doc:"When the step begins"`
	Accepted         uint64            `json:"accepted" doc:"Shares we accepted"`
	Rejected         uint64            `json:"rejected" doc:"Shares we refused"`
	Rejects          map[string]uint64 `json:"rejects" nullable:"false" doc:"Shares that we did not accept, by verdict; unpaid is not part of rejected"`
	WorkAccepted     float64           `json:"work_accepted" doc:"Work we accepted, in difficulty-1 shares; hashes = work × 2³²"`
	Hashrate         float64           `json:"hashrate" doc:"H/s by work_accepted; of the present step by the part of it that the store has"`
	Value            Sat               `json:"value_sat" doc:"What the work we accepted was expected to earn, in satoshi"`
	PoolAccepted     uint64            `json:"pool_accepted" doc:"Shares the pool accepted"`
	PoolRejected     uint64            `json:"pool_rejected" doc:"Shares the pool refused"`
	PoolUnanswered   uint64            `json:"pool_unanswered" doc:"Shares the pool said nothing about in time; one that it answers later is counted there too"`
	PoolWorkAccepted float64           `json:"pool_work_accepted" doc:"Work the pool accepted, by the pool's difficulty"`
	PoolHashrate     float64           `json:"pool_hashrate" doc:"H/s by pool_work_accepted"`
	PoolValue        Sat               `json:"pool_value_sat" doc:"What the work the pool accepted was expected to earn, in satoshi"`
	BlocksFound      uint64            `json:"blocks_found" doc:"Blocks among the shares"`
	Lost             Sat               `json:"lost_sat" doc:"What was expected of all that was not accepted: refused by us or by the pool, unanswered, unpaid or not submitted"`

	value, poolValue, lost mining.Amount
}

type historyInput struct {
	Pick
	Period

	Step string `query:"step" enum:"auto,minute,hour,day" default:"auto" doc:"How long a step is; auto picks one that makes at most about 1500 points of the time. Sums of a minute are dropped after storage.keep_minutes"`
}

type workerHistoryInput struct {
	Period

	Name string `path:"name" doc:"The login, percent-encoded"`
	Step string `query:"step" enum:"auto,minute,hour,day" default:"auto" doc:"As in /api/v1/history"`
}

// histories registers what there was over time.
func histories(api huma.API, r *recorder) {
	describe := func(path, id, summary string) huma.Operation {
		return described[History](api, get(path, id, summary, http.StatusUnprocessableEntity), "History", historyExample())
	}
	huma.Register(api, describe("/api/v1/history", "history", "Shares, work, hashrate and value over time, by our verdict and by the pool's"),
		func(ctx context.Context, in *historyInput) (*jsonOutput, error) {
			return r.history(ctx, in.Pick, in.Period, in.Step)
		})
	huma.Register(api, describe("/api/v1/workers/{name}/history", "worker-history", "The same of one worker"),
		func(ctx context.Context, in *workerHistoryInput) (*jsonOutput, error) {
			return r.history(ctx, Pick{Worker: in.Name}, in.Period, in.Step)
		})
}

// history answers one of both.
func (r *recorder) history(ctx context.Context, p Pick, when Period, step string) (*jsonOutput, error) {
	now := r.Now()
	from, to, err := when.between(now, defaultBack)
	if err != nil {
		return nil, err
	}
	s := r.stepOf(step, from, to)
	from, to = s.Floor(from), ceil(s, to)
	if n := to.Sub(from) / s.Length(); n > maxPoints {
		return nil, wrong("step", fmt.Sprintf("%d points of a %s are too many, at most %d are given: ask for a longer step or a shorter time", n, s, maxPoints))
	}
	q := &question{"history", s, r.filter(p, from, to)}
	return r.answer(ctx, q, func(ctx context.Context) (any, error) {
		before := r.shipped(now)
		points, err := r.points(ctx, q)
		until := r.shipped(now)
		if until.IsZero() || !until.Equal(before) { // it may have any part of what was on its way
			until = now
		}
		for i := range points {
			points[i].finish(s, until)
		}
		return History{from, to, until.UTC(), s.String(), points}, err
	})
}

// shipped is until when the store has all, now at the latest; the zero time where that is
// not known.
func (r *recorder) shipped(now time.Time) time.Time {
	if r.Shipped == nil {
		return now
	}
	if at := r.Shipped(); at.Before(now) {
		return at
	}
	return now
}

// stepOf is the step of that name, or one that suits the time.
func (r *recorder) stepOf(name string, from, to time.Time) store.Step {
	for _, s := range store.Steps() {
		fits := to.Sub(from) <= autoPoints*s.Length() && (s != store.Minute || !from.Before(r.minutesSince()))
		if name == s.String() || name == "auto" && fits {
			return s
		}
	}
	return store.Day
}

// minutesSince is since when there are sums of a minute.
func (r *recorder) minutesSince() time.Time {
	if r.KeepMinutes <= 0 {
		return time.Time{}
	}
	return r.Now().Add(-r.KeepMinutes)
}

// points puts the two columns together.
func (r *recorder) points(ctx context.Context, q *question) ([]HistoryPoint, error) {
	series, err := r.Warehouse.Series(ctx, q.filter, q.step)
	if err != nil {
		return nil, err
	}
	points, at := []HistoryPoint{}, map[int64]int{}
	for i := range series {
		p := &series[i]
		n, ok := at[p.At.Unix()]
		if !ok {
			n = len(points)
			at[p.At.Unix()] = n
			points = append(points, HistoryPoint{Time: p.At.UTC(), Rejects: map[string]uint64{}})
		}
		points[n].add(p)
	}
	for _, route := range r.dedicated(q.filter.Route) {
		if err := r.unlose(ctx, q, route, func(t time.Time) *HistoryPoint {
			if n, ok := at[t.Unix()]; ok {
				return &points[n]
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// unlose takes back what the pools of a dedicated route refused, which is lost by
// our verdict already.
func (r *recorder) unlose(ctx context.Context, q *question, route string, at func(time.Time) *HistoryPoint) error {
	f := q.filter
	f.Route = route
	series, err := r.Warehouse.Series(ctx, f, q.step)
	for i := range series {
		p := &series[i]
		if point := at(p.At); point != nil && p.Side == store.Pools && p.Verdict != mining.Accepted {
			point.lost = point.lost.Sub(p.Value)
		}
	}
	return err
}

// add adds one side and verdict.
func (h *HistoryPoint) add(p *store.Point) {
	accepted := p.Verdict == mining.Accepted
	switch p.Side {
	case store.Ours:
		if accepted {
			h.Accepted += p.Shares
			h.WorkAccepted += p.Work
			h.value = h.value.Add(p.Value)
			return
		}
		h.Rejects[p.Verdict.String()] += p.Shares
		if p.Verdict != mining.Unpaid {
			h.Rejected += p.Shares
		}
		h.lost = h.lost.Add(p.Value)
	case store.Pools:
		if accepted {
			h.PoolAccepted += p.Shares
			h.PoolWorkAccepted += p.Work
			h.poolValue = h.poolValue.Add(p.Value)
			return
		}
		if p.Verdict == mining.Unanswered {
			h.PoolUnanswered += p.Shares
		} else {
			h.PoolRejected += p.Shares
		}
		h.lost = h.lost.Add(p.Value)
	case store.Unsent:
		h.lost = h.lost.Add(p.Value)
	case store.Found:
		h.BlocksFound += p.Shares
	case store.Sent, store.Twice:
	}
}

// finish fills in what follows from the rest, of what the store has until then.
func (h *HistoryPoint) finish(s store.Step, until time.Time) {
	length := s.Length()
	if passed := until.Sub(h.Time); passed < length {
		length = max(passed, time.Second)
	}
	h.Hashrate, h.PoolHashrate = finite(work.Hashrate(h.WorkAccepted, length)), finite(work.Hashrate(h.PoolWorkAccepted, length))
	h.Value, h.PoolValue, h.Lost = sat(h.value), sat(h.poolValue), sat(h.lost)
}

// finite keeps a number within what JSON can say.
func finite(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return max(-math.MaxFloat64, min(x, math.MaxFloat64))
}

// historyExample is an answer for the description.
func historyExample() any {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return History{at, at.Add(time.Hour), at.Add(time.Hour), "hour", []HistoryPoint{{
		Time: at, Accepted: 360, Rejected: 2, Rejects: map[string]uint64{"stale": 2},
		WorkAccepted: 368640, Hashrate: 4.398e11, Value: sat(mining.Amount{Sat: 1024, Pico: 5e11}),
		PoolAccepted: 45, PoolWorkAccepted: 368640, PoolHashrate: 4.398e11, PoolValue: sat(mining.Amount{Sat: 1024, Pico: 5e11}),
		Lost: sat(mining.Amount{Sat: 5, Pico: 6e11}),
	}}}
}
