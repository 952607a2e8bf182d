package hub

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// batch is how many miners a shard serves before it looks for something more
// pressing.
const batch = 64

// delivery is one work on its way to many miners.
type delivery struct {
	group *group
	work  *mining.Work
	to    []*shared
	next  int // guarded by fanout.mu
	busy  int // shards at work on it, guarded by fanout.mu
}

// fanout hands work to miners, by as many goroutines as there are processors.
// None of them waits for a miner. Work of a new block goes before all other;
// a delivery that a newer one of its group makes needless is given up.
type fanout struct {
	mu      sync.Mutex
	waiting []*delivery // clean ones first, else as they came
	wake    *sync.Cond
	ended   bool
	took    Observer
}

func newFanout(took Observer) *fanout {
	f := &fanout{took: took}
	f.wake = sync.NewCond(&f.mu)
	return f
}

// push takes a delivery. There are at most two of a group: a newer one for
// everybody ends those before it.
func (f *fanout) push(d *delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	if d.work.Clean {
		f.waiting = slices.DeleteFunc(f.waiting, func(old *delivery) bool { return old.group == d.group })
		at := slices.IndexFunc(f.waiting, func(old *delivery) bool { return !old.work.Clean })
		if at < 0 {
			at = len(f.waiting)
		}
		f.waiting = slices.Insert(f.waiting, at, d)
	} else {
		f.waiting = append(f.waiting, d)
	}
	f.wake.Broadcast()
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
	defer f.mu.Unlock()
	f.ended, f.waiting = true, nil
	f.wake.Broadcast()
}

func (f *fanout) shard() {
	for {
		d, some := f.take()
		if d == nil {
			return
		}
		now := time.Now()
		for _, m := range some {
			m.deliver(d.group, d.work, now)
		}
		f.done(d)
	}
}

// take waits for a delivery and returns the next of its miners.
func (f *fanout) take() (*delivery, []*shared) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) == 0 {
		if f.ended {
			return nil, nil
		}
		f.wake.Wait()
	}
	d := f.waiting[0]
	end := min(d.next+batch, len(d.to))
	some := d.to[d.next:end]
	d.next = end
	d.busy++
	if end == len(d.to) {
		f.waiting = slices.Delete(f.waiting, 0, 1)
	}
	return d, some
}

// done counts a batch that was served; the last one of a job measures how
// long the job took to all.
func (f *fanout) done(d *delivery) {
	f.mu.Lock()
	d.busy--
	last := d.busy == 0 && d.next == len(d.to)
	f.mu.Unlock()
	if last && f.took != nil && d.work.NTime == d.work.Job.NTime { // not for work that is given again
		f.took.Observe(time.Since(d.work.Job.Received).Seconds())
	}
}
