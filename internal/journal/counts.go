package journal

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

// counts adds up events by key and step of time.
type counts struct {
	rows map[rowKey]*row
	// step is how long the steps are.
	step store.Step
}

type rowKey struct {
	store.Key

	at int64 // Unix seconds
}

// row is a sum, with the time of its first and its last share.
type row struct {
	store.Cell

	first, last time.Time
}

func newCounts() *counts { return &counts{rows: make(map[rowKey]*row)} }

func (c *counts) event(e *ledger.Event) {
	at := e.At().UTC()
	e.Counts(func(k store.Key, cell store.Cell) {
		c.add(k, at, &row{Cell: cell, first: at, last: at})
	})
}

// add adds a sum to that of its key and the step that a time is in.
func (c *counts) add(k store.Key, at time.Time, r *row) {
	key := rowKey{k, c.step.Floor(at).Unix()}
	sum := c.rows[key]
	if sum == nil {
		own := *r
		c.rows[key] = &own
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
	for k, r := range other.rows {
		c.add(k.Key, time.Unix(k.at, 0), r)
	}
}

// shrink makes the steps longer until there are no more than so many sums, or
// the steps are days.
func (c *counts) shrink(most int) {
	for len(c.rows) > most && c.step < store.Day {
		coarse := newCounts()
		coarse.step = c.step + 1
		coarse.merge(c)
		c.rows, c.step = coarse.rows, coarse.step
	}
}

// sorted are the keys in the order of time and names.
func (c *counts) sorted() []rowKey {
	keys := make([]rowKey, 0, len(c.rows))
	for k := range c.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.Worker, b.Worker), cmp.Compare(a.Pool, b.Pool),
			cmp.Compare(a.Route, b.Route), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Verdict, b.Verdict))
	})
	return keys
}

// rollups are the sums as a warehouse takes them.
func (c *counts) rollups() []store.Rollup {
	out := make([]store.Rollup, 0, len(c.rows))
	for _, k := range c.sorted() {
		out = append(out, store.Rollup{Key: k.Key, Cell: c.rows[k].Cell, At: time.Unix(k.at, 0).UTC()})
	}
	return out
}

// totals are the sums whatever their time.
func (c *counts) totals() []store.Total {
	at := make(map[store.Key]int)
	var out []store.Total
	for _, k := range c.sorted() {
		r := c.rows[k]
		i, ok := at[k.Key]
		if !ok {
			i = len(out)
			at[k.Key] = i
			out = append(out, store.Total{Key: k.Key})
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
	for _, k := range c.sorted() {
		if k.Side != store.Ours {
			continue
		}
		r := c.rows[k]
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
