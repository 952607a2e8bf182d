package storetest

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// model is a warehouse in memory, of one instance.
type model struct {
	shares  map[uint64]*store.Share
	rollups map[store.Step]map[time.Time]map[store.Key]store.Cell
	workers map[string]*store.Worker
}

// newModel is one with nothing in it.
func newModel() *model {
	m := &model{shares: map[uint64]*store.Share{}, rollups: map[store.Step]map[time.Time]map[store.Key]store.Cell{}, workers: map[string]*store.Worker{}}
	for _, s := range store.Steps() {
		m.rollups[s] = map[time.Time]map[store.Key]store.Cell{}
	}
	return m
}

// apply takes a chunk.
func (m *model) apply(c *store.Chunk) {
	for i := range c.Shares {
		m.share(c.Shares[i])
	}
	for i := range c.Rollups {
		r := &c.Rollups[i]
		for _, step := range store.Steps() {
			at := step.Floor(r.At)
			if m.rollups[step][at] == nil {
				m.rollups[step][at] = map[store.Key]store.Cell{}
			}
			was := m.rollups[step][at][r.Key]
			was.Add(&r.Cell)
			m.rollups[step][at][r.Key] = was
		}
	}
	for _, w := range c.Workers {
		was := m.workers[w.Login]
		if was == nil {
			m.workers[w.Login] = &w
			continue
		}
		if w.First.Before(was.First) {
			was.First = w.First
		}
		if !w.Last.Before(was.Last) {
			was.Last, was.Route = w.Last, w.Route
		}
		was.Best = max(was.Best, w.Best)
	}
}

// share takes a share, or what is news of one.
func (m *model) share(s store.Share) {
	if s.Verdict != mining.Pending {
		m.shares[s.ID] = &s
		return
	}
	was := m.shares[s.ID]
	if was == nil {
		return
	}
	was.Sent = was.Sent || s.Sent
	if s.PoolVerdict != mining.Pending {
		was.PoolVerdict, was.PoolDifficulty, was.PoolValue = s.PoolVerdict, s.PoolDifficulty, s.PoolValue
	}
}

// picks says whether a filter, its time aside, picks a key.
func picks(f *store.Filter, k *store.Key) bool {
	return (f.Worker == "" || f.Worker == k.Worker) && (f.User == "" || f.User == mining.NewWorker(k.Worker).User) &&
		(f.Pool == "" || f.Pool == k.Pool) && (f.Route == "" || f.Route == k.Route)
}

// within says whether a time is in a filter's.
func within(f *store.Filter, at time.Time) bool {
	return (f.From.IsZero() || !at.Before(f.From)) && (f.To.IsZero() || at.Before(f.To))
}

// all lists the rollups that a filter picks.
func (m *model) all(f *store.Filter, step store.Step) []store.Rollup {
	var all []store.Rollup
	for at, cells := range m.rollups[step] {
		for k, c := range cells {
			if within(f, at) && picks(f, &k) {
				all = append(all, store.Rollup{Key: k, Cell: c, At: at})
			}
		}
	}
	slices.SortFunc(all, compareRollups)
	return all
}

// series adds up rollups by time.
func (m *model) series(f *store.Filter, step store.Step) []store.Point {
	var points []store.Point
	for _, r := range m.all(f, step) {
		i := slices.IndexFunc(points, func(p store.Point) bool {
			return p.At.Equal(r.At) && p.Side == r.Side && p.Verdict == r.Verdict
		})
		if i < 0 {
			i = len(points)
			points = append(points, store.Point{At: r.At, Side: r.Side, Verdict: r.Verdict})
		}
		points[i].Add(&r.Cell)
	}
	slices.SortFunc(points, func(a, b store.Point) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Verdict, b.Verdict))
	})
	return points
}

// group is what sums are by of a key.
func group(k store.Key, by store.Group) (store.Key, string) {
	user := mining.NewWorker(k.Worker).User
	if !by.Worker {
		k.Worker = ""
	}
	if !by.Worker && !by.User {
		user = ""
	}
	if !by.Pool {
		k.Pool = ""
	}
	if !by.Route {
		k.Route = ""
	}
	return k, user
}

// tally adds up cells by key and user.
type tally map[tallied]*store.Cell

// tallied is what a tally is by.
type tallied struct {
	key  store.Key
	user string
}

// add adds a cell.
func (t tally) add(k store.Key, c *store.Cell, by store.Group) {
	key, user := group(k, by)
	at := tallied{key, user}
	if t[at] == nil {
		t[at] = &store.Cell{}
	}
	t[at].Add(c)
}

// sums lists a tally in the order of keys.
func (t tally) sums() []store.Sum {
	var sums []store.Sum
	for k := range maps.Keys(t) {
		sums = append(sums, store.Sum{Key: k.key, User: k.user, Cell: *t[k]})
	}
	slices.SortFunc(sums, func(a, b store.Sum) int {
		return cmp.Or(cmp.Compare(a.Worker, b.Worker), cmp.Compare(a.User, b.User), compareKeys(&a.Key, &b.Key))
	})
	return sums
}

// closeTo says whether two numbers are the same to 1 part in 10⁹.
func closeTo(a, b float64) bool {
	return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}

// sameCell says whether two cells are the same: counts, amounts and the best
// exactly, the rest to 1 part in 10⁹.
func sameCell(a, b *store.Cell) bool {
	return a.Shares == b.Shares && a.Value == b.Value && a.Best == b.Best && closeTo(a.Work, b.Work) && closeTo(a.Blocks, b.Blocks)
}
