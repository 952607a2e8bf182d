package storetest

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// testSums takes random streams of chunks, two instances by turns, some chunks
// twice, and holds what the warehouse says to what was worked out here.
func testSums(of *suite) {
	t, w := of.T, of.w
	var runs atomic.Int64
	rapid.Check(t, func(r *rapid.T) {
		c := &check{T: t, r: r, w: w, instances: map[string]*instance{}}
		run := runs.Add(1)
		// A time of its own, so that what earlier streams left is not read.
		c.begins = start().AddDate(0, 0, 3*int(run))
		for _, name := range []string{"left", "right"} {
			c.instances[fmt.Sprintf("%s%d", name, run)] = &instance{model: newModel(), next: 1}
		}
		for range rapid.IntRange(1, 6).Draw(r, "chunks") {
			c.chunk()
		}
		for name, i := range c.instances {
			c.compare(name, i)
		}
		for n := range 2 { // so that there are not hundreds of them in the end
			if err := w.DropDay(t.Context(), c.begins.AddDate(0, 0, n)); err != nil {
				r.Fatal(err)
			}
		}
	})
}

// check is one random stream.
type check struct {
	*testing.T

	r         *rapid.T
	w         store.Warehouse
	instances map[string]*instance
	begins    time.Time
}

// instance is who sends chunks.
type instance struct {
	model *model
	// next is the number of the next frame, id the last share's.
	next, id uint64
	shares   []store.Share
}

// chunk makes a chunk and applies it, perhaps twice.
func (c *check) chunk() {
	r := c.r
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(c.instances))).Draw(r, "instance")
	i := c.instances[name]
	var shares []store.Share
	for range rapid.IntRange(0, 8).Draw(r, "shares") {
		if len(i.shares) > 0 && rapid.IntRange(0, 2).Draw(r, "kind") == 0 {
			of := rapid.SampledFrom(i.shares).Draw(r, "of")
			shares = append(shares, c.news(of))
			continue
		}
		i.id++
		s := c.share(i.id)
		i.shares = append(i.shares, s)
		shares = append(shares, s)
	}
	last := i.next + rapid.Uint64Range(0, 3).Draw(r, "frames")
	chunk := Chunk(name, "log", i.next, last, shares...)
	i.next = last + 1
	i.model.apply(chunk)
	for range rapid.IntRange(1, 2).Draw(r, "times") {
		if err := c.w.Apply(c.Context(), chunk); err != nil {
			r.Fatalf("Apply: %v", err)
		}
	}
}

// share makes a share.
func (c *check) share(id uint64) store.Share {
	r := c.r
	return store.Share{
		ID:      id,
		At:      c.begins.Add(time.Duration(rapid.Int64Range(0, 3*3600e6).Draw(r, "at")) * time.Microsecond),
		Worker:  rapid.SampledFrom([]string{"u.a", "u.b", "v.a", "plain", ".a", "a"}).Draw(r, "worker"),
		Pool:    rapid.SampledFrom([]string{"first", "second", "(none)"}).Draw(r, "pool"),
		Route:   rapid.SampledFrom([]string{"main", "other"}).Draw(r, "route"),
		Verdict: rapid.SampledFrom(mining.Verdicts()).Draw(r, "verdict"), Difficulty: c.number(), Reached: c.number(), Value: c.amount(),
	}
}

// news makes news of a share: that it was sent, and perhaps the pool's word on it.
func (c *check) news(of store.Share) store.Share {
	n := of
	n.Verdict, n.Reached, n.Difficulty = mining.Pending, 0, 0
	n.Value = mining.Amount{}
	n.Sent = true
	if rapid.Bool().Draw(c.r, "answered") {
		n.PoolVerdict = rapid.SampledFrom(mining.Verdicts()).Draw(c.r, "pool's")
		n.PoolDifficulty, n.PoolValue = c.number(), c.amount()
	}
	return n
}

// number makes a difficulty.
func (c *check) number() float64 { return rapid.Float64Range(0, 1e15).Draw(c.r, "number") }

// amount makes an amount.
func (c *check) amount() mining.Amount {
	return mining.Amount{
		Sat:  rapid.Int64Range(0, 1e15).Draw(c.r, "sat"),
		Pico: rapid.OneOf(rapid.Int64Range(0, 999_999_999_999), rapid.Just(int64(999_999_999_999))).Draw(c.r, "pico"),
	}
}

// compare holds an instance's history to its model.
func (c *check) compare(name string, i *instance) {
	f := store.Filter{Instance: name, From: store.Day.Floor(c.begins), To: store.Day.Floor(c.begins).AddDate(0, 0, 2)}
	if rapid.Bool().Draw(c.r, "filtered") {
		f.Worker = rapid.SampledFrom([]string{"", "u.a", "a"}).Draw(c.r, "worker")
		f.User = rapid.SampledFrom([]string{"", "u"}).Draw(c.r, "user")
		f.Pool = rapid.SampledFrom([]string{"", "first"}).Draw(c.r, "pool")
		f.Route = rapid.SampledFrom([]string{"", "main"}).Draw(c.r, "route")
	}
	by := store.Group{
		Worker: rapid.Bool().Draw(c.r, "by worker"), User: rapid.Bool().Draw(c.r, "by user"),
		Pool: rapid.Bool().Draw(c.r, "by pool"), Route: rapid.Bool().Draw(c.r, "by route"),
	}
	for _, step := range store.Steps() {
		c.rollups(f, step, by, i.model)
		part := f
		part.From, part.To = step.Floor(c.begins.Add(time.Hour)), store.Hour.Floor(c.begins.Add(2*time.Hour))
		c.rollups(part, step, by, i.model)
	}
	c.shares(f, by, i)
}

// rollups holds what is said of rollups to the model.
func (c *check) rollups(f store.Filter, step store.Step, by store.Group, m *model) {
	cells := cmp.Comparer(func(a, b store.Cell) bool { return sameCell(&a, &b) })
	t := tally{}
	for _, r := range m.all(&f, step) {
		t.add(r.Key, &r.Cell, by)
	}
	c.same("sums", must(c.w.Sums(c.Context(), f, step, by))(c), t.sums(), cells)
	c.same("series", must(c.w.Series(c.Context(), f, step))(c), m.series(&f, step), cells)
	c.same("rollups", rollupsOf(c, c.w, f, step), m.all(&f, step), cells)
}

// same compares.
func (c *check) same(what string, got, want any, options ...cmp.Option) {
	if diff := cmp.Diff(want, got, options...); diff != "" {
		c.r.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// shares holds single shares and workers to the model, and sums of shares by us to
// those of rollups.
func (c *check) shares(f store.Filter, by store.Group, i *instance) {
	var want []store.Share
	for _, s := range i.model.shares {
		if picks(&f, &store.Key{Worker: s.Worker, Pool: s.Pool, Route: s.Route}) {
			want = append(want, *s)
		}
	}
	slices.SortFunc(want, func(a, b store.Share) int {
		if day := store.Day.Floor(a.At).Compare(store.Day.Floor(b.At)); day != 0 {
			return day
		}
		return int(a.ID) - int(b.ID) //nolint:gosec // small numbers
	})
	got := sharesOf(c, c.w, f)
	c.same("shares", got, want)
	ours := tally{}
	for k := range got {
		Count(&got[k], func(key store.Key, cell store.Cell) {
			if key.Side == store.Ours {
				ours.add(key, &cell, by)
			}
		})
	}
	sums := slices.DeleteFunc(must(c.w.Sums(c.Context(), f, store.Day, by))(c), func(s store.Sum) bool { return s.Side != store.Ours })
	c.same("sums of shares", sums, ours.sums(), cmp.Comparer(func(a, b store.Cell) bool { return sameCell(&a, &b) }))
	if f.Pool != "" || f.Route != "" {
		return
	}
	var workers []store.Worker
	for _, login := range slices.Sorted(maps.Keys(i.model.workers)) {
		if picks(&f, &store.Key{Worker: login}) {
			workers = append(workers, *i.model.workers[login])
		}
	}
	c.same("workers", must(c.w.Workers(c.Context(), f))(c), workers)
}
