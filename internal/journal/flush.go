package journal

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

// flush writes what waits into the log.
func (j *Journal) flush(ctx context.Context, now time.Time) {
	j.books.Tick(now)
	err := j.write(ctx)
	if err != nil && ctx.Err() != nil {
		return // it is written once more at the end
	}
	if begun, over := j.note(&j.status.Flush, err, now); begun {
		j.log.WarnContext(ctx, "journal cannot be written; mining goes on and figures wait in memory", "error", err)
	} else if over {
		j.log.InfoContext(ctx, "journal is written again")
	}
}

// Complete takes all that has happened to the warehouse at once, and says until
// when that is.
func (j *Journal) Complete(ctx context.Context) (until time.Time, err error) {
	j.shippersBy(1)
	defer j.shippersBy(-1)
	until = time.Now() //nolint:forbidigo // somebody asks from outside, and has no time to give
	j.books.Tick(until)
	if err := j.write(ctx); err != nil {
		return time.Time{}, err
	}
	if err := j.shipAll(ctx); err != nil {
		return time.Time{}, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if until.After(j.status.Shipped) {
		j.status.Shipped = until
	}
	return until, nil
}

// write appends what could not be appended before and what waits, a frame each.
func (j *Journal) write(ctx context.Context) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	if err := j.appendUnsent(ctx); err != nil {
		return err
	}
	for {
		content := j.next()
		if content == nil {
			return nil
		}
		data, err := j.codec.encode(content)
		if err != nil {
			return err
		}
		j.unsent = &store.Frame{Number: j.last + 1, Shares: len(content.Shares), Data: data}
		if err := j.appendUnsent(ctx); err != nil {
			return err
		}
	}
}

// appendUnsent appends the frame that has a number and is not known to be in
// the log. writing is held.
func (j *Journal) appendUnsent(ctx context.Context) error {
	f := j.unsent
	if f == nil {
		return nil
	}
	if err := j.deps.Disk.Append(ctx, *f); err != nil {
		// It may have been written all the same.
		state, unknown := j.deps.Disk.State(ctx)
		if unknown != nil || state.Last < f.Number {
			return err
		}
	}
	j.last, j.unsent = f.Number, nil
	return nil
}

// frameEvents is how many events go into one frame at the most.
const frameEvents = 50_000

// next takes some of what waits, nil where nothing does.
func (j *Journal) next() *content {
	j.mu.Lock()
	if len(j.pending) == 0 && len(j.folded.rows) == 0 && len(j.blocks) == 0 {
		j.mu.Unlock()
		return nil
	}
	sums, blocks := j.folded, j.blocks
	j.folded, j.blocks = newCounts(), nil
	n := min(len(j.pending), frameEvents)
	events := append(make([]ledger.Event, 0, n), j.pending[:n]...)
	left := copy(j.pending, j.pending[n:])
	clear(j.pending[left:])
	j.pending = j.pending[:left]
	if left == 0 && cap(j.pending) > 4*frameEvents {
		j.pending = nil
	}
	j.mu.Unlock()
	return contentOf(events, sums, blocks, j.cfg.KeepShares > 0)
}

// note keeps an error, or that there is none, and says whether trouble has begun
// or is over.
func (j *Journal) note(of *Trouble, err error, now time.Time) (begun, over bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	begun, over = of.Err == nil && err != nil, of.Err != nil && err == nil
	of.Err = err
	if begun {
		of.Since = now
	} else if over {
		of.Since = time.Time{}
	}
	return begun, over
}
