package storetest

import (
	"fmt"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// Farm is who hands in many shares, for benchmarks: each of its workers so many in
// a minute, all accepted and sent.
type Farm struct {
	Workers, Shares int
	// Begins is its first chunk's time.
	Begins time.Time
	// Minutes is how long a chunk's time is.
	Minutes int

	chunks, id uint64
}

// Login is a worker's.
func (*Farm) Login(worker int) string { return fmt.Sprintf("farm.rig%05d", worker) }

// Next is the next chunk.
func (f *Farm) Next() *store.Chunk {
	n := f.Workers * f.Minutes
	begins := f.Begins.Add(time.Duration(f.Minutes) * time.Minute * time.Duration(f.chunks&0xffff))
	f.chunks++
	c := &store.Chunk{Instance: "farm", Log: "log", First: f.chunks, Last: f.chunks}
	c.Shares = make([]store.Share, 0, n*f.Shares)
	c.Rollups = make([]store.Rollup, 0, 3*n)
	for m := range f.Minutes {
		at := begins.Add(time.Duration(m) * time.Minute)
		for w := range f.Workers {
			f.minute(c, at, w)
		}
	}
	for w := range f.Workers {
		c.Workers = append(c.Workers, store.Worker{Login: f.Login(w), Route: "main", First: begins, Last: begins.Add(time.Minute), Best: 1e9})
	}
	return c
}

// minute is one worker's minute.
func (f *Farm) minute(c *store.Chunk, at time.Time, worker int) {
	key := store.Key{Worker: f.Login(worker), Pool: "first", Route: "main", Verdict: mining.Accepted}
	cell := store.Cell{Best: 262144.5}
	for s := range f.Shares {
		f.id++
		share := store.Share{
			ID: f.id, At: at.Add(time.Minute / time.Duration(f.Shares) * time.Duration(s)).Truncate(time.Microsecond),
			Worker: key.Worker, Pool: key.Pool, Route: key.Route,
			Verdict: mining.Accepted, Difficulty: 65536, Reached: 262144.5, Value: mining.Amount{Pico: 123_456_789_012},
			Sent: true, PoolVerdict: mining.Accepted, PoolDifficulty: 65536, PoolValue: mining.Amount{Pico: 123_456_789_012},
		}
		c.Shares = append(c.Shares, share)
		cell.Add(&store.Cell{Shares: 1, Work: share.Difficulty, Value: share.Value, Blocks: 1e-10})
	}
	for _, side := range []store.Side{store.Ours, store.Pools, store.Sent} {
		key.Side = side
		c.Rollups = append(c.Rollups, store.Rollup{Key: key, Cell: cell, At: at})
	}
}

// Day is a day of a farm of 1,000 workers, in chunks of ten minutes, that has about
// so many shares in all.
func Day(begins time.Time, shares int) (*Farm, int) {
	const workers, minutes = 1000, 10
	return &Farm{Workers: workers, Shares: max(1, shares/(workers*24*60)), Begins: begins, Minutes: minutes}, 24 * 60 / minutes
}
