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
)

// ship gives the warehouse all that the log has.
func (j *Journal) ship(ctx context.Context, now time.Time) error {
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
	if err == nil {
		j.status.Shipped = now
	}
	return err
}

func (j *Journal) shipAll(ctx context.Context) error {
	for {
		more, err := j.shipSome(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// shipSome takes some frames to the warehouse, and says whether there may be
// more.
func (j *Journal) shipSome(ctx context.Context) (more bool, err error) {
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
	shipped, err := j.shipped(ctx, &state)
	if err != nil || state.Last == state.Settled {
		return false, err
	}
	until := state.Last
	if shipped > state.Settled {
		until = shipped // the warehouse has these, and we did not hear of it
	}
	if state.Counted > state.Settled {
		until = min(until, state.Counted) // so that all are counted, or none
	}
	frames, err := j.read(ctx, state.Settled, until)
	if err != nil || len(frames) == 0 {
		return false, err
	}
	chunk, totals, err := j.chunk(ctx, frames)
	if err != nil {
		return false, err
	}
	last := chunk.Last
	if chunk.First > shipped {
		if last > state.Offered {
			if err := j.deps.Disk.Offer(ctx, last); err != nil {
				return false, err
			}
		}
		chunk.Log, chunk.First, chunk.Last = j.course.log, chunk.First-j.course.base, last-j.course.base
		if err := j.deps.Warehouse.Apply(ctx, chunk); err != nil {
			return false, err
		}
	}
	if last <= state.Counted {
		totals = nil
	}
	return true, j.deps.Disk.Settle(ctx, last, totals)
}

// countAll adds up what the log has while the warehouse takes nothing, so that a
// start need not read all that waits.
func (j *Journal) countAll(ctx context.Context) error {
	j.moving.Lock()
	defer j.moving.Unlock()
	for {
		state, err := j.deps.Disk.State(ctx)
		if err != nil || state.Counted >= state.Last {
			return err
		}
		frames, err := j.read(ctx, max(state.Counted, state.Settled), state.Last)
		if err != nil || len(frames) == 0 {
			return err
		}
		_, totals, err := j.chunk(ctx, frames)
		if err != nil {
			return err
		}
		if err := j.deps.Disk.Count(ctx, frames[len(frames)-1].Number, totals); err != nil {
			return err
		}
	}
}

// read reads frames after a number, up to another, with about as many shares as
// there is room for in a chunk.
func (j *Journal) read(ctx context.Context, after, until uint64) ([]store.Frame, error) {
	frames, err := j.deps.Disk.Read(ctx, after, min(readBytes, j.room*shareBytes))
	if err != nil {
		return nil, err
	}
	shares := 0
	for i := range frames {
		if frames[i].Number > until {
			return frames[:i], nil
		}
		if shares += frames[i].Shares; shares > j.room && i > 0 {
			return frames[:i], nil
		}
	}
	return frames, nil
}

// chunk puts frames together. moving is held, or nothing runs yet.
func (j *Journal) chunk(ctx context.Context, frames []store.Frame) (*store.Chunk, []store.Total, error) {
	sums := newCounts()
	c := &store.Chunk{
		Instance: j.cfg.Instance, First: frames[0].Number, Last: frames[len(frames)-1].Number,
	}
	at := make(map[uint64]int)
	for i := range frames {
		content, err := j.contentIn(ctx, &frames[i])
		if err != nil {
			return nil, nil, err
		}
		content.addTo(sums)
		c.Blocks = append(c.Blocks, content.Blocks...)
		if j.cfg.KeepShares == 0 {
			continue
		}
		for k := range content.Shares {
			c.Shares = join(c.Shares, at, content.share(k))
		}
	}
	c.Rollups, c.Workers = sums.rollups(), sums.workers()
	return c, sums.totals(), nil
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
