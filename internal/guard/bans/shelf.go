package bans

import (
	"cmp"
	"slices"
	"time"
)

// What changes the book. b.mu is held for all of it.

// put enters an entry, in place of one of the same key.
func (b *Book) put(e *Entry) {
	k := e.key()
	b.takeOut(k)
	b.shelve(e)
	b.markUnkept(k)
}

// shelve puts an entry where it is looked for.
func (b *Book) shelve(e *Entry) {
	b.all[e.key()] = e
	if e.Cause == Threat {
		b.threats++
	}
	switch {
	case e.Login == "":
		b.networks[e.Kind].Insert(e.Prefix, e)
	case !e.exact():
		b.patterns = append(b.patterns, newPattern(e))
	}
}

// takeOut takes an entry from all places.
func (b *Book) takeOut(k key) {
	e := b.all[k]
	if e == nil {
		return
	}
	delete(b.all, k)
	if e.Cause == Threat {
		b.threats--
	}
	switch {
	case e.Login == "":
		b.networks[e.Kind].Delete(e.Prefix) // nothing, if it is over
	case !e.exact():
		b.patterns = slices.DeleteFunc(b.patterns, func(p pattern) bool { return p.key() == k })
	}
}

// remove forgets an entry, in the store too.
func (b *Book) remove(k key) {
	b.takeOut(k)
	b.markUnkept(k)
}

// markUnkept notes that the store has yet to hear of a key.
func (b *Book) markUnkept(k key) {
	if len(b.unkept) >= maxUnkept && !b.unkept[k] {
		for other := range b.unkept { // any that is over: it matters least
			if b.all[other] == nil {
				delete(b.unkept, other)
				break
			}
		}
	}
	b.unkept[k] = true
	signal(b.keepable)
}

// makeRoom takes the hundredth part of threats' bans whose end is first: so that in a
// flood not each new one has to look at all.
func (b *Book) makeRoom(now time.Time) {
	threats := make([]*Entry, 0, b.threats)
	for _, e := range b.all {
		if e.Cause == Threat {
			threats = append(threats, e)
		}
	}
	slices.SortFunc(threats, func(a, b *Entry) int { return cmp.Or(a.Until.Compare(b.Until), a.Since.Compare(b.Since)) })
	for _, e := range threats[:max(1, len(threats)/100)] {
		if e.InForce(now) {
			b.deps.Metrics.Overflow.Inc()
		}
		b.remove(e.key())
	}
}

// setBack puts what begins in a time to come, because the clock was set back, where it
// belongs by the clock as it is now, and says whether there was any.
func (b *Book) setBack(now time.Time) bool {
	var moved []*Entry
	for _, e := range b.all {
		if !e.Until.IsZero() && e.Since.Sub(now) >= clockSlack {
			moved = append(moved, e.setBack(now))
		}
	}
	for _, e := range moved {
		b.put(e)
	}
	return len(moved) > 0
}

// tidy takes out of the way what is over, forgets what has been for long enough, and
// counts what is in force. It says whether a network is not dropped any more.
func (b *Book) tidy(now time.Time) (freed bool) {
	cfg := b.cfg.Load()
	type count struct {
		kind  Kind
		cause Cause
	}
	counts := make(map[count]int)
	b.mu.Lock()
	freed = b.setBack(now)
	for k, e := range b.all {
		if e.InForce(now) {
			counts[count{e.Kind, e.Cause}]++
			continue
		}
		if was, ok := b.networks[e.Kind].Get(e.Prefix); ok && was == e {
			b.networks[e.Kind].Delete(e.Prefix)
			freed = true
		}
		switch {
		case e.forgotten(cfg, now):
			b.remove(k)
		case !e.over: // it stays, in no network and no pattern
			seen := *e
			seen.over = true
			b.all[k] = &seen
		}
	}
	waiting := len(b.unkept)
	b.mu.Unlock()
	for _, kind := range Kinds() {
		for _, cause := range Causes() {
			if kind == Pause && cause == Threat {
				continue // there are none
			}
			b.deps.Metrics.InForce(kind, cause).Set(float64(counts[count{kind, cause}]))
		}
	}
	b.deps.Metrics.Unkept.Set(float64(waiting))
	return freed
}
