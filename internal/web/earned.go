package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/loka/stratum/internal/view"
)

// Whose says whose earnings are asked for, and what they are to be divided by.
type Whose struct {
	// By is worker, user, pool, route or farm.
	By string
	// Worker, Pool and Route pick; empty: all.
	Worker, Pool, Route string
}

// Earned is what work was expected to earn, in satoshi, and what became of it.
type Earned struct {
	Name string
	// Shares and PoolShares were accepted by us and by the pool.
	Shares, PoolShares uint64
	Work, PoolWork     float64
	Value, PoolValue   float64
	// Lost is what was not accepted, by reason: our verdicts, the pool's with
	// [view.PoolReason] before them, and [view.NotSubmitted].
	Lost map[string]view.Loss
	// LostValue has each share once.
	LostValue float64
}

// LostPart is the part of all work that was lost.
func (e *Earned) LostPart() float64 {
	if all := e.Value + e.LostValue; all > 0 {
		return e.LostValue / all
	}
	return 0
}

// Rejected counts what was refused, by us or by the pools.
func (e *Earned) Rejected(pools bool) (n uint64) {
	for reason, l := range e.Lost {
		if ofPool := len(reason) > len(view.PoolReason) && reason[:len(view.PoolReason)] == view.PoolReason; ofPool == pools && reason != view.NotSubmitted {
			n += l.Shares
		}
	}
	return n
}

// Earner says what was earned since a time.
type Earner interface {
	Earned(ctx context.Context, of Whose, from time.Time) (parts []Earned, all Earned, err error)
}

const (
	// earnedEvery is how often the store is asked while somebody looks, watchedFor how
	// long after the last look that is.
	earnedEvery = 10 * time.Second
	watchedFor  = 2 * time.Minute
	// patience is how long a page waits for the store's answer.
	patience = 400 * time.Millisecond
	// backWithin is how long after a start workers may come back, in seconds.
	backWithin = 60
	// askAtMost bounds one question.
	askAtMost = 20 * time.Second
)

// earnings is what the store said last.
type earnings struct {
	// At is when it was asked; zero: never. Day is when the day began.
	At, Day time.Time
	// Today and Hour are all of the day so far and of the last hour, and ByPool and
	// ByRoute the latter's parts.
	Today, Hour     Earned
	ByPool, ByRoute []Earned
	// Away counts workers that had a share within the last day and are not connected.
	Away int
	// Failed says that the store did not answer when it was asked last.
	Failed bool
}

// teller asks the store, so that no page has to wait for it.
type teller struct {
	asked chan struct{}

	mu     sync.Mutex
	looked time.Time
	have   earnings
	// told is closed at the next answer.
	told chan struct{}
}

func newTeller() *teller {
	return &teller{asked: make(chan struct{}, 1), told: make(chan struct{})}
}

// Run asks the store for what pages show of it, until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if s.deps.Earner == nil {
		return nil
	}
	tick := time.NewTicker(earnedEvery)
	defer tick.Stop()
	s.ask(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.teller.asked:
			s.ask(ctx)
		case <-tick.C:
			if s.teller.watched(s.deps.Now()) {
				s.ask(ctx)
			}
		}
	}
}

func (t *teller) watched(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.looked) < watchedFor
}

// ask puts another answer in place.
func (s *Server) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askAtMost)
	defer cancel()
	now, t := s.deps.Now(), s.teller
	e := earnings{At: now, Day: now.UTC().Truncate(24 * time.Hour)}
	_, today, err := s.deps.Earner.Earned(ctx, Whose{By: "farm"}, e.Day)
	byPool, hour, err2 := s.deps.Earner.Earned(ctx, Whose{By: "pool"}, now.Add(-time.Hour))
	byRoute, _, err3 := s.deps.Earner.Earned(ctx, Whose{By: "route"}, now.Add(-time.Hour))
	e.Today, e.Hour, e.ByPool, e.ByRoute = today, hour, byPool, byRoute
	if s.deps.Model.Summary().UptimeSeconds >= backWithin { // some come back after a start
		e.Away = s.deps.Model.Away(24 * time.Hour)
	}
	err = errors.Join(err, err2, err3)
	if err != nil && ctx.Err() == nil {
		s.deps.Logger.WarnContext(ctx, "the store did not say what was earned", "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil { // what is known stays, as old as it is
		e = t.have
		e.Failed = true
	}
	t.have = e
	close(t.told)
	t.told = make(chan struct{})
}

// earnings is what the store said; it is waited for where that was long ago.
func (s *Server) earnings(ctx context.Context) earnings {
	t, now := s.teller, s.deps.Now()
	t.mu.Lock()
	have, told := t.have, t.told
	t.looked = now
	t.mu.Unlock()
	if s.deps.Earner == nil || now.Sub(have.At) < 3*earnedEvery {
		return have
	}
	select {
	case t.asked <- struct{}{}:
	default: // it is asked already
	}
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-told:
	case <-wait.C:
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.have
}
