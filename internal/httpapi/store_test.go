package httpapi

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// fakeStore is a warehouse in memory. It has rollups of a minute, of which the
// longer steps are made.
type fakeStore struct {
	mu            sync.Mutex
	rollups       []store.Rollup
	shares        []store.Share
	blocks        []store.Block
	earnings      []store.Earning
	distributions []store.Distribution
	acts          []store.Act
	// asked counts questions; fail is what all of them end with, and failAfter how
	// many rows come before it.
	asked     int
	fail      error
	failAfter int
	// undivided is why nothing is divided that is entered.
	undivided error
}

// What the store has is what is asked of it.
var _ Warehouse = store.Warehouse(nil)

// noon is when the hour begins whose records there are; now is 40 minutes later.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func newRecords(s *fakeStore) *Records {
	now := func() time.Time { return noon.Add(40 * time.Minute) }
	kept, err := NewCache(now)
	if err != nil {
		panic(err)
	}
	return &Records{Warehouse: s, Instance: "test", Now: now, KeepMinutes: 30 * 24 * time.Hour, Cache: kept}
}

// newStore is of a farm with a shared route; dual is a dedicated one, of which no
// pool has a verdict of its own.
func newStore() *fakeStore {
	s := new(fakeStore)
	for hour := range 3 {
		at := noon.Add(time.Duration(hour-2)*time.Hour + 5*time.Minute)
		for _, login := range []string{"alice.rig1", "alice.rig2", "bob"} {
			s.count(at, login, store.Ours, mining.Accepted, 64)
			s.count(at, login, store.Ours, mining.Stale, 2)
			s.count(at, login, store.Sent, mining.Accepted, 64)
			s.count(at, login, store.Pools, mining.Accepted, 60)
			s.count(at, login, store.Pools, mining.LowDifficulty, 1)
			s.count(at, login, store.Pools, mining.Unanswered, 2)
		}
		s.count(at, "alice.rig1", store.Unsent, mining.Accepted, 3)
		s.count(at, "bob", store.Ours, mining.Unpaid, 5)
	}
	for i := range 5 {
		s.shares = append(s.shares, store.Share{
			ID: uint64(i + 1), At: noon.Add(time.Duration(i) * time.Millisecond), Worker: "alice.rig1", Pool: "main", Route: "farm",
			Verdict: mining.Accepted, Difficulty: 1024, Reached: 2048.5, Value: mining.Amount{Sat: int64(i), Pico: 1},
			Sent: true, PoolVerdict: mining.Stale, PoolDifficulty: 2048, PoolValue: mining.MaxAmount,
		})
	}
	s.shares[4].Worker = "=HYPERLINK(\"http://x\").rig,1"
	s.blocks = []store.Block{{
		Hash: "00ab", At: noon, Height: 840_000, Worker: "bob", Pool: "main", Route: "farm", Difficulty: 1e14, Network: 9e13, Reward: 312_500_000, Verdict: mining.Accepted,
	}}
	return s
}

// count adds a rollup of that many shares of difficulty 2 and 0.1 satoshi each.
func (s *fakeStore) count(at time.Time, login string, side store.Side, v mining.Verdict, shares uint64) {
	s.rollups = append(s.rollups, store.Rollup{
		Key:  store.Key{Worker: login, Pool: "main", Route: "farm", Side: side, Verdict: v},
		Cell: store.Cell{Shares: shares, Work: 2 * float64(shares), Value: mining.Amount{Sat: int64(shares / 10), Pico: int64(shares%10) * 1e11}, Blocks: 1e-9},
		At:   at,
	})
}

// take are the rollups of a step.
func (s *fakeStore) take(f store.Filter, step store.Step) ([]store.Rollup, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if f.Instance != "test" {
		panic("the records of instance " + f.Instance)
	}
	var out []store.Rollup
	for _, r := range s.rollups {
		r.At = step.Floor(r.At)
		if fits(f, r.Worker, r.Pool, r.Route) && !r.At.Before(f.From) && (f.To.IsZero() || r.At.Before(f.To)) {
			out = append(out, r)
		}
	}
	return out, s.fail
}

func fits(f store.Filter, worker, pool, route string) bool {
	return (f.Worker == "" || f.Worker == worker) && (f.User == "" || f.User == userOf(worker)) &&
		(f.Pool == "" || f.Pool == pool) && (f.Route == "" || f.Route == route)
}

func (s *fakeStore) Series(_ context.Context, f store.Filter, step store.Step) ([]store.Point, error) {
	all, err := s.take(f, step)
	out := make([]store.Point, 0, len(all))
	for i := range all {
		out = append(out, store.Point{Cell: all[i].Cell, At: all[i].At, Side: all[i].Side, Verdict: all[i].Verdict})
	}
	slices.SortStableFunc(out, func(a, b store.Point) int { return a.At.Compare(b.At) })
	return out, err
}

func (s *fakeStore) Sums(_ context.Context, f store.Filter, step store.Step, by store.Group) ([]store.Sum, error) {
	all, err := s.take(f, step)
	out := make([]store.Sum, 0, len(all))
	for i := range all {
		sum := store.Sum{Key: all[i].Key, Cell: all[i].Cell}
		if by.User {
			sum.User = userOf(sum.Worker)
		}
		if !by.Worker {
			sum.Worker = ""
		}
		if !by.Pool {
			sum.Pool = ""
		}
		if !by.Route {
			sum.Route = ""
		}
		out = append(out, sum)
	}
	return out, err
}

func (s *fakeStore) Rollups(_ context.Context, f store.Filter, step store.Step, yield func(*store.Rollup) error) error {
	all, err := s.take(f, step)
	for i := range all {
		if err := yield(&all[i]); err != nil {
			return err
		}
	}
	return err
}

func (s *fakeStore) Shares(ctx context.Context, f store.Filter, yield func(*store.Share) error) error {
	for i := range s.shares {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.fail != nil && i == s.failAfter {
			return s.fail
		}
		one := s.shares[i]
		if fits(f, one.Worker, one.Pool, one.Route) {
			if err := yield(&one); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *fakeStore) Blocks(_ context.Context, f store.Filter, most int) ([]store.Block, error) {
	var out []store.Block
	for _, b := range s.blocks {
		if fits(f, b.Worker, b.Pool, b.Route) && len(out) < most {
			out = append(out, b)
		}
	}
	return out, s.fail
}

func (s *fakeStore) Workers(context.Context, store.Filter) ([]store.Worker, error) {
	return nil, s.fail
}

func (s *fakeStore) Earn(_ context.Context, e store.Earning) (store.Earning, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return e, s.fail
	}
	for _, was := range s.earnings {
		if was.Pool == e.Pool && was.Reference == e.Reference {
			if was.From.Equal(e.From) && was.To.Equal(e.To) && was.Satoshi == e.Satoshi && was.Computed == e.Computed {
				return was, nil
			}
			return e, store.ErrOther
		}
	}
	e.ID = int64(len(s.earnings) + 1)
	s.earnings = append(s.earnings, e)
	return e, nil
}

func (s *fakeStore) Earnings(_ context.Context, f store.Filter) ([]store.Earning, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.Earning
	for _, e := range s.earnings {
		if f.Pool == "" || f.Pool == e.Pool {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b store.Earning) int { return cmp.Compare(b.ID, a.ID) })
	return out, s.fail
}

func (s *fakeStore) Distribute(_ context.Context, d store.Distribution) (store.Distribution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.undivided != nil {
		return d, s.undivided
	}
	for _, was := range s.distributions {
		if was.Earning.ID == d.Earning.ID && was.By == d.By {
			return was, nil
		}
	}
	s.distributions = append(s.distributions, d)
	return d, s.fail
}

func (s *fakeStore) Distributions(_ context.Context, earning int64) ([]store.Distribution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.Distribution
	for _, d := range s.distributions {
		if d.Earning.ID == earning {
			out = append(out, d)
		}
	}
	return out, s.fail
}

func (s *fakeStore) Audit(ctx context.Context, instance string, a store.Act) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if instance != "test" || ctx.Err() != nil {
		panic("an act of instance " + instance)
	}
	s.acts = append(s.acts, a)
	return nil
}

func (s *fakeStore) Acts(_ context.Context, _ string, most int) ([]store.Act, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.acts)
	slices.Reverse(out)
	return out[:min(most, len(out))], s.fail
}
