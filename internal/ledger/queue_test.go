package ledger

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// claim takes a place as put does, and returns what put does next: as if its
// goroutine were stopped in between.
func (q *queue) claim(t *testing.T, e Entry) (finish func()) {
	t.Helper()
	n := q.tail.Load()
	p := &q.places[n%queueSize]
	if p.turn.Load() != n || !q.tail.CompareAndSwap(n, n+1) {
		t.Fatal("no place is free")
	}
	return func() {
		p.entry = e
		p.turn.Store(n + 1)
	}
}

// TestStoppedProducer: while a producer is stopped amid its work nothing that came
// after it is lost or overtakes it, and those who find the queue full wait for it
// and not for ever.
func TestStoppedProducer(t *testing.T) {
	const producers, each = 4, queueSize
	q := newQueue()
	finish := q.claim(t, Entry{ID: 1})
	var (
		mu    sync.Mutex // as Ledger.bookMu
		taken []ShareID
		waits atomic.Int64
		all   sync.WaitGroup
	)
	take := func() {
		waits.Add(1)
		mu.Lock()
		defer mu.Unlock()
		q.take(func(e *Entry) { taken = append(taken, e.ID) })
	}
	for range producers {
		all.Go(func() {
			for range each {
				for !q.put(&Entry{ID: 2}) {
					take()
				}
			}
		})
	}
	for waits.Load() < producers { // all of them have found it full
		runtime.Gosched()
	}
	for range 1000 {
		runtime.Gosched()
	}
	if n := waits.Load(); n != producers {
		t.Errorf("%d producers have looked %d times for what cannot be there: they spin", producers, n)
	}
	finish()
	all.Wait()
	take()
	if len(taken) != 1+producers*each || taken[0] != 1 {
		t.Errorf("%d entries were taken, the first is %d", len(taken), taken[0])
	}
}

// TestTakeEnds: whoever takes does not run after those who go on putting.
func TestTakeEnds(t *testing.T) {
	q := newQueue()
	for range 3 {
		q.put(&Entry{ID: 1})
	}
	n := 0
	q.take(func(*Entry) {
		if n++; n < 100 {
			q.put(&Entry{ID: 2})
		}
	})
	if n != 3 {
		t.Errorf("%d entries were taken of 3", n)
	}
}

// TestReadsWhatWasRecorded: what was recorded is in what is read after it, whatever
// other goroutines do meanwhile.
func TestReadsWhatWasRecorded(t *testing.T) {
	l := New(Config{}, epoch)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			name := string(rune('a' + i))
			e := entry(l, name)
			for n := range 500 {
				l.Record(e)
				if got, _ := l.Find(name, epoch); got.Tally.Ours.Accepted() != uint64(n+1) {
					t.Errorf("%d of %d shares are booked", got.Tally.Ours.Accepted(), n+1)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestNewsWithoutATime: news that say no time are of the present, also where their
// recorder has to book them itself.
func TestNewsWithoutATime(t *testing.T) {
	sink := new(oldest)
	l := New(Config{Sink: sink}, epoch)
	l.Tick(epoch.Add(time.Hour))
	for range queueSize + 1 {
		l.Record(Entry{Twice: true, PoolVerdict: mining.Stale})
	}
	l.Tick(epoch.Add(time.Hour))
	if !sink.at.Equal(epoch.Add(time.Hour)) {
		t.Errorf("the oldest is of %v", sink.at)
	}
}

// oldest is the time of the oldest event.
type oldest struct{ at time.Time }

// Take implements [Sink].
func (o *oldest) Take(events []Event) {
	for i := range events {
		if at := events[i].At(); o.at.IsZero() || at.Before(o.at) {
			o.at = at
		}
	}
}
