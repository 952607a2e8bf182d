package upstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// refuse answers a tag ourselves: what it asks for cannot be said to a pool.
func (s *V1) refuse(kind EventKind, tag uint64, now time.Time, text string) {
	s.queueLocal(Event{Kind: kind, Local: true, Tag: tag, Verdict: mining.Invalid, Text: text}, now)
}

// giveBack answers a tag ourselves: the pool already owes too many answers.
func (s *V1) giveBack(kind EventKind, tag uint64, now time.Time) {
	s.queueLocal(Event{
		Kind: kind, Local: true, Tag: tag, Verdict: mining.Unanswered,
		Text: "the pool owes too many answers",
	}, now)
}

func (s *V1) queueLocal(ev Event, now time.Time) {
	if len(s.local) == 0 {
		s.localAt = now
	}
	s.local = append(s.local, ev)
}

func (s *V1) flushLocal(events []Event) []Event {
	if len(s.local) == 0 {
		return events
	}
	events = append(events, s.local...)
	if cap(s.local) > ringStart {
		s.local = nil // it grew in a burst: give the memory back
	}
	s.local = s.local[:0]
	return events
}

// room makes sure that one more request can be remembered. It is false when
// the pool owes so many answers already.
func (s *V1) room(most int, now time.Time) bool {
	s.asks.expireLate(now)
	if s.asks.open >= most {
		return false
	}
	if !s.asks.full() {
		return true
	}
	if old, open := s.asks.evict(); open && old.tagged() {
		s.queueLocal(old.unanswered(now, "too many newer requests were answered"), now)
	}
	return true
}

// sendLogin sends one authorize.
func (s *V1) sendLogin(l login, now time.Time, out []byte) []byte {
	if !s.room(s.cfg.MaxPending, now) {
		s.giveBack(Authorized, l.tag, now)
		return out
	}
	mark := len(out)
	out = s.appendAuthorize(out, s.asks.next, l)
	if len(out)-mark > maxEmit {
		s.refuse(Authorized, l.tag, now, "the login is too long for a pool")
		return out[:mark]
	}
	s.asks.put(askAuthorize, l.tag, now)
	return out
}
