package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

// Names that things are saved under.
const (
	windowsName = "windows"
	runName     = "run"
)

// idsPerSecond is how many share ids each second that a process runs is good
// for, a power of two.
const idsPerSecond = 1 << 31

// idsSince is when share ids began, so that they stay below 2^63 for ever.
//
//nolint:gochecknoglobals // a constant, but for its type
var idsSince = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// FirstID is where the share ids of this run begin: above all of earlier ones,
// even if the clock went back.
func (j *Journal) FirstID(ctx context.Context, now time.Time) (ledger.ShareID, error) {
	data, err := j.deps.Disk.Load(ctx, runName)
	if err != nil {
		return 0, fmt.Errorf("read what is kept of earlier runs: %w", err)
	}
	var last int64
	if data != nil {
		if _, err := fmt.Sscan(string(data), &last); err != nil {
			return 0, fmt.Errorf("read what is kept of earlier runs: %w", err)
		}
	}
	run := max(int64(now.Sub(idsSince)/time.Second), last+1, 1)
	if err := j.deps.Disk.Save(ctx, runName, fmt.Append(nil, run)); err != nil {
		return 0, fmt.Errorf("keep that a run begins: %w", err)
	}
	return ledger.ShareID(run) * idsPerSecond, nil
}

// Restore brings everything back into empty books: totals, what happened after
// they were made, windows and memories. What cannot be read of windows and
// memories is left out, and said so.
func (j *Journal) Restore(ctx context.Context, books Books, now time.Time) error {
	j.books = books
	totals, err := j.totals(ctx)
	if err != nil {
		return fmt.Errorf("read the totals: %w", err)
	}
	for i := range totals {
		books.Restore(&totals[i], now)
	}
	if err := j.replay(ctx, books, now); err != nil {
		return err
	}
	memory := new(ledger.Memory)
	if err := j.recall(ctx, windowsName, func(data []byte) error {
		return gob.NewDecoder(bytes.NewReader(data)).Decode(memory)
	}); err != nil {
		j.log.WarnContext(ctx, "windows of the last run cannot be read; hashrates begin anew", "error", err)
		memory = nil
	}
	books.Recall(memory, now)
	for name, m := range j.deps.Memories {
		if err := j.recall(ctx, name, func(data []byte) error { return m.Recall(data, now) }); err != nil {
			j.log.WarnContext(ctx, "something of the last run cannot be read; it begins anew", "what", name, "error", err)
		}
	}
	return nil
}

// totals are those of the workers of late first: there may be more of them than
// books.
func (j *Journal) totals(ctx context.Context) ([]store.Total, error) {
	var all []store.Total
	latest := make(map[string]int64)
	err := j.deps.Disk.Totals(ctx, func(t *store.Total) error {
		all = append(all, *t)
		if last := t.Last.UnixMicro(); !t.Last.IsZero() && last > latest[t.Worker] {
			latest[t.Worker] = last
		}
		return nil
	})
	slices.SortFunc(all, func(a, b store.Total) int {
		return cmp.Or(cmp.Compare(latest[b.Worker], latest[a.Worker]), cmp.Compare(a.Worker, b.Worker))
	})
	return all, err
}

// replay adds what is in the log and not in the totals.
func (j *Journal) replay(ctx context.Context, books Books, now time.Time) error {
	state, err := j.deps.Disk.State(ctx)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	for after := max(state.Counted, state.Settled); after < state.Last; {
		l, err := j.load(ctx, after, state.Last, fitting)
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if l == nil {
			return errors.New("frames of the journal are missing")
		}
		totals := l.sums.totals()
		for i := range totals {
			books.Restore(&totals[i], now)
		}
		after = l.last
	}
	return nil
}

// recall gives what is saved under a name, unpacked, to f, if there is any.
func (j *Journal) recall(ctx context.Context, name string, f func([]byte) error) error {
	data, err := j.deps.Disk.Load(ctx, name)
	if err != nil || data == nil {
		return err
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return err
	}
	defer unpack.Close()
	plain, err := unpack.DecodeAll(data, nil)
	if err != nil {
		return err
	}
	return f(plain)
}

// remember saves windows and memories. What windows say was done goes into the log
// before them: a window must not begin with more than comes back.
func (j *Journal) remember(ctx context.Context, now time.Time) error {
	windows := j.books.Remember(now)
	if err := j.write(ctx); err != nil {
		return err // flush says so
	}
	var plain bytes.Buffer
	if err := gob.NewEncoder(&plain).Encode(windows); err != nil {
		return err
	}
	err := j.save(ctx, windowsName, plain.Bytes())
	for name, m := range j.deps.Memories {
		data, bad := m.Remember(now)
		if bad == nil {
			bad = j.save(ctx, name, data)
		}
		err = errors.Join(err, bad)
	}
	return err
}

func (j *Journal) save(ctx context.Context, name string, data []byte) error {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	packed := pack.EncodeAll(data, nil)
	_ = pack.Close()
	return j.deps.Disk.Save(ctx, name, packed)
}

// finish keeps what is left when everything else has stopped.
func (j *Journal) finish(ctx context.Context) error {
	now := time.Now() //nolint:forbidigo // Run is where the clock comes in
	j.books.Tick(now)
	if err := j.write(ctx); err != nil {
		return fmt.Errorf("the last figures could not be kept: %w", err)
	}
	if err := j.remember(ctx, now); err != nil {
		j.log.WarnContext(ctx, "windows could not be kept; hashrates begin anew at the next start", "error", err)
	}
	if err := j.shipAll(ctx); err != nil { // it is in the log, and goes there at the next start
		j.log.InfoContext(ctx, "the store does not have the last figures yet; they are kept in data_dir", "error", err)
	}
	return nil
}
