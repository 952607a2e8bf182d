package sim

import (
	"maps"
	"slices"
	"sync"
)

// maxLedgerConns bounds how many closed connections keep a tally of their own.
const maxLedgerConns = 4096

// Ledger is a pool's book of shares, by connection and by worker.
type Ledger struct {
	mu      sync.Mutex
	total   Tally
	blocks  uint64
	workers map[string]*Tally
	conns   map[uint64]*Tally
}

func newLedger() *Ledger {
	return &Ledger{workers: map[string]*Tally{}, conns: map[uint64]*Tally{}}
}

func (l *Ledger) record(ev *ShareEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	book(&l.total, ev)
	if ev.Block && ev.Outcome == OutcomeAccepted {
		l.blocks++
	}
	book(entry(l.workers, ev.Worker), ev)
	if _, ok := l.conns[ev.Conn]; !ok && len(l.conns) >= maxLedgerConns {
		l.dropOldest()
	}
	book(entry(l.conns, ev.Conn), ev)
}

func (l *Ledger) dropOldest() {
	oldest := slices.Min(slices.Collect(maps.Keys(l.conns)))
	delete(l.conns, oldest)
}

func entry[K comparable](m map[K]*Tally, k K) *Tally {
	t, ok := m[k]
	if !ok {
		t = &Tally{}
		m[k] = t
	}
	return t
}

// Total is the sum over all connections.
func (l *Ledger) Total() Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total.clone()
}

// Blocks counts accepted shares that met the network's target.
func (l *Ledger) Blocks() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blocks
}

// Worker is the tally of one login, as the pool saw it in the submits.
func (l *Ledger) Worker(login string) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.workers[login]; ok {
		return t.clone()
	}
	return Tally{}
}

// Workers lists the logins that submitted, sorted.
func (l *Ledger) Workers() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.workers))
}

// Conn is the tally of one connection, by its number (see PoolConfig.Number). The
// oldest are forgotten after 4096.
func (l *Ledger) Conn(id uint64) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.conns[id]; ok {
		return t.clone()
	}
	return Tally{}
}
