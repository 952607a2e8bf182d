package jobbook

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// State says whether shares of a work count.
type State uint8

// The states of a work.
const (
	// Unknown: never given, or so long ago that it was forgotten.
	Unknown State = iota
	// Live: its shares count.
	Live
	// Stale: a clean work came after it.
	Stale
)

// The defaults of [Config].
const (
	// DefaultRetention is longer than any share of a job is on its way: a
	// miner holds back shares for up to 120 s while it reconnects.
	DefaultRetention = 180 * time.Second
	// DefaultMax is above what a pool with a job every 5 s needs.
	DefaultMax = 64
)

// Config bounds a book. A field that is not above 0 means its default.
type Config struct {
	// Retention is how long a work is remembered after it was added.
	Retention time.Duration
	// Max is how many works are remembered; one more drops the oldest.
	Max int
	// MaxBytes is how many bytes of coinbases and branches the works may hold; for more
	// the oldest are dropped, but never the newest. 0 is no bound but Max.
	MaxBytes int
	// MaxShares is about how many shares are remembered to tell duplicates;
	// of more the oldest are forgotten. Without it there is no [Book.Check].
	MaxShares int
}

// Book holds recent work and the shares of it. Its memory is bounded by
// [Config]. Any number of goroutines may use it; none waits for another to
// find a work.
type Book struct {
	// Static after construction.
	retention time.Duration
	max       int
	maxBytes  int
	seen      *seen // nil without MaxShares

	// mu orders those who change the book.
	mu sync.Mutex
	// entries are the works, oldest first: a list that is replaced whole.
	entries atomic.Pointer[[]entry]
}

// entry is one work; it never changes once it is in a list.
type entry struct {
	work  *mining.Work
	added time.Time
	stale bool
	// pool and network are what a share must meet to be worth something there.
	pool, network work.Target
}

// New returns an empty book.
func New(cfg Config) *Book {
	if cfg.Retention <= 0 {
		cfg.Retention = DefaultRetention
	}
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	b := &Book{retention: cfg.Retention, max: cfg.Max, maxBytes: cfg.MaxBytes}
	if cfg.MaxShares > 0 {
		b.seen = newSeen(cfg.MaxShares)
	}
	b.entries.Store(new([]entry))
	return b
}

// Add enters work as the newest; w must not be nil and its ID must not be in
// the book. Earlier work becomes stale if w is Clean. What is too old, and the
// oldest if the book is full, is forgotten.
func (b *Book) Add(w *mining.Work, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := *b.entries.Load()
	drop := max(0, len(old)+1-b.max, b.tooMuch(old, w))
	for drop < len(old) && b.expired(old, drop, now) {
		drop++
	}
	kept := slices.Grow(slices.Clone(old[drop:]), 1)
	if w.Clean {
		retire(kept)
	}
	added := entry{work: w, added: now}
	if w.Job != nil {
		added.pool = w.Job.Difficulty.Target()
		added.network, _ = w.Job.NBits.Target() // a job without one never comes here; no hash meets 0
	}
	kept = append(kept, added)
	b.entries.Store(&kept)
	if w.Clean && len(old) > 0 && otherBlock(old[len(old)-1].work, w) {
		b.seen.forget() // no header of before can come again
	}
}

// tooMuch is how many of the oldest works have to go for one more.
func (b *Book) tooMuch(old []entry, w *mining.Work) int {
	if b.maxBytes <= 0 {
		return 0
	}
	held := holds(w)
	for i, e := range slices.Backward(old) {
		if held += holds(e.work); held > b.maxBytes {
			return i + 1
		}
	}
	return 0
}

// holds is about how many bytes a work holds that are as many as the pool likes.
func holds(w *mining.Work) int {
	if w.Job == nil {
		return len(w.Prefix)
	}
	return len(w.Prefix) + len(w.Job.CoinbasePrefix) + len(w.Job.CoinbaseSuffix) + len(w.Job.Branches)*len(work.Hash{})
}

// Retire makes all work stale: the connection that it came by has ended.
func (b *Book) Retire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(*b.entries.Load())
	retire(all)
	b.entries.Store(&all)
}

// otherBlock says whether two works follow different blocks, so that no header
// can be of both.
func otherBlock(a, b *mining.Work) bool {
	return a.Job != nil && b.Job != nil && a.Job.PrevHash != b.Job.PrevHash
}

func retire(entries []entry) {
	for i := range entries {
		entries[i].stale = true
	}
}

// Get returns the work of an id and its state; w is nil if it is [Unknown].
// The newest work is known at any age. It does not allocate.
func (b *Book) Get(id mining.JobID, now time.Time) (w *mining.Work, state State) {
	e := b.find(id, now)
	switch {
	case e == nil:
		return nil, Unknown
	case e.stale:
		return e.work, Stale
	}
	return e.work, Live
}

// find returns a work that is remembered, or nil.
func (b *Book) find(id mining.JobID, now time.Time) *entry {
	entries := *b.entries.Load()
	for i := len(entries) - 1; i >= 0; i-- { // most shares are of the newest work
		e := &entries[i]
		if e.work.ID != id {
			continue
		}
		if b.expired(entries, i, now) {
			return nil
		}
		return e
	}
	return nil
}

// OldestLive is when the job came whose shares have counted longest; ok is
// false where none's do.
func (b *Book) OldestLive(now time.Time) (at time.Time, ok bool) {
	entries := *b.entries.Load()
	for i := range entries {
		e := &entries[i]
		if !e.stale && !b.expired(entries, i, now) {
			return e.work.Job.Received, true
		}
	}
	return time.Time{}, false
}

// expired says whether a work was replaced so long ago that it is forgotten.
// How long it was the newest does not matter: its last shares are on their way
// when the next one comes.
func (b *Book) expired(entries []entry, i int, now time.Time) bool {
	return i < len(entries)-1 && now.Sub(entries[i+1].added) > b.retention
}
