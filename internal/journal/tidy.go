package journal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/loka/stratum/internal/store"
)

const oneDay = 24 * time.Hour

// tidy drops what is too old, and the oldest single shares of what is too much.
func (j *Journal) tidy(ctx context.Context, now time.Time) error {
	// What is on this machine first: it grows while the warehouse is away.
	err := j.fitLog(ctx)
	// Room is made whatever keeps old days from being dropped: it may be that there
	// is none for their archive.
	old := j.age(ctx, now)
	if full := j.fitWarehouse(ctx); old == nil {
		old = full
	}
	err = errors.Join(err, old)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if begun, over := j.note(&j.status.Tidy, err, now); begun {
		j.log.WarnContext(ctx, "old shares cannot be dropped; the disk may fill up", "error", err)
	} else if over {
		j.log.InfoContext(ctx, "old shares are dropped again")
	}
	return err
}

// age drops what is older than it is kept.
func (j *Journal) age(ctx context.Context, now time.Time) error {
	days, err := j.deps.Warehouse.Days(ctx)
	if err != nil {
		return err
	}
	for _, d := range days {
		if d.Day.Add(oneDay + j.cfg.KeepShares).After(now) {
			continue
		}
		if j.deps.Archive != nil {
			if err := j.deps.Archive(ctx, d.Day); err != nil {
				return err
			}
		}
		if err := j.deps.Warehouse.DropDay(ctx, d.Day); err != nil {
			return err
		}
		j.log.LogAttrs(ctx, slog.LevelInfo, "single shares of a day are dropped for their age", slog.Time("day", d.Day))
	}
	if j.cfg.KeepMinutes > 0 {
		return j.deps.Warehouse.DropMinutes(ctx, now.Add(-j.cfg.KeepMinutes))
	}
	return nil
}

// fitWarehouse drops the oldest days of single shares while the warehouse is too
// big.
func (j *Journal) fitWarehouse(ctx context.Context) error {
	if j.cfg.MaxDisk <= 0 {
		return nil
	}
	days, err := j.deps.Warehouse.Days(ctx)
	if err != nil {
		return err
	}
	for _, d := range days {
		size, err := j.deps.Warehouse.Bytes(ctx)
		if err != nil || size <= j.cfg.MaxDisk {
			return err
		}
		if err := j.deps.Warehouse.DropDay(ctx, d.Day); err != nil {
			return err
		}
		j.log.LogAttrs(ctx, slog.LevelWarn, "single shares of a day are dropped, for the store is larger than storage.max_disk",
			slog.Time("day", d.Day), slog.Int64("bytes", size), slog.Int64("max_disk", j.cfg.MaxDisk))
	}
	return nil
}

const (
	// squeezeFrames is how many frames are squeezed together.
	squeezeFrames = 256
	// logPart is the part of what all may take that the log may in any case. With less it
	// is not the log that is too big, and to squeeze it would make sums coarser for nothing:
	// the history may be in the same file.
	logPart = 1. / 8
)

// fitLog takes the single shares out of the oldest frames while what is on this
// machine is too big.
func (j *Journal) fitLog(ctx context.Context) error {
	if j.cfg.MaxDisk <= 0 {
		return nil
	}
	j.moving.Lock()
	defer j.moving.Unlock()
	state, err := j.deps.Disk.State(ctx)
	if err != nil {
		return err
	}
	// Where there are no more single shares it is sums that take the room: those of
	// minutes become ones of hours, and of days.
	for _, step := range store.Steps() {
		if fits, err := j.fitLogBy(ctx, &state, step); err != nil || fits {
			return err
		}
	}
	return nil
}

// fitLogBy squeezes frames together, the oldest first, until what is on this machine
// fits, and says whether it does. Their steps are then at least as long as said. moving
// is held.
func (j *Journal) fitLogBy(ctx context.Context, state *store.LogState, step store.Step) (fits bool, err error) {
	lost, coarse := 0, false
	defer func() { j.tellSqueezed(ctx, lost, coarse, step) }()
	// What was offered the warehouse may have: it must stay as it is.
	for after := max(state.Settled, state.Offered); after < state.Last; {
		fits, err := j.logFits(ctx)
		if err != nil || fits {
			return fits, err
		}
		until := min(state.Last, after+squeezeFrames<<(4*step))
		if after < state.Counted {
			until = min(until, state.Counted) // what is counted must stay apart
		}
		frames, err := j.read(ctx, after, until)
		if err != nil || len(frames) == 0 {
			return false, err
		}
		after = frames[len(frames)-1].Number
		dropped, coarser, err := j.squeeze(ctx, frames, step)
		if err != nil {
			return false, err
		}
		lost, coarse = lost+dropped, coarse || coarser
	}
	return false, nil
}

// tellSqueezed says what was lost of the log, all of it at once: there may be thousands of
// frames.
func (j *Journal) tellSqueezed(ctx context.Context, lost int, coarse bool, step store.Step) {
	bound := slog.Int64("max_disk", j.cfg.MaxDisk)
	if lost > 0 {
		j.log.LogAttrs(ctx, slog.LevelWarn, "single shares that wait for the store are dropped, for they take more than storage.max_disk; sums are kept",
			slog.Int("shares", lost), bound)
	}
	if coarse {
		j.log.LogAttrs(ctx, slog.LevelWarn, "sums that wait for the store are kept by longer steps, for they take more than storage.max_disk",
			slog.String("step", step.String()), bound)
	}
}

// logFits says whether what is on this machine is not too big, or not for the log.
func (j *Journal) logFits(ctx context.Context) (bool, error) {
	if size, err := j.deps.Disk.Bytes(ctx); err != nil || size <= j.cfg.MaxDisk {
		return err == nil, err
	}
	state, err := j.deps.Disk.State(ctx)
	return err == nil && float64(state.Bytes) <= logPart*float64(j.cfg.MaxDisk), err
}

// squeeze takes the single shares out of frames, and puts what they add up to, by steps
// that are at least as long as said, into the last of them. The others are left empty, for
// their numbers are given. It says how many shares it dropped, and whether steps became
// longer. moving is held.
func (j *Journal) squeeze(ctx context.Context, frames []store.Frame, step store.Step) (dropped int, coarser bool, err error) {
	full, finest := 0, store.Day
	for i := range frames {
		dropped += frames[i].Shares
		if len(frames[i].Data) > len(emptyFrame()) {
			full++
		}
	}
	if full == 0 {
		return 0, false, nil
	}
	sums := newCounts()
	var blocks []store.Block
	for i := range frames {
		content, err := j.contentIn(ctx, &frames[i])
		if err != nil {
			return 0, false, err
		}
		if len(frames[i].Data) > len(emptyFrame()) {
			finest = min(finest, content.Step)
		}
		content.addTo(sums)
		blocks = append(blocks, content.Blocks...)
	}
	if dropped == 0 && full == 1 && finest >= step {
		return 0, false, nil
	}
	if step > store.Minute {
		coarse := newCounts()
		coarse.step = step
		coarse.merge(sums)
		sums = coarse
	}
	last := len(frames) - 1
	changed := slices.DeleteFunc(slices.Clone(frames[:last]), func(f store.Frame) bool { return len(f.Data) <= len(emptyFrame()) })
	for i := range changed {
		changed[i].Shares, changed[i].Data = 0, emptyFrame()
	}
	all := frames[last]
	all.Shares = 0
	if all.Data, err = j.codec.encode(contentOf(nil, sums, blocks, false)); err != nil {
		return 0, false, err
	}
	if err := j.deps.Disk.Replace(ctx, append(changed, all)...); err != nil {
		return 0, false, err
	}
	j.mu.Lock()
	j.dropped += uint64(dropped)
	j.mu.Unlock()
	return dropped, step > finest, nil
}
