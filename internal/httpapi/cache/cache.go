// Package cache keeps answers for a while, compressed, in a bounded room. It
// does not know what they say.
//
// Invariants:
//   - What is kept is bounded by its bytes, keys included. An answer that would
//     take more than a quarter of the room is not kept.
//   - No answer is given past its time.
//   - It has no goroutine of its own.
package cache

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/maypok86/otter/v2"
)

// overhead is about what an entry takes besides its key and its data.
const overhead = 200

// Cache keeps answers by key. Any number of goroutines may use it. Make it with
// [New].
type Cache struct {
	room         uint64
	kept         *otter.Cache[string, entry]
	hits, misses atomic.Uint64
}

// entry is an answer and how long it is good.
type entry struct {
	packed []byte
	ttl    time.Duration
}

// New makes a cache that takes so many bytes, and whose time is now's.
func New(bytes uint64, now func() time.Time) (*Cache, error) {
	kept, err := otter.New(&otter.Options[string, entry]{
		MaximumWeight:    max(bytes, 1),
		Weigher:          func(key string, e entry) uint32 { return uint32(weight(key, e)) }, //nolint:gosec // Put bounds it
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration { return e.Value.ttl }),
		Executor:         func(work func()) { work() },
		Clock:            clock(now),
		Logger:           &otter.NoopLogger{},
	})
	if err != nil {
		return nil, fmt.Errorf("a cache of %d bytes: %w", bytes, err)
	}
	return &Cache{room: min(bytes, 1<<32-1), kept: kept}, nil
}

// Get returns a copy of what was kept under a key, if its time is not over.
func (c *Cache) Get(key string) ([]byte, bool) {
	e, ok := c.kept.GetIfPresent(key)
	if ok {
		data, err := s2.Decode(nil, e.packed)
		if err == nil {
			c.hits.Add(1)
			return data, true
		}
	}
	c.misses.Add(1)
	return nil, false
}

// Put keeps data under a key for a time, in place of what was there.
func (c *Cache) Put(key string, data []byte, ttl time.Duration) {
	e := entry{s2.Encode(nil, data), ttl}
	if ttl <= 0 || weight(key, e) > c.room/4 {
		c.kept.Invalidate(key)
		return
	}
	e.packed = append(make([]byte, 0, len(e.packed)), e.packed...) // without the room it was packed in
	c.kept.Set(key, e)
}

// Hits is how often there was an answer.
func (c *Cache) Hits() uint64 { return c.hits.Load() }

// Misses is how often there was none.
func (c *Cache) Misses() uint64 { return c.misses.Load() }

// Bytes is about what is kept.
func (c *Cache) Bytes() uint64 {
	c.kept.CleanUp()
	return c.kept.WeightedSize()
}

func weight(key string, e entry) uint64 { return uint64(len(key) + len(e.packed) + overhead) }

// clock is the time as the cache wants it. It never ticks: what is over is
// dropped when something else is put in its place.
type clock func() time.Time

// NowNano implements [otter.Clock].
func (c clock) NowNano() int64 { return c().UnixNano() }

// Tick implements [otter.Clock].
func (clock) Tick(time.Duration) <-chan time.Time { return nil }
