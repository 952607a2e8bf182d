package jobbook

import (
	"slices"
	"time"

	"github.com/loka/stratum/internal/mining"
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

// String names the state as logs do.
func (s State) String() string {
	switch s {
	case Live:
		return "live"
	case Stale:
		return "stale"
	case Unknown:
	}
	return "unknown"
}

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
}

// Book holds recent work. Its memory is bounded by Config.Max entries. It is
// not safe for concurrent use, except that Gets may run beside each other.
type Book struct {
	retention time.Duration
	max       int
	entries   []entry // oldest first
}

type entry struct {
	work  *mining.Work
	added time.Time
	stale bool
}

// New returns an empty book.
func New(cfg Config) *Book {
	if cfg.Retention <= 0 {
		cfg.Retention = DefaultRetention
	}
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	return &Book{retention: cfg.Retention, max: cfg.Max}
}

// Add enters work as the newest; w must not be nil and its ID must not be in
// the book. Earlier work becomes stale if w is Clean. What is too old, and the
// oldest if the book is full, is forgotten.
func (b *Book) Add(w *mining.Work, now time.Time) {
	drop := max(0, len(b.entries)+1-b.max)
	for drop < len(b.entries) && b.expired(&b.entries[drop], now) {
		drop++
	}
	b.entries = slices.Delete(b.entries, 0, drop)
	if w.Clean {
		for i := range b.entries {
			b.entries[i].stale = true
		}
	}
	b.entries = append(b.entries, entry{work: w, added: now})
}

// Get returns the work of an id and its state; w is nil if it is [Unknown].
// The newest work is known at any age. It does not allocate.
func (b *Book) Get(id mining.JobID, now time.Time) (w *mining.Work, state State) {
	newest := len(b.entries) - 1
	for i := newest; i >= 0; i-- { // most shares are of the newest work
		e := &b.entries[i]
		switch {
		case e.work.ID != id:
			continue
		case i != newest && b.expired(e, now):
			return nil, Unknown
		case e.stale:
			return e.work, Stale
		}
		return e.work, Live
	}
	return nil, Unknown
}

func (b *Book) expired(e *entry, now time.Time) bool { return now.Sub(e.added) > b.retention }
