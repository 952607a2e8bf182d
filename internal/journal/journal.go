package journal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

// maxSums is how many sums may wait in memory before their steps grow.
const maxSums = 200_000

// maxBlocks is how many blocks may wait in memory; more are forgotten, which is
// counted as a dropped share each.
const maxBlocks = 10_000

// blocksAnHour is how much is kept of a pool's blocks in an hour, a block and the pool's
// word on it being two: a network finds six. What a block is hangs on the bits that the
// pool gives, and blocks are kept for ever.
const blocksAnHour = 2_000

// Trouble is what went wrong the last time, nil where nothing did, and since when
// it has.
type Trouble struct {
	Err   error
	Since time.Time
}

// Journal keeps what happens. Make it with [New], then [Journal.Restore] before
// anything is recorded, then [Journal.Run].
type Journal struct {
	// Static after construction.
	cfg   Config
	deps  Deps
	log   *slog.Logger
	codec *codec
	books Books // set by Restore

	// moving is held by who takes frames to the warehouse or takes shares out of
	// them: what is read must be what is forgotten. It guards course, room, given
	// and spoiled.
	moving sync.Mutex
	course course
	// given is what the warehouse was given so far.
	given shipment
	// room is about how many shares the warehouse is given now.
	room int
	// spoiled are the numbers of frames that cannot be read.
	spoiled map[uint64]bool

	// writing is held by who appends frames; it guards last and unsent.
	writing sync.Mutex
	last    uint64 // number of the last frame in the log
	// unsent is the frame that could not be appended, for its number is given.
	unsent *store.Frame

	// mu guards what follows. Take holds it for as long as it takes to copy.
	mu      sync.Mutex
	pending []ledger.Event
	// folded is what events that had to give way added up to; dropped counts
	// the single shares among them.
	folded  *counts
	blocks  []store.Block
	dropped uint64
	// found is how much came of each pool's blocks in the hour that began at hour.
	found map[string]int
	hour  time.Time
	// shippers is how many give the warehouse something.
	shippers int
	status   Status
}

// Status is how a journal is doing.
type Status struct {
	// Pending is how many events wait in memory.
	Pending int
	// Backlog is what the log has that the warehouse has not.
	Backlog store.LogState
	// Dropped counts single shares that were forgotten early, for want of memory
	// or disk.
	Dropped uint64
	// Flush is what is wrong with the log, Ship with the warehouse, and Tidy with
	// what holds the limits.
	Flush, Ship, Tidy Trouble
	// Shipped is until when the warehouse has all that happened. While Shipping it is
	// being given more.
	Shipped  time.Time
	Shipping bool
}

// New makes a journal of what there is.
func New(ctx context.Context, cfg Config, deps Deps) (*Journal, error) {
	cfg.fill()
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	state, err := deps.Disk.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	way, err := loadCourse(ctx, deps.Disk, cfg.Instance, &state)
	if err != nil {
		return nil, err
	}
	j := &Journal{
		cfg: cfg, deps: deps, log: deps.Logger, codec: codec, last: state.Last, course: way, room: cfg.ChunkShares,
		folded: newCounts(), pending: make([]ledger.Event, 0, 1024), found: make(map[string]int),
	}
	j.status.Backlog = state
	return j, nil
}

// Take implements [ledger.Sink].
func (j *Journal) Take(events []ledger.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(events) > 0 {
		if len(j.pending) >= j.cfg.MaxPending {
			j.fold()
		}
		n := min(len(events), j.cfg.MaxPending-len(j.pending))
		j.pending = append(j.pending, events[:n]...)
		events = events[n:]
	}
}

// fold forgets the single shares that wait, but for what they add up to. mu is
// held.
func (j *Journal) fold() {
	for i := range j.pending {
		j.folded.event(&j.pending[i])
		if s, ok := j.pending[i].Share(); ok && s.Verdict != 0 && j.cfg.KeepShares > 0 {
			j.dropped++
		}
	}
	clear(j.pending)
	j.pending = j.pending[:0]
	j.folded.shrink(maxSums)
}

// TakeBlock implements [ledger.BlockSink].
func (j *Journal) TakeBlock(b store.Block) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.blocks) == maxBlocks || !j.believes(b.Pool) {
		j.dropped++ // it is counted as found all the same
		return
	}
	j.blocks = append(j.blocks, b)
}

// believes says whether one more of a pool's blocks may be kept. mu is held.
func (j *Journal) believes(pool string) bool {
	j.found[pool]++
	return j.found[pool] <= blocksAnHour
}

// nextHour begins anew with what may be kept of blocks, if it is time to.
func (j *Journal) nextHour(now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.hour.IsZero():
		j.hour = now
	case now.Sub(j.hour) >= time.Hour:
		j.hour = now
		clear(j.found)
	}
}

// Status says how it is doing.
func (j *Journal) Status() Status {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.status
	s.Pending, s.Dropped, s.Shipping = len(j.pending), j.dropped, j.shippers > 0
	return s
}

// Run keeps what is recorded until ctx ends; then it keeps what is left, within
// Config.StopTimeout, and returns the error of that.
func (j *Journal) Run(ctx context.Context) error {
	var works sync.WaitGroup
	works.Go(func() { j.shipping(ctx) })
	works.Go(func() { j.every(ctx, j.cfg.TidyEvery, j.tidy) })
	works.Go(func() { j.every(ctx, j.cfg.RememberEvery, j.remember) })
	flush := time.NewTicker(j.cfg.FlushEvery)
	defer flush.Stop()
	for {
		select {
		case now := <-flush.C:
			j.nextHour(now)
			j.flush(ctx, now)
			continue
		case <-ctx.Done():
		}
		break
	}
	works.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.cfg.StopTimeout)
	defer cancel()
	return j.finish(last)
}

// every calls f every so often, and after an error as soon as the warehouse is tried
// again.
func (j *Journal) every(ctx context.Context, interval time.Duration, f func(context.Context, time.Time) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			next := interval
			if f(ctx, now) != nil { // it is in the status
				next = min(interval, j.cfg.ShipEvery)
			}
			tick.Reset(next)
		case <-ctx.Done():
			return
		}
	}
}
