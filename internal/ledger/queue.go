package ledger

import (
	"runtime"
	"sync/atomic"
)

const (
	// queues is how many queues there are: workers on different cores should
	// not meet, and one worker's entries stay in order.
	queues = 8
	// queueSize is how many entries a queue holds, a power of two: of one that
	// is emptied ten times a second, room for 10,000 a second.
	queueSize = 1024
)

// queue is a bounded queue of entries, from any number of goroutines to one.
// It is Dmitry Vyukov's: each place has a number that says whose turn it is.
type queue struct {
	places []place
	_      [104]byte
	// tail is the next place to be written, head the next to be read; head
	// belongs to who reads.
	tail atomic.Uint64
	_    [120]byte
	head uint64
}

type place struct {
	// turn is n when the place is free for the n-th entry, and n+1 when that is
	// in it.
	turn  atomic.Uint64
	entry Entry
}

func newQueue() *queue {
	q := &queue{places: make([]place, queueSize)}
	for i := range q.places {
		q.places[i].turn.Store(uint64(i))
	}
	return q
}

// put says false where the queue is full.
func (q *queue) put(e *Entry) bool {
	for {
		n := q.tail.Load()
		p := &q.places[n%queueSize]
		switch turn := p.turn.Load(); { // one above n: somebody else was first, and tail is further
		case turn == n:
			if q.tail.CompareAndSwap(n, n+1) {
				p.entry = *e
				p.turn.Store(n + 1)
				return true
			}
		case turn < n: // what was put there a round ago has not been read
			return false
		}
	}
}

// take calls f for all that was put before it began, in its order: whoever has
// returned from put finds its entry taken. It does not run after those who go on
// putting. A producer that was stopped between claiming its place and writing to
// it, which takes it a few nanoseconds else, is waited for; it waits for nobody.
// Only one goroutine at a time may.
func (q *queue) take(f func(*Entry)) {
	for end := q.tail.Load(); q.head < end; q.head++ {
		p := &q.places[q.head%queueSize]
		for p.turn.Load() != q.head+1 {
			runtime.Gosched()
		}
		f(&p.entry)
		p.entry = Entry{} // it is not to keep a job
		p.turn.Store(q.head + queueSize)
	}
}
