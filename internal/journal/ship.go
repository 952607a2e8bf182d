package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

const (
	// readBytes is about how much of the log is read at a time.
	readBytes = 4 << 20
	// shareBytes is what a share takes in the log, or more.
	shareBytes = 128
	// sumsToShares is for how many sums a chunk has room, for one share; loadBytes and
	// loadFrames are what it is read from at the most.
	sumsToShares = 2
	loadBytes    = 64 << 20
	loadFrames   = 4096
)

const (
	// manySums is how many sums are worth to wait for more: they take the warehouse as
	// long for one share each as for a hundred. A worker has three.
	manySums = 2000
	// minuteLate is how long after a minute it is taken to the warehouse: what of the
	// next one goes with it is of a time that a hashrate can be divided by.
	minuteLate = time.Second
)

// shipment is what the warehouse was given.
type shipment struct {
	sums  int
	bytes int64 // that it took in the log
}

// shipping gives the warehouse what the log has, until ctx ends.
func (j *Journal) shipping(ctx context.Context) {
	next := time.NewTimer(j.cfg.ShipEvery)
	defer next.Stop()
	last := time.Time{}
	for {
		select {
		case now := <-next.C:
			before := j.givenSoFar()
			err := j.ship(ctx, now)
			given := j.givenSoFar()
			given.sums, given.bytes = given.sums-before.sums, given.bytes-before.bytes
			wait := j.cfg.ShipEvery
			if err == nil && j.canWait(given, now.Sub(last)) {
				wait = j.untilMinute(time.Now()) //nolint:forbidigo // Run is where the clock comes in
			}
			next.Reset(wait)
			last = now
		case <-ctx.Done():
			return
		}
	}
}

// canWait says whether what comes next is better taken to the warehouse once a minute, by
// what it was given just now, of so long a time: it must be many sums, and the log must not
// get too big meanwhile.
func (j *Journal) canWait(given shipment, since time.Duration) bool {
	aMinute := float64(given.bytes) * float64(time.Minute) / float64(max(since, time.Second))
	return given.sums > manySums && (j.cfg.MaxDisk <= 0 || aMinute <= logPart/2*float64(j.cfg.MaxDisk))
}

// untilMinute is how long it is until a minute is over, or the next one where that is soon.
func (j *Journal) untilMinute(now time.Time) time.Duration {
	wait := now.Truncate(time.Minute).Add(time.Minute + minuteLate).Sub(now)
	if wait < j.cfg.ShipEvery {
		wait += time.Minute
	}
	return wait
}

// givenSoFar is what the warehouse was given so far.
func (j *Journal) givenSoFar() shipment {
	j.moving.Lock()
	defer j.moving.Unlock()
	return j.given
}

// shippersBy counts those that give the warehouse something.
func (j *Journal) shippersBy(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shippers += n
}

// ship gives the warehouse all that has happened.
func (j *Journal) ship(ctx context.Context, now time.Time) error {
	j.shippersBy(1)
	defer j.shippersBy(-1)
	j.flush(ctx, now)
	unwritten := j.Status().Flush.Err
	err := j.shipAll(ctx)
	if err != nil {
		err = errors.Join(err, j.countAll(ctx))
	}
	if err != nil && ctx.Err() != nil {
		return err
	}
	if begun, over := j.note(&j.status.Ship, err, now); begun {
		j.log.WarnContext(ctx, "store takes nothing; what happens is kept in data_dir until it does", "error", err)
	} else if over {
		j.log.InfoContext(ctx, "store has all again")
	}
	state, unknown := j.deps.Disk.State(ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	if unknown == nil {
		j.status.Backlog = state
	}
	if err == nil && unwritten == nil {
		j.status.Shipped = now
	}
	return err
}

// shipAll gives the warehouse all that the log has now.
func (j *Journal) shipAll(ctx context.Context) error {
	state, err := j.deps.Disk.State(ctx)
	if err != nil {
		return err
	}
	for {
		more, err := j.shipSome(ctx, state.Last)
		if err != nil || !more {
			return err
		}
	}
}

// shipSome takes some frames to the warehouse, none after a number, and says whether there
// may be more.
func (j *Journal) shipSome(ctx context.Context, until uint64) (more bool, err error) {
	j.moving.Lock()
	defer j.moving.Unlock()
	ctx, cancel := context.WithTimeout(ctx, j.cfg.ShipTimeout)
	defer cancel()
	defer func() {
		if err == nil {
			j.room = min(2*j.room, j.cfg.ChunkShares)
		} else if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			j.room = max(j.room/2, 1)
		}
	}()
	state, err := j.deps.Disk.State(ctx)
	if err != nil {
		return false, err
	}
	// It is asked where there is nothing to ship, too, to see whether it is there.
	has, err := j.shipped(ctx, &state)
	if err != nil || min(until, state.Last) <= state.Settled {
		return false, err
	}
	l, err := j.loadNext(ctx, &state, &has, min(until, state.Last))
	if err != nil || l == nil {
		return false, err
	}
	chunk, last := l.chunk(has.instance), l.last
	if l.first > has.last {
		if last > state.Offered {
			if err := j.deps.Disk.Offer(ctx, last); err != nil {
				return false, err
			}
		}
		chunk.Log, chunk.First, chunk.Last = has.log, l.first-has.base, last-has.base
		if err := j.deps.Warehouse.Apply(ctx, chunk); err != nil {
			return false, err
		}
	}
	var totals []store.Total
	if last > state.Counted {
		totals = l.sums.totals()
	}
	j.given.sums, j.given.bytes = j.given.sums+len(chunk.Rollups), j.given.bytes+int64(l.bytes)
	return true, j.deps.Disk.Settle(ctx, last, totals)
}

// loadNext reads what the warehouse is given next, none after a number; or what it has and
// is not settled.
func (j *Journal) loadNext(ctx context.Context, state *store.LogState, has *had, until uint64) (*load, error) {
	switch {
	case has.last > state.Settled:
		until = has.last // these it has, and we did not hear of it
	case has.partly > 0:
		// It has a part of these, and takes nothing else before the rest. As elsewhere all
		// are counted, or none.
		if state.Counted > state.Settled && state.Counted < has.partly {
			if err := j.count(ctx, state, has.partly); err != nil {
				return nil, err
			}
		}
		return j.load(ctx, state.Settled, has.partly, whole)
	}
	if state.Counted > state.Settled {
		until = min(until, state.Counted) // so that all are counted, or none
	}
	return j.load(ctx, state.Settled, until, fitting)
}

// countAll adds up what the log has while the warehouse takes nothing, so that a
// start need not read all that waits.
func (j *Journal) countAll(ctx context.Context) error {
	j.moving.Lock()
	defer j.moving.Unlock()
	state, err := j.deps.Disk.State(ctx)
	if err != nil {
		return err
	}
	return j.count(ctx, &state, state.Last)
}

// count adds up frames up to a number and notes that in the state. moving is held.
func (j *Journal) count(ctx context.Context, state *store.LogState, until uint64) error {
	for state.Counted < until {
		l, err := j.load(ctx, max(state.Counted, state.Settled), until, fitting)
		if err != nil || l == nil {
			return err
		}
		if err := j.deps.Disk.Count(ctx, l.last, l.sums.totals()); err != nil {
			return err
		}
		state.Counted = l.last
	}
	return nil
}

// maxSpoiled is how many frames that cannot be read are kept.
const maxSpoiled = 64

// contentIn reads a frame. One that the disk has spoiled is as good as empty, for all
// that come after it would wait for ever; it is kept beside the log, and said. moving
// is held, or nothing runs yet.
func (j *Journal) contentIn(ctx context.Context, f *store.Frame) (*content, error) {
	in, err := j.codec.decode(f.Data)
	switch {
	case err == nil:
		return in, nil
	case errors.Is(err, errNewerFrame):
		return nil, fmt.Errorf("frame %d of the journal: %w; start that one", f.Number, err)
	case j.spoiled[f.Number]:
		return new(content), nil
	}
	name := fmt.Sprintf("spoiled-frame-%d", f.Number)
	if len(j.spoiled) < maxSpoiled {
		if err := j.deps.Disk.Save(ctx, name, f.Data); err != nil {
			return nil, err
		}
	}
	if j.spoiled == nil {
		j.spoiled = make(map[uint64]bool)
	}
	j.spoiled[f.Number] = true
	j.log.ErrorContext(ctx, "a frame of the journal cannot be read; what happened within it is missing in all figures",
		"frame", f.Number, "single_shares", f.Shares, "kept_as", name, "error", err)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropped += uint64(max(f.Shares, 1)) // of sums nobody knows how many they are of
	return new(content), nil
}

// join appends a share, or puts news of one into it where it is among them.
func join(shares []store.Share, at map[uint64]int, s store.Share) []store.Share {
	i, ok := at[s.ID]
	if !ok {
		at[s.ID] = len(shares)
		return append(shares, s)
	}
	old := &shares[i]
	if s.Verdict != mining.Pending {
		// News came before it; they never do, but nothing is to be lost.
		old.Verdict, old.Difficulty, old.Reached, old.Value = s.Verdict, s.Difficulty, s.Reached, s.Value
	}
	old.Sent = old.Sent || s.Sent
	if s.PoolVerdict != mining.Pending {
		old.PoolVerdict = s.PoolVerdict
	}
	if s.Sent || s.PoolVerdict != mining.Pending {
		old.PoolDifficulty, old.PoolValue = s.PoolDifficulty, s.PoolValue
	}
	return shares
}
