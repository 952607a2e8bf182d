package journal

import (
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
	"github.com/loka/stratum/work"
)

// deed is an entry by the names of its books.
type deed struct {
	ledger.Entry

	worker, pool, route string
	hash                work.Hash // of what is Found
}

// model is what a stream has counted and what is known of its shares, worked out
// without the packages under test.
type model struct {
	cells  map[rowKey]*store.Cell // by the minute
	shares map[uint64]*store.Share
	blocks map[string]mining.Verdict
}

func newModel() *model {
	return &model{make(map[rowKey]*store.Cell), make(map[uint64]*store.Share), make(map[string]mining.Verdict)}
}

func clamped(d work.Difficulty) float64 {
	if math.IsNaN(float64(d)) || d < 0 {
		return 0
	}
	return min(float64(d), 0x1p224)
}

func (d *deed) worth(of work.Difficulty) mining.Amount {
	if d.Job == nil {
		return mining.Amount{}
	}
	return mining.Worth(of, d.Job.Network, d.Job.Reward)
}

// take counts a deed.
func (m *model) take(d *deed) {
	one := func(side store.Side, v mining.Verdict, of work.Difficulty) *store.Cell {
		key := rowKey{store.Key{Worker: d.worker, Pool: d.pool, Route: d.route, Side: side, Verdict: v}, d.At.Unix() / 60 * 60}
		if m.cells[key] == nil {
			m.cells[key] = new(store.Cell)
		}
		m.cells[key].Add(&store.Cell{Shares: 1, Work: clamped(of), Value: d.worth(of)})
		return m.cells[key]
	}
	switch {
	case d.Found:
		one(store.Found, mining.Accepted, d.ShareDifficulty)
		m.blocks[d.hash.String()] = d.PoolVerdict
		return
	case d.Twice:
		one(store.Twice, d.PoolVerdict, d.PoolDifficulty)
		return
	case d.Unsent > 0:
		one(store.Unsent, mining.Accepted, d.Unsent)
	}
	if d.Verdict != mining.Pending {
		c := one(store.Ours, d.Verdict, d.Difficulty)
		if d.Verdict == mining.Accepted {
			c.Best = max(c.Best, clamped(d.ShareDifficulty))
			if d.Job != nil && d.Job.Network > 0 {
				c.Blocks += min(clamped(d.Difficulty)/float64(d.Job.Network), 1)
			}
		}
	}
	if d.Sent {
		one(store.Sent, mining.Accepted, d.PoolDifficulty)
	}
	if d.PoolVerdict != mining.Pending {
		one(store.Pools, d.PoolVerdict, d.PoolDifficulty)
	}
	m.share(d)
}

// share keeps a share, or what is news of one.
func (m *model) share(d *deed) {
	s := m.shares[uint64(d.ID)]
	if d.Verdict != mining.Pending {
		s = &store.Share{
			ID: uint64(d.ID), At: d.At.Truncate(time.Microsecond), Worker: relational.Text(d.worker), Pool: d.pool, Route: d.route,
			Verdict: d.Verdict, Difficulty: clamped(d.Difficulty), Reached: clamped(d.ShareDifficulty), Value: d.worth(d.Difficulty),
		}
		m.shares[s.ID] = s
	}
	if s == nil {
		return
	}
	s.Sent = s.Sent || d.Sent
	if d.PoolVerdict != mining.Pending {
		s.PoolVerdict, s.PoolDifficulty, s.PoolValue = d.PoolVerdict, clamped(d.PoolDifficulty), d.worth(d.PoolDifficulty)
	}
}

// add adds all of another.
func (m *model) add(of *model) {
	for k, c := range of.cells {
		if m.cells[k] == nil {
			m.cells[k] = new(store.Cell)
		}
		m.cells[k].Add(c)
	}
	maps.Copy(m.blocks, of.blocks)
}

// group is what cells are added up by.
type group struct {
	at                        int64
	worker, user, pool, route string
	side                      store.Side
	verdict                   mining.Verdict
}

func (g group) String() string {
	return fmt.Sprintf("%v %q of %q, pool %q, route %q, %v %v", time.Unix(g.at, 0).UTC(), g.worker, g.user, g.pool, g.route, g.side, g.verdict)
}

// sums are cells by group.
type sums map[group]store.Cell

func (s sums) add(g group, c store.Cell) {
	sum := s[g]
	sum.Add(&c)
	s[g] = sum
}

// by adds all up by what of returns, with names as a database has them.
func (m *model) by(of func(k *rowKey, user string) (group, bool)) sums {
	out := make(sums)
	for k, c := range m.cells {
		k.Worker = relational.Text(k.Worker)
		if g, ok := of(&k, mining.NewWorker(k.Worker).User); ok {
			g.side, g.verdict = k.Side, k.Verdict
			out.add(g, *c)
		}
	}
	return out
}

// nearly compares work, whose sums depend on their order.
func nearly(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

func sameCell(a, b *store.Cell) bool {
	return a.Shares == b.Shares && a.Value == b.Value && a.Best == b.Best && nearly(a.Work, b.Work) && nearly(a.Blocks, b.Blocks)
}

// differ names one group in which two differ; empty: there is none.
func (s sums) differ(want sums) string {
	for g, w := range want {
		got := s[g]
		if !sameCell(&got, &w) {
			return fmt.Sprintf("%v: got %+v, want %+v", g, got, w)
		}
	}
	for g, got := range s {
		if _, ok := want[g]; !ok {
			return fmt.Sprintf("%v: got %+v, want none", g, got)
		}
	}
	return ""
}

// tally adds up what an account of the ledger has to hold.
func (m *model) tally(of func(k *store.Key) bool) (t ledger.Tally, best float64) {
	for k, c := range m.cells {
		if !of(&k.Key) {
			continue
		}
		cell := ledger.Cell{Shares: c.Shares, Work: c.Work, Value: c.Value}
		switch k.Side {
		case store.Ours:
			add(&t.Ours[k.Verdict], cell)
		case store.Pools:
			add(&t.Pools[k.Verdict], cell)
		case store.Sent:
			add(&t.Sent, cell)
		case store.Unsent:
			add(&t.Unsent, cell)
		case store.Twice:
			add(&t.Twice, cell)
		case store.Found:
			add(&t.Found, cell)
		}
		t.Blocks += c.Blocks
		best = max(best, c.Best)
	}
	return t, best
}

// sameTally compares accounts.
func sameTally(a, b *ledger.Tally) bool {
	same := func(a, b ledger.Cell) bool {
		return a.Shares == b.Shares && a.Value == b.Value && nearly(a.Work, b.Work)
	}
	ok := same(a.Sent, b.Sent) && same(a.Unsent, b.Unsent) && same(a.Twice, b.Twice) && same(a.Found, b.Found) && nearly(a.Blocks, b.Blocks)
	for v := range a.Ours {
		ok = ok && same(a.Ours[v], b.Ours[v]) && same(a.Pools[v], b.Pools[v])
	}
	return ok
}
