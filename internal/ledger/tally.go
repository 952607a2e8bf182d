package ledger

import (
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/work"
)

// verdicts is the number of values a Verdict can have, Pending included.
const verdicts = int(mining.Unanswered) + 1

// maxWork bounds what one share can be worth (difficulty of the smallest
// target), so that no pool's nonsense can make a sum infinite.
const maxWork = 0x1p224

// Cell is what was counted of one verdict.
type Cell struct {
	Shares uint64
	// Work is in difficulty-1 shares (2³² hashes); of what was refused, what it
	// would have been.
	Work float64
	// Value is what that was expected to earn.
	Value mining.Amount
}

func (c *Cell) add(o Cell) {
	c.Shares += o.Shares
	c.Work += o.Work
	c.Value = c.Value.Add(o.Value)
}

// Cells are counts by verdict; index 0 (Pending) is always empty.
type Cells [verdicts]Cell

// Of returns the number of shares of one verdict.
func (c *Cells) Of(v mining.Verdict) uint64 {
	if int(v) >= len(c) {
		return 0
	}
	return c[v].Shares
}

// Accepted is the number of accepted shares.
func (c *Cells) Accepted() uint64 { return c[mining.Accepted].Shares }

// Rejected is the number of shares with any verdict but Accepted and Unpaid:
// whoever handed an unpaid one in was told that it was taken.
func (c *Cells) Rejected() (n uint64) {
	for v := range c {
		if v != int(mining.Accepted) && v != int(mining.Unpaid) {
			n += c[v].Shares
		}
	}
	return n
}

// Refused is Rejected without Unanswered: what a pool really said no to.
func (c *Cells) Refused() uint64 { return c.Rejected() - c.Of(mining.Unanswered) }

// Lost is what was not accepted, all of it.
func (c *Cells) Lost() (sum Cell) {
	for v := range c {
		if v != int(mining.Accepted) {
			sum.add(c[v])
		}
	}
	return sum
}

// Tally is what an account holds.
type Tally struct {
	// Ours counts shares by our own verdict, with the difficulty that the miner
	// was assigned; Pools by the pool's, with the pool's difficulty.
	Ours, Pools Cells
	// Sent is what was handed to the pool, with the pool's difficulty, counted
	// when the pool has answered it or will not; Unsent is work that was done for
	// it and could not be handed over.
	Sent, Unsent Cell
	// Twice is what the pool answered more than once.
	Twice Cell
	// Found are the blocks among the shares, and Blocks is how many were to be
	// expected of our accepted shares.
	Found  Cell
	Blocks float64
}

// WorkAccepted sums the assigned difficulty of shares that we accepted, in
// difficulty-1 shares.
func (t *Tally) WorkAccepted() float64 { return t.Ours[mining.Accepted].Work }

// PoolWorkAccepted sums the pool's difficulty of shares that it accepted.
func (t *Tally) PoolWorkAccepted() float64 { return t.Pools[mining.Accepted].Work }

// Gap is what was handed to the pool and was not accepted by it.
func (t *Tally) Gap() Cell {
	got := t.Pools[mining.Accepted]
	return Cell{
		Shares: t.Sent.Shares - min(got.Shares, t.Sent.Shares),
		Work:   max(t.Sent.Work-got.Work, 0),
		Value:  t.Sent.Value.Sub(got.Value),
	}
}

// at is the cell of a side and a verdict.
func (t *Tally) at(side store.Side, v mining.Verdict) *Cell {
	switch side {
	case store.Ours:
		return &t.Ours[v]
	case store.Pools:
		return &t.Pools[v]
	case store.Sent:
		return &t.Sent
	case store.Unsent:
		return &t.Unsent
	case store.Twice:
		return &t.Twice
	case store.Found:
		return &t.Found
	}
	return new(Cell) // of a later version
}

// counted is what an entry counts, worked out once for all of its accounts.
type counted struct {
	n     int
	cells [4]struct { // of our verdict, sent, of the pool's, unsent
		Cell

		side    store.Side
		verdict mining.Verdict
	}
	blocks float64
}

func (e *Entry) counted() (c counted) {
	e.counts(func(side store.Side, v mining.Verdict, cell Cell) {
		at := &c.cells[c.n]
		at.side, at.verdict, at.Cell = side, v, cell
		c.n++
	})
	c.blocks = e.blocks()
	return c
}

func (t *Tally) record(c *counted) {
	for i := range c.cells[:c.n] {
		of := &c.cells[i]
		t.at(of.side, of.verdict).add(of.Cell)
	}
	t.Blocks += c.blocks
}

func (t *Tally) add(o *Tally) {
	for v := range t.Ours {
		t.Ours[v].add(o.Ours[v])
		t.Pools[v].add(o.Pools[v])
	}
	t.Sent.add(o.Sent)
	t.Unsent.add(o.Unsent)
	t.Twice.add(o.Twice)
	t.Found.add(o.Found)
	t.Blocks += o.Blocks
}

// clampWork turns a difficulty into work that sums stay finite with; what is
// not a positive number is worth nothing.
func clampWork(d work.Difficulty) float64 {
	f := float64(d)
	if !(f > 0) { // NaN too
		return 0
	}
	return min(f, maxWork)
}
