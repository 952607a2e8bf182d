package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

var errDisk = errors.New("no space left on device")

// fakeDisk keeps everything in memory. It may fail, and may do what it was asked
// for and fail to say so.
type fakeDisk struct {
	mu      sync.Mutex
	frames  []store.Frame
	settled uint64
	counted uint64
	offered uint64
	last    uint64
	totals  map[store.Key]*store.Total
	saved   map[string][]byte
	// fail says what becomes of a call: nothing is done and an error returned, or
	// it is done and an error returned.
	fail func(what string) (before, after error)
}

func newDisk() *fakeDisk {
	return &fakeDisk{totals: make(map[store.Key]*store.Total), saved: make(map[string][]byte)}
}

func (d *fakeDisk) do(what string, f func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var before, after error
	if d.fail != nil {
		before, after = d.fail(what)
	}
	if before != nil {
		return before
	}
	if err := f(); err != nil {
		return err
	}
	return after
}

func (*fakeDisk) ID() string { return "log-1" }

func (d *fakeDisk) Append(_ context.Context, frames ...store.Frame) error {
	return d.do("append", func() error {
		for _, f := range frames {
			if f.Number != d.last+1 {
				return fmt.Errorf("frame %d after %d", f.Number, d.last)
			}
			d.last++
			f.Data = slices.Clone(f.Data)
			d.frames = append(d.frames, f)
		}
		return nil
	})
}

func (d *fakeDisk) Read(_ context.Context, after uint64, bytes int) (out []store.Frame, err error) {
	err = d.do("read", func() error {
		for _, f := range d.frames {
			if f.Number > after && (len(out) == 0 || bytes > 0) {
				out = append(out, f)
				bytes -= len(f.Data)
			}
		}
		return nil
	})
	return out, err
}

func (d *fakeDisk) Replace(_ context.Context, frames ...store.Frame) error {
	return d.do("replace", func() error {
		for _, f := range frames {
			i := slices.IndexFunc(d.frames, func(o store.Frame) bool { return o.Number == f.Number })
			if i < 0 {
				return fmt.Errorf("no frame %d", f.Number)
			}
			d.frames[i] = f
		}
		return nil
	})
}

func (d *fakeDisk) Settle(_ context.Context, last uint64, totals []store.Total) error {
	return d.do("settle", func() error {
		if last <= d.settled {
			return nil
		}
		d.count(last, totals)
		d.frames = slices.DeleteFunc(d.frames, func(f store.Frame) bool { return f.Number <= last })
		d.settled = last
		return nil
	})
}

func (d *fakeDisk) Offer(_ context.Context, last uint64) error {
	return d.do("offer", func() error { d.offered = max(d.offered, last); return nil })
}

func (d *fakeDisk) Count(_ context.Context, last uint64, totals []store.Total) error {
	return d.do("count", func() error { d.count(last, totals); return nil })
}

func (d *fakeDisk) count(last uint64, totals []store.Total) {
	if last <= d.counted {
		return
	}
	d.counted = last
	for _, t := range totals {
		sum := d.totals[t.Key]
		if sum == nil {
			sum = &store.Total{Key: t.Key}
			d.totals[t.Key] = sum
		}
		sum.Add(&t.Cell)
		if t.Last.After(sum.Last) {
			sum.Last = t.Last
		}
	}
}

func (d *fakeDisk) State(context.Context) (s store.LogState, err error) {
	err = d.do("state", func() error {
		s.Settled, s.Counted, s.Offered, s.Last = d.settled, d.counted, d.offered, d.last
		for _, f := range d.frames {
			s.Bytes += int64(len(f.Data))
			s.Shares += int64(f.Shares)
		}
		return nil
	})
	return s, err
}

func (d *fakeDisk) Totals(_ context.Context, f func(*store.Total) error) error {
	return d.do("totals", func() error {
		for _, t := range d.totals {
			if err := f(t); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *fakeDisk) Save(_ context.Context, name string, data []byte) error {
	return d.do("save", func() error { d.saved[name] = slices.Clone(data); return nil })
}

func (d *fakeDisk) Load(_ context.Context, name string) (data []byte, err error) {
	err = d.do("load", func() error { data = d.saved[name]; return nil })
	return data, err
}

func (d *fakeDisk) Bytes(ctx context.Context) (int64, error) {
	s, err := d.State(ctx)
	return s.Bytes, err
}

// fakeWarehouse keeps sums and shares.
type fakeWarehouse struct {
	mu   sync.Mutex
	last map[string]uint64
	// parts is how many records are taken at a time, 0 all; partly and done are what was
	// taken of a chunk.
	parts   int
	partly  map[string]uint64
	done    map[string]int
	rollups map[rowKey]*store.Cell
	shares  map[uint64]store.Share
	blocks  map[string]store.Block
	workers map[string]store.Worker
	dropped []time.Time
	days    []store.DayOfShares
	bytes   int64
	acts    []store.Act
	minutes time.Time
	applied int
	fail    func(what string) (before, after error)
}

func newWarehouse() *fakeWarehouse {
	return &fakeWarehouse{
		last: make(map[string]uint64), partly: make(map[string]uint64), done: make(map[string]int), rollups: make(map[rowKey]*store.Cell), shares: make(map[uint64]store.Share),
		blocks: make(map[string]store.Block), workers: make(map[string]store.Worker),
	}
}

func (w *fakeWarehouse) do(what string, f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var before, after error
	if w.fail != nil {
		before, after = w.fail(what)
	}
	if before != nil {
		return before
	}
	if err := f(); err != nil {
		return err
	}
	return after
}

func (w *fakeWarehouse) Shipped(_ context.Context, instance, log string) (taken store.Taken, err error) {
	at := instance + "/" + log
	err = w.do("shipped", func() error { taken = store.Taken{Last: w.last[at], Partly: w.partly[at]}; return nil })
	return taken, err
}

// Apply takes a chunk, part by part, of which each may fail.
func (w *fakeWarehouse) Apply(_ context.Context, c *store.Chunk) error {
	for more := true; more; {
		if err := w.do("apply", func() (err error) { more, err = w.part(c); return err }); err != nil {
			return err
		}
	}
	return nil
}

// part takes what comes next of a chunk.
func (w *fakeWarehouse) part(c *store.Chunk) (more bool, err error) {
	at := c.Instance + "/" + c.Log
	switch partly := w.partly[at]; {
	case c.Last <= w.last[at]:
		return false, nil
	case c.First != w.last[at]+1:
		return false, store.ErrGap
	case partly != 0 && partly != c.Last:
		return false, store.ErrPartly
	}
	for _, b := range c.Blocks {
		w.blocks[b.Hash] = b
	}
	records := len(c.Rollups) + len(c.Workers) + len(c.Shares)
	w.partly[at] = c.Last
	for n := 0; w.done[at] < records; n++ {
		if w.parts > 0 && n == w.parts {
			return true, nil
		}
		if err := w.record(c, w.done[at]); err != nil {
			return false, err
		}
		w.done[at]++
	}
	w.applied++
	w.last[at] = c.Last
	delete(w.partly, at)
	delete(w.done, at)
	return false, nil
}

// record takes one record of a chunk.
func (w *fakeWarehouse) record(c *store.Chunk, i int) error {
	if i < len(c.Rollups) {
		k := rowKey{c.Rollups[i].Key, c.Rollups[i].At.Unix()}
		if w.rollups[k] == nil {
			w.rollups[k] = new(store.Cell)
		}
		w.rollups[k].Add(&c.Rollups[i].Cell)
		return nil
	}
	if i -= len(c.Rollups); i < len(c.Workers) {
		w.workers[c.Workers[i].Login] = c.Workers[i]
		return nil
	}
	s := c.Shares[i-len(c.Workers)]
	old, known := w.shares[s.ID]
	switch {
	case s.Verdict != mining.Pending && known:
		return fmt.Errorf("share %d comes twice", s.ID)
	case s.Verdict != mining.Pending:
		w.shares[s.ID] = s
	case known:
		at := map[uint64]int{s.ID: 0}
		w.shares[s.ID] = join([]store.Share{old}, at, s)[0]
	}
	return nil
}

func (w *fakeWarehouse) Days(context.Context) (days []store.DayOfShares, err error) {
	err = w.do("days", func() error { days = slices.Clone(w.days); return nil })
	return days, err
}

func (w *fakeWarehouse) DropDay(_ context.Context, day time.Time) error {
	return w.do("drop", func() error {
		w.dropped = append(w.dropped, day)
		w.days = slices.DeleteFunc(w.days, func(d store.DayOfShares) bool {
			if d.Day.Equal(day) {
				w.bytes -= d.Bytes
			}
			return d.Day.Equal(day)
		})
		return nil
	})
}

func (w *fakeWarehouse) DropMinutes(_ context.Context, before time.Time) error {
	return w.do("minutes", func() error { w.minutes = before; return nil })
}

func (w *fakeWarehouse) Bytes(context.Context) (n int64, err error) {
	err = w.do("bytes", func() error { n = w.bytes; return nil })
	return n, err
}

func (w *fakeWarehouse) Audit(_ context.Context, _ string, a store.Act) error {
	return w.do("audit", func() error { w.acts = append(w.acts, a); return nil })
}

func (w *fakeWarehouse) Acts(context.Context, string, int) ([]store.Act, error) { return w.acts, nil }

// sums are the warehouse's rollups whatever their time.
func (w *fakeWarehouse) sums() map[store.Key]store.Cell {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(map[store.Key]store.Cell)
	for k, c := range w.rollups {
		sum := out[k.Key]
		sum.Add(c)
		out[k.Key] = sum
	}
	return out
}
