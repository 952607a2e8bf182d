package relational

import (
	"context"
	"fmt"
	"maps"

	"github.com/loka/stratum/internal/store"
)

// Store is a store of history in a database. Any number of goroutines may use it;
// chunks are taken one after the other.
type Store[T Tx] struct {
	// Static after construction.
	engine Engine[T]
	d      Dialect

	// turn is held by who takes a chunk and guards names.
	turn chan struct{}
	// names are those of each instance, as they were committed last.
	names map[string]*Names
}

// New is a store in a database.
func New[T Tx](engine Engine[T], d Dialect) *Store[T] {
	return &Store[T]{engine: engine, d: d, turn: make(chan struct{}, 1), names: map[string]*Names{}}
}

// Shipped implements [store.Shipper].
func (s *Store[T]) Shipped(ctx context.Context, instance, log string) (taken store.Taken, err error) {
	err = s.engine.Query(ctx, "SELECT s.last, s.partly FROM shipped s JOIN instances i ON i.id = s.instance WHERE i.name = ? AND s.log = ?",
		[]any{Text(instance), Text(log)}, func(scan Scan) error { return scan(&taken.Last, &taken.Partly) })
	if err != nil {
		return store.Taken{}, fmt.Errorf("reading what was taken of log %s: %w", log, err)
	}
	return taken, nil
}

// Apply implements [store.Shipper].
func (s *Store[T]) Apply(ctx context.Context, c *store.Chunk) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("taking frames %d to %d: %w", c.First, c.Last, context.Cause(ctx))
	}
	err := s.engine.Prepare(ctx, Days(c.Shares))
	for more := true; more && err == nil; {
		more, err = s.applyPart(ctx, c)
	}
	if err != nil {
		// Whatever was wrong, what is known of the database may be, too.
		delete(s.names, c.Instance)
		return fmt.Errorf("taking frames %d to %d: %w", c.First, c.Last, err)
	}
	return nil
}

// applyPart takes what comes next of a chunk in a transaction, and says whether there is
// more of it.
func (s *Store[T]) applyPart(ctx context.Context, c *store.Chunk) (more bool, err error) {
	var names *Names
	err = s.engine.Write(ctx, func(tx T) (err error) {
		names, err = s.take(ctx, tx, c)
		return err
	})
	if err != nil || names == nil {
		return false, err
	}
	s.names[c.Instance] = names
	return names.at.last != c.Last, nil
}

// take writes what comes next of a chunk and returns the names that are known once it is
// committed; none if the chunk was passed over.
func (s *Store[T]) take(ctx context.Context, tx T, c *store.Chunk) (*Names, error) {
	instance, err := instanceID(ctx, tx, c.Instance)
	if err != nil {
		return nil, err
	}
	at, err := s.watermark(ctx, tx, instance, c.Log)
	switch {
	case err != nil:
		return nil, err
	case c.Last <= at.last:
		return nil, nil //nolint:nilnil // passed over, which is no error
	case c.First != at.last+1:
		return nil, fmt.Errorf("the last one was %d: %w", at.last, store.ErrGap)
	case at.partly != 0 && at.partly != c.Last:
		return nil, fmt.Errorf("frames %d to %d: %w", c.First, at.partly, store.ErrPartly)
	}
	part, to := at.next(c, s.d.Part)
	names := s.known(part, instance, at)
	if err := names.add(ctx, tx, names.lacking(part)); err != nil {
		return nil, err
	}
	load := &Load{Instance: instance, Names: names, Days: Days(part.Shares), Rollups: part.Rollups, Workers: part.Workers}
	if err := s.engine.Load(ctx, tx, load); err != nil {
		return nil, err
	}
	for i := range part.Blocks {
		if err := s.block(ctx, tx, names, &part.Blocks[i]); err != nil {
			return nil, fmt.Errorf("block %s: %w", part.Blocks[i].Hash, err)
		}
	}
	names.log, names.at = c.Log, to
	return names, tx.Exec(ctx, "UPDATE shipped SET last = ?, partly = ?, done = ? WHERE instance = ? AND log = ?",
		int64(to.last), int64(to.partly), int64(to.done), instance, Text(c.Log)) //nolint:gosec // frames are counted from 1
}

// watermark is how far a log was taken, which nobody else changes until the transaction
// ends.
func (s *Store[T]) watermark(ctx context.Context, tx T, instance int64, log string) (at progress, err error) {
	log = Text(log)
	if err := tx.Exec(ctx, "INSERT INTO shipped (instance, log, last, partly, done) VALUES (?, ?, 0, 0, 0) ON CONFLICT DO NOTHING", instance, log); err != nil {
		return at, err
	}
	err = tx.Query(ctx, "SELECT last, partly, done FROM shipped WHERE instance = ? AND log = ?"+s.d.Lock, []any{instance, log},
		func(scan Scan) error { return scan(&at.last, &at.partly, &at.done) })
	return at, err
}

// known is a copy of the names that are known, to be thrown away if the transaction
// is. Nothing is known of a database that is not where it was after what was written from
// here last: it may have been set back.
func (s *Store[T]) known(c *store.Chunk, instance int64, at progress) *Names {
	names := newNames()
	names.Instance = instance
	was := s.names[c.Instance]
	if was == nil || was.Instance != instance || was.log != c.Log || was.at != at {
		return names
	}
	if was.lacking(c).none() {
		return was
	}
	names.Pools, names.Routes, names.Users, names.Workers = maps.Clone(was.Pools), maps.Clone(was.Routes), maps.Clone(was.Users), maps.Clone(was.Workers)
	return names
}

// block enters a block, or the pool's word on it.
func (s *Store[T]) block(ctx context.Context, tx T, n *Names, b *store.Block) error {
	return tx.Exec(ctx, `INSERT INTO blocks (instance, hash, at, height, worker, pool, route, difficulty, network, reward, verdict)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (instance, hash) DO UPDATE SET verdict = CASE WHEN excluded.verdict = 0 THEN blocks.verdict ELSE excluded.verdict END`,
		n.Instance, Text(b.Hash), s.d.Time(b.At), int64(b.Height), n.Worker(b.Worker), n.Pool(b.Pool), n.Route(b.Route),
		Float(b.Difficulty), Float(b.Network), b.Reward, int64(b.Verdict))
}
