package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/payout"
	"github.com/loka/stratum/internal/store"
)

// distribute enters an earning and divides it, unless that was done before.
func (r *recorder) distribute(ctx context.Context, in *Distribute) (Payout, error) {
	e, err := r.earningOf(in)
	if err != nil {
		return Payout{}, err
	}
	entered, err := r.entered(ctx, &e)
	if err != nil {
		return Payout{}, err
	}
	var before any
	given := make([]store.Distribution, 0, 1)
	if entered.ID != 0 {
		if given, err = r.Warehouse.Distributions(ctx, entered.ID); err != nil {
			return Payout{}, r.unanswered(ctx, err)
		}
		before = outlined(&entered, given)
		for i := range given {
			if given[i].By == in.By {
				changed(ctx, before, before)
				return divided(&entered, &given[i]), nil
			}
		}
		e = entered
	}
	parts, err := r.divide(ctx, &e, in.By)
	if err != nil {
		return Payout{}, err
	}
	// From here on it is done to the end, whoever still waits for it.
	ctx = context.WithoutCancel(ctx)
	if e, err = r.enter(ctx, e); err != nil {
		return Payout{}, err
	}
	if before == nil {
		remark(ctx, "entered, and not divided")
		changed(ctx, nil, outlined(&e, nil))
	}
	d, err := r.Warehouse.Distribute(ctx, store.Distribution{Earning: e, By: in.By, Parts: parts, At: r.Now().UTC()})
	if err != nil {
		return Payout{}, r.unanswered(ctx, err)
	}
	changed(ctx, before, outlined(&e, append(given, d)))
	return divided(&e, &d), nil
}

// outlined is an earning for the audit record, with how it is divided but not among whom:
// they are as many as there are workers, and the database has them.
func outlined(e *store.Earning, given []store.Distribution) Payout {
	p := payoutOf(e)
	for i := range given {
		p.Distributions = append(p.Distributions, Distribution{given[i].By, given[i].At.UTC(), payout.Rule, []PayoutPart{}})
	}
	return p
}

func divided(e *store.Earning, d *store.Distribution) Payout {
	p := payoutOf(e)
	p.Distributions = []Distribution{distributionOf(d)}
	return p
}

// entered finds the earning of that pool and reference; one without an ID is none.
// One that says another thing is an error.
func (r *recorder) entered(ctx context.Context, e *store.Earning) (store.Earning, error) {
	all, err := r.Warehouse.Earnings(ctx, store.Filter{Instance: r.Instance, Pool: e.Pool})
	if err != nil {
		return store.Earning{}, r.unanswered(ctx, err)
	}
	for i := range all {
		was := &all[i]
		if was.Pool != e.Pool || was.Reference != e.Reference {
			continue
		}
		same := was.From.Equal(e.From) && was.To.Equal(e.To) && was.Computed == e.Computed
		if !same || !e.Computed && was.Satoshi != e.Satoshi {
			return store.Earning{}, huma.Error409Conflict(fmt.Sprintf(
				"pool %q has a payout of reference %q already, which says another thing: payout %d of %d satoshi (computed: %t) from %s to %s, entered %s; give another reference",
				was.Pool, was.Reference, was.ID, was.Satoshi, was.Computed, stamp(was.From), stamp(was.To), stamp(was.At)))
		}
		return *was, nil
	}
	return store.Earning{}, nil
}

// enter enters an earning that was not there before. Where somebody else was
// first, theirs counts.
func (r *recorder) enter(ctx context.Context, e store.Earning) (store.Earning, error) {
	out, err := r.Warehouse.Earn(ctx, e)
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, store.ErrOther):
		if was, err := r.entered(ctx, &e); err != nil || was.ID != 0 {
			return was, err
		}
		return e, huma.Error409Conflict(fmt.Sprintf("pool %q has a payout of reference %q already, which says another thing", e.Pool, e.Reference))
	}
	return e, r.unanswered(ctx, err)
}

// divide divides an earning by the work that its pool accepted in its time. One
// that is computed and not entered yet gets its amount.
func (r *recorder) divide(ctx context.Context, e *store.Earning, by string) ([]store.Part, error) {
	if err := r.complete(ctx, e.To); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	f := store.Filter{Instance: r.Instance, Pool: e.Pool}
	var value mining.Amount
	var shares []payout.Share
	for _, part := range pieces(e.From, e.To, e.To) {
		f.From, f.To = part.from, part.to
		sums, err := r.Warehouse.Sums(ctx, f, part.step, store.Group{Worker: by == "worker", User: by == "user"})
		if err != nil {
			return nil, r.unanswered(ctx, err)
		}
		for i := range sums {
			s := &sums[i]
			if s.Side == store.Pools && s.Verdict == mining.Accepted {
				shares = append(shares, payout.Share{Name: nameOf(s, by), Work: s.Work})
				value = value.Add(s.Value)
			}
		}
	}
	if e.Computed && e.ID == 0 {
		e.Satoshi = min(value.Sat, maxSatoshi)
	}
	parts, err := payout.Divide(e.Satoshi, shares)
	switch {
	case errors.Is(err, payout.ErrNoWork):
		return nil, wrongBody("pool", fmt.Sprintf("it accepted no work from %s to %s, so there is nothing to divide by; the pools that did are at /api/v1/revenue?by=pool&from=%s&to=%s",
			stamp(e.From), stamp(e.To), stamp(e.From), stamp(e.To)))
	case err != nil:
		return nil, r.unanswered(ctx, err)
	case e.Satoshi == 0:
		return nil, wrongBody("computed", "the shares that the pool accepted in that time were expected to earn less than a satoshi, so there is nothing to divide; give what was paid as amount_sat")
	}
	out := make([]store.Part, 0, len(parts))
	for _, p := range parts {
		out = append(out, store.Part{Name: p.Name, Work: p.Work, Satoshi: p.Satoshi})
	}
	return out, nil
}

// complete makes sure that all work until a time is in the warehouse, for a
// division is kept for ever.
func (r *recorder) complete(ctx context.Context, to time.Time) error {
	if r.Complete == nil {
		return nil
	}
	until, err := r.Complete(ctx)
	switch {
	case err != nil:
		return r.unanswered(ctx, err)
	case until.Before(to):
		return huma.Error503ServiceUnavailable(fmt.Sprintf("the store has the work until %s only, and a division is kept for ever: ask again once it has the rest", stamp(until)))
	}
	return nil
}

// wrongBody is the problem of a field of the body.
func wrongBody(field, text string) error {
	return huma.Error422UnprocessableEntity("", &huma.ErrorDetail{Location: "body." + field, Message: text})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
