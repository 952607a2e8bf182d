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
func (s *Store[T]) Shipped(ctx context.Context, instance, log string) (uint64, error) {
	var last uint64
	err := s.engine.Query(ctx, "SELECT s.last FROM shipped s JOIN instances i ON i.id = s.instance WHERE i.name = ? AND s.log = ?",
		[]any{Text(instance), Text(log)}, func(scan Scan) error { return scan(&last) })
	if err != nil {
		return 0, fmt.Errorf("reading what was taken of log %s: %w", log, err)
	}
	return last, nil
}

// Apply implements [store.Shipper].
func (s *Store[T]) Apply(ctx context.Context, c *store.Chunk) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("taking frames %d to %d: %w", c.First, c.Last, context.Cause(ctx))
	}
	days := Days(c.Shares)
	err := s.engine.Prepare(ctx, days)
	var names *Names
	if err == nil {
		err = s.engine.Write(ctx, func(tx T) (err error) {
			names, err = s.take(ctx, tx, c, days)
			return err
		})
	}
	if err != nil {
		// Whatever was wrong, what is known of the database may be, too.
		delete(s.names, c.Instance)
		return fmt.Errorf("taking frames %d to %d: %w", c.First, c.Last, err)
	}
	if names != nil {
		s.names[c.Instance] = names
	}
	return nil
}

// take writes a chunk and returns the names that are known once it is committed;
// none if the chunk was passed over.
func (s *Store[T]) take(ctx context.Context, tx T, c *store.Chunk, days []Day) (*Names, error) {
	instance, err := instanceID(ctx, tx, c.Instance)
	if err != nil {
		return nil, err
	}
	last, err := s.watermark(ctx, tx, instance, c.Log)
	switch {
	case err != nil:
		return nil, err
	case c.Last <= last:
		return nil, nil //nolint:nilnil // passed over, which is no error
	case c.First != last+1 && (c.First <= last || c.First != c.Gone+1):
		return nil, fmt.Errorf("the last one was %d: %w", last, store.ErrGap)
	}
	names := s.known(c, instance, last)
	if err := names.add(ctx, tx, names.lacking(c)); err != nil {
		return nil, err
	}
	load := &Load{Instance: instance, Names: names, Days: days, Rollups: c.Rollups, Workers: c.Workers}
	if err := s.engine.Load(ctx, tx, load); err != nil {
		return nil, err
	}
	for i := range c.Blocks {
		if err := s.block(ctx, tx, names, &c.Blocks[i]); err != nil {
			return nil, fmt.Errorf("block %s: %w", c.Blocks[i].Hash, err)
		}
	}
	names.log, names.last = c.Log, c.Last
	return names, tx.Exec(ctx, "UPDATE shipped SET last = ? WHERE instance = ? AND log = ?", int64(c.Last), instance, Text(c.Log)) //nolint:gosec // frames are counted from 1
}

// watermark is the number of the last frame that was taken, which nobody else
// changes until the transaction ends.
func (s *Store[T]) watermark(ctx context.Context, tx T, instance int64, log string) (uint64, error) {
	log = Text(log)
	if err := tx.Exec(ctx, "INSERT INTO shipped (instance, log, last) VALUES (?, ?, 0) ON CONFLICT DO NOTHING", instance, log); err != nil {
		return 0, err
	}
	var last uint64
	err := tx.Query(ctx, "SELECT last FROM shipped WHERE instance = ? AND log = ?"+s.d.Lock, []any{instance, log},
		func(scan Scan) error { return scan(&last) })
	return last, err
}

// known is a copy of the names that are known, to be thrown away if the transaction
// is. Nothing is known of a database in which the last frame is not the one that was
// written from here last: it may have been set back.
func (s *Store[T]) known(c *store.Chunk, instance int64, last uint64) *Names {
	names := newNames()
	names.Instance = instance
	was := s.names[c.Instance]
	if was == nil || was.Instance != instance || was.log != c.Log || was.last != last {
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
