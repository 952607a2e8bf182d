package ratelimit

import (
	"hash/maphash"
	"sync"
)

// numShards is how many locks a table has.
const numShards = 64

// MaxIdle is the most buckets that a table keeps of those that nobody has.
const MaxIdle = 1 << 16

// table is the shared buckets of one kind by what they are for. Its locks are
// taken when somebody comes or goes, never for a token.
type table[K comparable] struct {
	seed   maphash.Seed
	shards [numShards]shard[K]
}

type shard[K comparable] struct {
	mu sync.Mutex
	of map[K]*shared
	// idle is how many of them nobody has.
	idle int
}

func newTable[K comparable]() *table[K] {
	t := &table[K]{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].of = make(map[K]*shared)
	}
	return t
}

func (t *table[K]) shard(key K) *shard[K] {
	return &t.shards[maphash.Comparable(t.seed, key)%numShards]
}

// acquire returns the bucket for a key, to be released.
func (t *table[K]) acquire(key K, now int64) *shared {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of[key]
	switch {
	case b == nil:
		s.forget(now)
		b = new(shared)
		s.of[key] = b
	case b.users == 0:
		s.idle--
	}
	b.users++
	return b
}

// release gives a bucket back. One that is full is forgotten: a new one is no
// different.
func (t *table[K]) release(key K, now int64) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of[key]
	if b == nil || b.users == 0 {
		return
	}
	if b.users--; b.users > 0 {
		return
	}
	if b.full.Load() <= now {
		delete(s.of, key)
		return
	}
	s.idle++
}

// looks is how many buckets a newcomer looks at for one to forget.
const looks = 4

// forget drops some of the buckets that nobody has and that are full, and where
// there are too many idle ones those too that are not. It looks at a few only, for
// somebody waits; the map gives others each time.
func (s *shard[K]) forget(now int64) {
	if s.idle == 0 {
		return
	}
	looked := 0
	for key, b := range s.of {
		if b.users == 0 && (b.full.Load() <= now || s.idle > MaxIdle/numShards) {
			delete(s.of, key)
			s.idle--
		}
		if looked++; looked >= looks && s.idle <= MaxIdle/numShards || s.idle == 0 {
			return
		}
	}
}
