package journal

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

// counts adds up events by key and step of time.
type counts struct {
	// rows are the sums as their keys came, and of has each of them.
	rows []*row
	of   map[rowKey]*row
	// step is how long the steps are.
	step store.Step
	// order is what sorted found when there were as many rows as it has.
	order []*row
}

type rowKey struct {
	store.Key

	at int64 // Unix seconds
}

// row is the sum of a key, with the time of its first and its last share.
type row struct {
	store.Cell

	key         rowKey
	first, last time.Time
}

func newCounts() *counts { return &counts{of: make(map[rowKey]*row)} }

func (c *counts) event(e *ledger.Event) {
	at := e.At().UTC()
	e.Counts(func(k store.Key, cell store.Cell) {
		c.add(k, at, &row{Cell: cell, first: at, last: at})
	})
}

// add adds a sum to that of a key and the step that a time is in. The sum's own key does
// not count.
func (c *counts) add(k store.Key, at time.Time, r *row) {
	key := rowKey{k, c.step.Floor(at).Unix()}
	sum := c.of[key]
	if sum == nil {
		sum = &row{Cell: r.Cell, key: key, first: r.first, last: r.last}
		c.of[key], c.rows = sum, append(c.rows, sum)
		return
	}
	sum.Add(&r.Cell)
	if r.first.Before(sum.first) {
		sum.first = r.first
	}
	if r.last.After(sum.last) {
		sum.last = r.last
	}
}

// merge adds all of other.
func (c *counts) merge(other *counts) {
	c.step = max(c.step, other.step)
	for _, r := range other.rows {
		c.add(r.key.Key, time.Unix(r.key.at, 0), r)
	}
}

// shrink makes the steps longer until there are no more than so many sums, or
// the steps are days.
func (c *counts) shrink(most int) {
	for len(c.rows) > most && c.step < store.Day {
		coarse := newCounts()
		coarse.step = c.step + 1
		coarse.merge(c)
		*c = *coarse
	}
}

// sorted are the sums in the order of time and names.
func (c *counts) sorted() []*row {
	if len(c.order) == len(c.rows) {
		return c.order
	}
	c.order = slices.Clone(c.rows)
	slices.SortFunc(c.order, func(x, y *row) int {
		a, b := &x.key, &y.key
		if first := cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.Worker, b.Worker)); first != 0 {
			return first // as it is of nearly all
		}
		return cmp.Or(strings.Compare(a.Pool, b.Pool), strings.Compare(a.Route, b.Route), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Verdict, b.Verdict))
	})
	return c.order
}

// rollups are the sums as a warehouse takes them.
func (c *counts) rollups() []store.Rollup {
	out := make([]store.Rollup, 0, len(c.rows))
	for _, r := range c.sorted() {
		out = append(out, store.Rollup{Key: r.key.Key, Cell: r.Cell, At: time.Unix(r.key.at, 0).UTC()})
	}
	return out
}

// totals are the sums whatever their time.
func (c *counts) totals() []store.Total {
	at := make(map[store.Key]int)
	var out []store.Total
	for _, r := range c.sorted() {
		i, ok := at[r.key.Key]
		if !ok {
			i = len(out)
			at[r.key.Key] = i
			out = append(out, store.Total{Key: r.key.Key})
		}
		t := &out[i]
		t.Add(&r.Cell)
		if r.last.After(t.Last) {
			t.Last = r.last
		}
	}
	return out
}

// workers are those who handed in shares.
func (c *counts) workers() []store.Worker {
	at := make(map[string]int)
	var out []store.Worker
	var latest []time.Time
	for _, r := range c.sorted() {
		k := &r.key
		if k.Side != store.Ours {
			continue
		}
		i, ok := at[k.Worker]
		if !ok {
			i = len(out)
			at[k.Worker] = i
			out, latest = append(out, store.Worker{Login: k.Worker, First: r.first}), append(latest, time.Time{})
		}
		w := &out[i]
		if r.first.Before(w.First) {
			w.First = r.first
		}
		if r.last.After(w.Last) {
			w.Last = r.last
		}
		if !r.last.Before(latest[i]) {
			w.Route, latest[i] = k.Route, r.last
		}
		w.Best = max(w.Best, r.Best)
	}
	return out
}
