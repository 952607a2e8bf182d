package vardiff

import (
	"container/list"
	"math"
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
	order  *list.List               // guarded by mu; of *memo, newest first
	logins map[string]*list.Element // guarded by mu
}

type memo struct {
	login    string
	hashrate float64
	at       time.Time
}

// NewMemory returns a memory of nobody.
func NewMemory() *Memory {
	return &Memory{order: list.New(), logins: make(map[string]*list.Element)}
}

// Keep remembers the hashrate of a login, in H/s. One that is not above 0, or
// not finite, says nothing and leaves what is remembered.
func (m *Memory) Keep(login string, hashrate float64, now time.Time) {
	if !(hashrate > 0 && hashrate <= math.MaxFloat64) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.logins[login]; ok {
		m.drop(e)
	}
	m.logins[login] = m.order.PushFront(&memo{login, hashrate, now})
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
	return of(e).hashrate, true
}

// drop needs mu.
func (m *Memory) drop(e *list.Element) {
	delete(m.logins, of(e).login)
	m.order.Remove(e)
}

func expired(e *list.Element, now time.Time) bool { return now.Sub(of(e).at) > MemoryLife }

func of(e *list.Element) *memo {
	m, _ := e.Value.(*memo) // nothing else is put in
	return m
}
