package hub

import (
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Batch is how many miners a shard serves before it looks for something more
// pressing.
const Batch = 64

// patience is how long work may wait for that of new blocks, of which a pool may send as
// much as it likes.
const patience = time.Second

// delivery is one work on its way to many miners.
type delivery struct {
	group *group
	work  *mining.Work
	to    []*shared
	some  bool // to is not all of the group
	// urgent: it is, or took the place of, work of a new block.
	urgent bool
	// pushed is when it began to wait, and since is when that did whose place it took before
	// anybody had it.
	pushed, since time.Time

	next int // guarded by fanout.mu
	busy int // shards at work on it, guarded by fanout.mu
}

// fanout hands work to miners, by as many goroutines as there are processors.
// None of them waits for a miner. Work of a new block goes before all other that has not
// waited for long; a delivery that a newer one of its group makes needless is given up.
type fanout struct {
	mu      sync.Mutex
	waiting []*delivery // urgent ones first, else as they came
	wake    *sync.Cond
	ended   bool
	metrics *Metrics
}

func newFanout(metrics *Metrics) *fanout {
	f := &fanout{metrics: metrics}
	f.wake = sync.NewCond(&f.mu)
	return f
}

// push takes a delivery. At most two of a group wait, one for everybody and
// one for some: a newer one takes the place of the older, and serves first whom
// that had not come to, so that a pool which sends jobs faster than they can be
// handed out starves nobody.
func (f *fanout) push(d *delivery) {
	replaced := f.place(d)
	if replaced != nil {
		replaced.followed("replaced")
	}
}

// place puts a delivery where it waits, and returns whose place it took: itself where
// there is none any more.
func (f *fanout) place(d *delivery) (replaced *delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return d
	}
	d.pushed = time.Now()
	d.since = d.pushed
	at := len(f.waiting)
	d.urgent = d.work.Clean
	if old := slices.IndexFunc(f.waiting, func(o *delivery) bool { return o.group == d.group && o.some == d.some }); old >= 0 {
		replaced = f.waiting[old]
		d.after(replaced)
		f.waiting = slices.Delete(f.waiting, old, old+1)
		at = old
	}
	if d.work.Clean {
		if at = slices.IndexFunc(f.waiting, func(o *delivery) bool { return !o.urgent }); at < 0 {
			at = len(f.waiting)
		}
	}
	f.waiting = slices.Insert(f.waiting, at, d)
	f.wake.Broadcast()
	return replaced
}

// after orders a delivery by what an older one of its group has not done.
func (d *delivery) after(old *delivery) {
	d.urgent = d.urgent || old.urgent // not all have the new block's work yet
	if old.next == 0 {
		d.since = old.since
	}
	switch {
	case d.some: // who waits for some newer work waits for this one too
		d.to = append(slices.Clone(old.to[old.next:]), d.to...)
	case old.next < len(d.to):
		d.to = append(slices.Clone(d.to[old.next:]), d.to[:old.next]...)
	}
}

// run serves until end.
func (f *fanout) run() {
	var shards sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		shards.Go(f.shard)
	}
	shards.Wait()
}

func (f *fanout) end() {
	f.mu.Lock()
	left := f.waiting
	f.ended, f.waiting = true, nil
	f.wake.Broadcast()
	f.mu.Unlock()
	for _, d := range left {
		d.followed("replaced")
	}
}

func (f *fanout) shard() {
	for {
		d, some, first := f.take()
		if d == nil {
			return
		}
		warm(some)
		now := time.Now()
		for i, m := range some {
			m.deliver(d.group, d.work, now)
			if i == 0 {
				f.gave(d, now, first)
			}
		}
		f.done(d)
	}
}

// Warmer is a [Peer] whose memory can be fetched ahead.
type Warmer interface {
	// Warm reads beside what Work will need, so that it is on its way from memory. It
	// changes nothing, may be called from any goroutine, and never blocks.
	Warm() bool
}

// warm fetches some of what the miners' work is written by. Nobody has looked at most of them
// for seconds: one after the other is a wait for memory after the other, while here a
// processor has many of them on their way at once.
func warm(some []*shared) {
	for _, m := range some {
		if w, ok := m.peer.(Warmer); ok {
			w.Warm()
		}
	}
}

// gave tells how long the first miner of a batch took, which began now, and of the
// first batch of all how long it was until then.
func (f *fanout) gave(d *delivery, now time.Time, first bool) {
	given := time.Now()
	observe(f.metrics.GiveSeconds, given.Sub(now))
	if first && d.fresh() {
		observe(f.metrics.WaitSeconds, now.Sub(d.pushed))
		observe(f.metrics.FirstSeconds, given.Sub(d.work.Job.Received))
	}
}

// fresh says that it is not work that is given again.
func (d *delivery) fresh() bool { return d.work.NTime == d.work.Job.NTime }

// take waits for a delivery and returns the next of its miners, and whether they are
// the first of them.
func (f *fanout) take() (d *delivery, some []*shared, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) == 0 {
		if f.ended {
			return nil, nil, false
		}
		f.wake.Wait()
	}
	at := f.turn()
	d = f.waiting[at]
	end := min(d.next+Batch, len(d.to))
	some, first = d.to[d.next:end], d.next == 0
	d.next = end
	d.busy++
	if end == len(d.to) {
		f.waiting = slices.Delete(f.waiting, at, at+1)
	}
	return d, some, first
}

// turn is which delivery is served next, of one or more: the first, but for one that has
// waited for too long. mu is held.
func (f *fanout) turn() int {
	if len(f.waiting) == 1 || !f.waiting[0].urgent {
		return 0
	}
	now := time.Now()
	return max(0, slices.IndexFunc(f.waiting, func(d *delivery) bool { return now.Sub(d.since) > patience }))
}

// done counts a batch that was served; the last one of a job measures how
// long the job took to all.
func (f *fanout) done(d *delivery) {
	f.mu.Lock()
	d.busy--
	last := d.busy == 0 && d.next == len(d.to)
	f.mu.Unlock()
	if last {
		d.followed("all")
	}
	if last && d.fresh() {
		observe(f.metrics.FanoutSeconds, time.Since(d.work.Job.Received))
	}
}

// followed ends what follows the job, if anybody does: each way that a delivery can go
// is one that it ends by. given says to whom it came: all, nobody, or to an unknown part
// of them, where newer work took its place.
func (d *delivery) followed(given string) {
	t := d.work.Trace
	if t == nil || d.some {
		return
	}
	now := time.Now()
	t.Step("fanout", now, mining.Fact{Name: "given", Value: given}, mining.Fact{Name: "miners", Value: strconv.Itoa(len(d.to))})
	t.End(now)
}

// waits counts the works that are on their way to miners, and the miners that wait for
// them.
func (f *fanout) waits() (works, miners int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.waiting {
		miners += len(d.to) - d.next
	}
	return len(f.waiting), miners
}

// Waiting counts the works that are on their way to miners, and the miners that wait
// for one of them.
func (h *Hub) Waiting() (works, miners int) { return h.fanout.waits() }
