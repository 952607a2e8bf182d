package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/relational"
)

// ID implements [store.Log].
func (s *Store) ID() string { return s.id }

// logState is what a log holds.
const logState = "SELECT settled, counted, offered, last, bytes, shares FROM log"

// stateTo is where it is read into.
func stateTo(state *store.LogState) func(relational.Scan) error {
	return func(scan relational.Scan) error {
		return scan(&state.Settled, &state.Counted, &state.Offered, &state.Last, &state.Bytes, &state.Shares)
	}
}

// State implements [store.Log].
func (s *Store) State(ctx context.Context) (state store.LogState, err error) {
	if err := s.query(ctx, logState, nil, stateTo(&state)); err != nil {
		return state, fmt.Errorf("reading the log's state: %w", err)
	}
	return state, nil
}

// Append implements [store.Log]. Frames that do not follow the last one are an
// error, [store.ErrGap] in it, and none of them is added.
func (s *Store) Append(ctx context.Context, frames ...store.Frame) error {
	err := s.write(ctx, func(t *tx) error {
		var state store.LogState
		if err := t.Query(ctx, logState, nil, stateTo(&state)); err != nil {
			return err
		}
		for i := range frames {
			f := &frames[i]
			if f.Number != state.Last+1 {
				return fmt.Errorf("frame %d after %d: %w", f.Number, state.Last, store.ErrGap)
			}
			state.Last++
			state.Bytes += int64(len(f.Data))
			state.Shares += int64(f.Shares)
		}
		err := t.each(ctx, "INSERT INTO journal (number, shares, data) VALUES (?, ?, ?)", len(frames), func(i int, to []any) []any {
			return append(to, i64(frames[i].Number), frames[i].Shares, blob(frames[i].Data))
		})
		if err != nil {
			return err
		}
		return t.Exec(ctx, "UPDATE log SET last = ?, bytes = ?, shares = ?", i64(state.Last), state.Bytes, state.Shares)
	})
	if err != nil {
		return fmt.Errorf("appending to the log: %w", err)
	}
	return nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// Read implements [store.Log].
func (s *Store) Read(ctx context.Context, after uint64, bytes int) ([]store.Frame, error) {
	var frames []store.Frame
	err := s.query(ctx, "SELECT number, shares, data FROM journal WHERE number > ? ORDER BY number", []any{i64(after)}, func(scan relational.Scan) error {
		var f store.Frame
		if err := scan(&f.Number, &f.Shares, &f.Data); err != nil {
			return err
		}
		f.Data = blob(f.Data)
		frames = append(frames, f)
		if bytes -= len(f.Data); bytes <= 0 {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("reading the log after frame %d: %w", after, err)
	}
	return frames, nil
}

// Replace implements [store.Log]. A frame that is not there is an error, and none
// is replaced.
func (s *Store) Replace(ctx context.Context, frames ...store.Frame) error {
	err := s.write(ctx, func(t *tx) error {
		for i := range frames {
			if err := t.replace(ctx, &frames[i]); err != nil {
				return fmt.Errorf("frame %d: %w", frames[i].Number, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("replacing frames of the log: %w", err)
	}
	s.giveBack(ctx)
	return nil
}

func (t *tx) replace(ctx context.Context, f *store.Frame) error {
	err := t.Exec(ctx, `UPDATE log SET bytes = bytes + ?2 - (SELECT length(data) FROM journal WHERE number = ?1),
    shares = shares + ?3 - (SELECT shares FROM journal WHERE number = ?1)
WHERE EXISTS (SELECT 1 FROM journal WHERE number = ?1)`, i64(f.Number), len(f.Data), f.Shares)
	if err != nil {
		return err
	}
	n, err := t.affected(ctx, "UPDATE journal SET shares = ?2, data = ?3 WHERE number = ?1", i64(f.Number), f.Shares, blob(f.Data))
	if err == nil && n != 1 {
		err = errReplace
	}
	return err
}

// Count implements [store.Settler]. A number beyond the last frame's is an error,
// [store.ErrGap] in it.
func (s *Store) Count(ctx context.Context, last uint64, totals []store.Total) error {
	err := s.write(ctx, func(t *tx) error {
		_, err := t.count(ctx, last, totals)
		return err
	})
	if err != nil {
		return fmt.Errorf("counting the log up to frame %d: %w", last, err)
	}
	return nil
}

// count adds totals if they are not in yet, and returns the state before.
func (t *tx) count(ctx context.Context, last uint64, totals []store.Total) (state store.LogState, err error) {
	if err := t.Query(ctx, logState, nil, stateTo(&state)); err != nil {
		return state, err
	}
	if last > state.Last {
		return state, fmt.Errorf("the last frame is %d: %w", state.Last, store.ErrGap)
	}
	if last <= state.Counted {
		return state, nil
	}
	if err := t.totals(ctx, totals); err != nil {
		return state, err
	}
	return state, t.Exec(ctx, "UPDATE log SET counted = ?", i64(last))
}

// Offer implements [store.Settler].
func (s *Store) Offer(ctx context.Context, last uint64) error {
	err := s.write(ctx, func(t *tx) error {
		return t.Exec(ctx, "UPDATE log SET offered = max(offered, ?)", i64(last))
	})
	if err != nil {
		return fmt.Errorf("noting that frame %d is offered: %w", last, err)
	}
	return nil
}

// Settle implements [store.Settler]. A number beyond the last frame's is an error,
// [store.ErrGap] in it.
func (s *Store) Settle(ctx context.Context, last uint64, totals []store.Total) error {
	err := s.write(ctx, func(t *tx) error {
		state, err := t.count(ctx, last, totals)
		if err != nil || last <= state.Settled {
			return err
		}
		err = t.Exec(ctx, `UPDATE log SET settled = ?1,
    bytes = bytes - coalesce((SELECT sum(length(data)) FROM journal WHERE number <= ?1), 0),
    shares = shares - coalesce((SELECT sum(shares) FROM journal WHERE number <= ?1), 0)`, i64(last))
		if err != nil {
			return err
		}
		return t.Exec(ctx, "DELETE FROM journal WHERE number <= ?", i64(last))
	})
	if err != nil {
		return fmt.Errorf("settling the log up to frame %d: %w", last, err)
	}
	s.giveBack(ctx)
	return nil
}

// totals adds to what was ever counted.
func (t *tx) totals(ctx context.Context, totals []store.Total) error {
	const columns = "worker, pool, route, side, verdict, last_share, shares, work, value_sat, value_pico, blocks, best"
	after := addCell + ", last_share = coalesce(max(last_share, excluded.last_share), last_share, excluded.last_share)"
	r := rows{"INSERT INTO totals (" + columns + ")", after, strings.Count(columns, ",") + 1}
	return t.insert(ctx, r, len(totals), func(i int, to []any) []any {
		x := &totals[i]
		var last any
		if !x.Last.IsZero() {
			last = x.Last.UnixMicro()
		}
		return appendCell(append(to, x.Worker, x.Pool, x.Route, int64(x.Side), int64(x.Verdict), last), &x.Cell)
	})
}

// blob is data as it is kept: what is empty is not the same as nothing.
func blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
