package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// What a request of ours was about.
type askKind uint8

const (
	askNone askKind = iota
	askConfigure
	askSubscribe
	askSuggest
	askAuthorize
	askSubmit
	askAnswered // a submit that the pool has answered
)

// ask is one request of ours that a reply may still come to.
type ask struct {
	at   time.Time
	tag  uint64
	kind askKind        // askNone: answered, or forgotten
	late bool           // its first verdict was Unanswered
	said mining.Verdict // the pool's first word, of askAnswered
}

// lateFor is how long a request that was given up is remembered, so that the
// pool's late word on it can still be booked.
const lateFor = 5 * time.Minute

// asks is the memory of requests by id. Ids are consecutive, so it is a ring:
// id n lives at n modulo its length. Between head and next lie open, late and
// answered ones; the window is never longer than limit.
//
// An answered submit stays in its slot until another id takes that, so that a
// pool's second word on it is told from nonsense: the latest of them are
// known, as many as the ring is long, and none once that is let go. They hold
// nothing up.
//
// Overflow: when the window is full its oldest is forgotten if it is late,
// and counts as unanswered early if it is open. A reply to a forgotten one is
// a reply to nothing.
type asks struct {
	ring  []ask  // length is size
	size  uint64 // 0 or a power of two
	limit uint64 // of next - head
	head  uint64 // the oldest id that may be open or late
	cold  uint64 // ids below are answered or late: nothing to give up there
	next  uint64 // the next id to give
	open  int    // asked, no verdict yet
	late  int    // first verdict was Unanswered
}

const (
	ringStart  = 16
	keptRing   = 64
	windowFold = 4 // window of ids per pending request allowed
)

func newAsks(maxPending int) asks {
	limit := uint64(ringStart)
	for limit < uint64(maxPending)*windowFold { //nolint:gosec // maxPending is positive and small
		limit *= 2
	}
	return asks{limit: limit, head: 1, cold: 1, next: 1}
}

func (a *asks) slot(id uint64) *ask { return &a.ring[id&(a.size-1)] }

// full says that put would have to evict.
func (a *asks) full() bool { return a.next-a.head >= a.limit }

// put remembers a request and returns its id. The caller has made room.
func (a *asks) put(kind askKind, tag uint64, now time.Time) uint64 {
	id := a.next
	if id-a.head >= a.size {
		a.grow()
	}
	*a.slot(id) = ask{at: now, tag: tag, kind: kind}
	a.next++
	a.open++
	return id
}

func (a *asks) grow() {
	old, oldSize := a.ring, a.size
	a.size = max(ringStart, 2*oldSize)
	a.ring = make([]ask, a.size)
	for id := a.head; id < a.next; id++ {
		*a.slot(id) = old[id&(oldSize-1)]
	}
}

// take returns the request that a reply with this id answers and forgets it,
// but for what the pool said of a submit. ok is false for an id that was never
// given, was answered or is forgotten.
func (a *asks) take(id uint64) (ask, bool) {
	if id < a.head || id >= a.next {
		return ask{}, false
	}
	s := a.slot(id)
	if !s.waits() {
		return ask{}, false
	}
	got := *s
	a.forget(s)
	if got.kind == askSubmit {
		*s = ask{at: got.at, tag: got.tag, kind: askAnswered}
	}
	a.trim()
	return got, true
}

// answered returns the submit that was answered under this id, as long as it
// is remembered.
func (a *asks) answered(id uint64) (*ask, bool) {
	if id >= a.next || a.next-id > a.size {
		return nil, false
	}
	s := a.slot(id)
	return s, s.kind == askAnswered
}

// settle remembers what the pool said of a submit that was just taken.
func (a *asks) settle(id uint64, said mining.Verdict) {
	if s, ok := a.answered(id); ok {
		s.said = said
	}
}

func (a *asks) forget(s *ask) {
	if s.late {
		a.late--
	} else {
		a.open--
	}
	*s = ask{}
}

// trim moves head past what is answered. A ring that a burst made long is let
// go once nothing is in it.
func (a *asks) trim() {
	for a.head < a.next && !a.slot(a.head).waits() {
		a.head++
	}
	a.cold = max(a.cold, a.head)
	if a.head == a.next && a.size > keptRing {
		a.ring, a.size = nil, 0
	}
}

// evict makes room for one more. An open request that has to go is returned.
func (a *asks) evict() (ask, bool) {
	s := a.slot(a.head)
	got := *s
	a.forget(s)
	a.trim()
	return got, !got.late
}

// oldest returns the oldest open request.
func (a *asks) oldest() (*ask, bool) {
	for ; a.cold < a.next; a.cold++ {
		if s := a.slot(a.cold); s.waits() && !s.late {
			return s, true
		}
	}
	return nil, false
}

// expireLate forgets what has been late for too long, or is too much: half
// the window is left to what is still open.
func (a *asks) expireLate(now time.Time) {
	for a.head < a.next {
		s := a.slot(a.head)
		if !s.late || (now.Sub(s.at) < lateFor && uint64(a.late) <= a.limit/2) { //nolint:gosec // late is never negative
			return
		}
		a.forget(s)
		a.trim()
	}
}

// giveUp marks an open request late: a reply still finds it, for a while. A
// wish is forgotten: no reply to it matters.
func (a *asks) giveUp(s *ask) ask {
	got := *s
	if s.kind == askSuggest {
		a.forget(s)
		a.trim()
		return got
	}
	s.late = true
	a.open--
	a.late++
	return got
}

// waits says that a reply is awaited, if only a late one.
func (a ask) waits() bool { return a.kind != askNone && a.kind != askAnswered }

// tagged says that somebody waits for the verdict under a tag.
func (a ask) tagged() bool { return a.kind == askAuthorize || a.kind == askSubmit }

// unanswered is the event for a tagged request that was given up.
func (a ask) unanswered(now time.Time, text string) Event {
	ev := Event{Kind: Verdict, Tag: a.tag, Verdict: mining.Unanswered, RTT: now.Sub(a.at), Text: text}
	if a.kind == askAuthorize {
		ev.Kind = Authorized
	}
	return ev
}
