package httpapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/web"
)

// Earnings says what was earned and lost, for the page. It is what GET /api/v1/revenue
// answers by.
type Earnings struct{ *recorder }

// NewEarnings makes one of records.
func NewEarnings(r *Records, m *view.Model) Earnings {
	return Earnings{&recorder{Records: r, model: m, log: slog.New(slog.DiscardHandler)}}
}

// Earned implements [web.Earner].
func (e Earnings) Earned(ctx context.Context, of web.Whose, from time.Time) ([]web.Earned, web.Earned, error) {
	parts := pieces(from, e.Now(), e.minutesSince())
	if len(parts) == 0 {
		return nil, web.Earned{}, nil
	}
	f := e.filter(Pick{Worker: of.Worker, Pool: of.Pool, Route: of.Route}, time.Time{}, time.Time{})
	all, total, err := e.revenue(ctx, f, of.By, parts)
	if err != nil {
		return nil, web.Earned{}, err
	}
	out := make([]web.Earned, 0, len(all))
	for i := range all {
		out = append(out, all[i].earned())
	}
	return out, total.earned(), nil
}

func (r *Revenue) earned() web.Earned {
	lost := make(map[string]view.Loss, len(r.Lost))
	for reason, t := range r.Lost {
		lost[reason] = view.Loss{Shares: t.Shares, Work: t.Work, Value: t.Value.float()}
	}
	return web.Earned{
		Name: r.Name, Shares: r.Shares, Work: r.Work, Value: r.Value.float(),
		PoolShares: r.PoolShares, PoolWork: r.PoolWork, PoolValue: r.PoolValue.float(),
		Lost: lost, LostValue: r.LostValue.float(),
	}
}

// float is the amount as near as a float comes to it.
func (s Sat) float() float64 {
	if s.negative {
		return -s.amount.Float()
	}
	return s.amount.Float()
}

var _ web.Earner = Earnings{}
