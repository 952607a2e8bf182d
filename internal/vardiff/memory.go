package vardiff

import (
	"container/list"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// MemoryCap is how many logins a [Memory] holds; one more drops the one
	// that was kept longest ago.
	MemoryCap = 100_000
	// MemoryLife is how long a hashrate is remembered.
	MemoryLife = 24 * time.Hour
)

// Memory remembers hashrates by login, so that a miner that comes back starts
// where it was. It is bounded by [MemoryCap] and safe for concurrent use.
type Memory struct {
	mu     sync.Mutex
	order  *list.List               // guarded by mu; of *Remembered, newest first
	logins map[string]*list.Element // guarded by mu
}

// Remembered is what a [Memory] knows of one login.
type Remembered struct {
	Login string
	// Hashrate is in H/s, above 0 and finite.
	Hashrate float64
	// At is when it was kept.
	At time.Time
}

// NewMemory returns a memory of nobody.
func NewMemory() *Memory {
	return &Memory{order: list.New(), logins: make(map[string]*list.Element)}
}

// Keep remembers the hashrate of a login, in H/s. One that is not above 0, or
// not finite, says nothing and leaves what is remembered.
func (m *Memory) Keep(login string, hashrate float64, now time.Time) {
	if !sound(hashrate) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(Remembered{login, hashrate, now}, now)
}

// keep needs mu.
func (m *Memory) keep(r Remembered, now time.Time) {
	if e, ok := m.logins[r.Login]; ok {
		m.drop(e)
	}
	m.logins[r.Login] = m.order.PushFront(&r)
	for m.order.Len() > MemoryCap || expired(m.order.Back(), now) {
		m.drop(m.order.Back())
	}
}

// Recall returns what was kept of a login last, in H/s.
func (m *Memory) Recall(login string, now time.Time) (hashrate float64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.logins[login]
	if !ok || expired(e, now) {
		return 0, false
	}
	return of(e).Hashrate, true
}

// Entries returns what is remembered, the one that was kept longest ago first:
// at most [MemoryCap], and none that is older than [MemoryLife].
func (m *Memory) Entries(now time.Time) []Remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Remembered, 0, m.order.Len())
	for e := m.order.Back(); e != nil; e = e.Prev() {
		if !expired(e, now) {
			all = append(all, *of(e))
		}
	}
	return all
}

// Restore takes in what [Memory.Entries] gave, of a life before, in any order.
// Of two entries of one login the later counts, and what is remembered already
// where they are as old. Ignored are hashrates that [Memory.Keep] ignores, what
// is older than [MemoryLife], and what was kept longest ago beyond [MemoryCap].
// An entry from the future, where the clock was put back, is as old as now.
func (m *Memory) Restore(entries []Remembered, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Remembered, 0, len(entries)+m.order.Len())
	for _, r := range entries {
		if !sound(r.Hashrate) || now.Sub(r.At) > MemoryLife {
			continue
		}
		if r.At.After(now) {
			r.At = now
		}
		all = append(all, r)
	}
	for e := m.order.Back(); e != nil; e = e.Prev() {
		if !expired(e, now) {
			all = append(all, *of(e))
		}
	}
	slices.SortStableFunc(all, func(a, b Remembered) int { return a.At.Compare(b.At) })
	m.order.Init()
	clear(m.logins)
	for _, r := range all {
		m.keep(r, now)
	}
}

// sound says whether a hashrate says anything.
func sound(hashrate float64) bool { return hashrate > 0 && hashrate <= math.MaxFloat64 }

// drop needs mu.
func (m *Memory) drop(e *list.Element) {
	delete(m.logins, of(e).Login)
	m.order.Remove(e)
}

func expired(e *list.Element, now time.Time) bool { return now.Sub(of(e).At) > MemoryLife }

func of(e *list.Element) *Remembered {
	r, _ := e.Value.(*Remembered) // nothing else is put in
	return r
}
