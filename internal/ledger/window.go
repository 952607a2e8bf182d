package ledger

import (
	"math"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// Window is one of the spans that hashrates are given for.
type Window uint8

// The windows.
const (
	Minute Window = iota
	TenMinutes
	Hour
	Day
)

const windowCount = 4

// Samples kept for each window: its length divided by its step, and two more,
// so that a sample at least as old as the window is always at hand, however
// late within its step each was taken.
const (
	minuteSlots = 12 + 2
	tenSlots    = 20 + 2
	hourSlots   = 20 + 2
	daySlots    = 48 + 2
	allSlots    = minuteSlots + tenSlots + hourSlots + daySlots
)

// windowPlan says how each window is sampled. first and slots are its part
// of the arrays below; kept is how far apart the samples are that outlive the
// process (see [Memory]).
//
//nolint:gochecknoglobals // a table
var windowPlan = [windowCount]struct {
	name               string
	length, step, kept time.Duration
	first, slots       int
}{
	{"1m", time.Minute, 5 * time.Second, 15 * time.Second, 0, minuteSlots},
	{"10m", 10 * time.Minute, 30 * time.Second, 2 * time.Minute, minuteSlots, tenSlots},
	{"1h", time.Hour, 3 * time.Minute, 9 * time.Minute, minuteSlots + tenSlots, hourSlots},
	{"24h", 24 * time.Hour, 30 * time.Minute, time.Hour, minuteSlots + tenSlots + hourSlots, daySlots},
}

// String is the window's name in the API: 1m, 10m, 1h, 24h.
func (w Window) String() string { return windowPlan[w].name }

// Length is the time that the window covers.
func (w Window) Length() time.Duration { return windowPlan[w].length }

// Resolution is how far the covered time may exceed the window's length, plus
// the time between two calls of [Ledger.Tick]; the hashrate is divided by the
// time really covered.
func (w Window) Resolution() time.Duration { return windowPlan[w].step }

// minAge is the least time that a hashrate is divided by: the first share of
// a worker that has just come must not read as a burst.
const minAge = time.Second

// sample is what an account had done by some time.
type sample struct {
	work, poolWork, value, poolValue          float64
	accepted, rejected, poolAccepted, refused uint32
}

// sampleOf is the present sample of a tally.
func sampleOf(t *Tally) sample {
	//nolint:gosec // only differences are looked at, and they are small: they may wrap
	return sample{
		work: t.Ours[mining.Accepted].Work, poolWork: t.Pools[mining.Accepted].Work,
		value: t.Ours[mining.Accepted].Value.Float(), poolValue: t.Pools[mining.Accepted].Value.Float(),
		accepted: uint32(t.Ours.Accepted()), rejected: uint32(t.Ours.Rejected()),
		poolAccepted: uint32(t.Pools.Accepted()), refused: uint32(t.Pools.Refused()),
	}
}

func (s *sample) add(o *sample) {
	s.work += o.work
	s.poolWork += o.poolWork
	s.value += o.value
	s.poolValue += o.poolValue
	s.accepted += o.accepted
	s.rejected += o.rejected
	s.poolAccepted += o.poolAccepted
	s.refused += o.refused
}

// since is what was done after another sample, an earlier one.
func (s *sample) since(o *sample) Recent {
	return Recent{
		Work: max(s.work-o.work, 0), PoolWork: max(s.poolWork-o.poolWork, 0),
		Value: max(s.value-o.value, 0), PoolValue: max(s.poolValue-o.poolValue, 0),
		Accepted: uint64(s.accepted - o.accepted), Rejected: uint64(s.rejected - o.rejected),
		PoolAccepted: uint64(s.poolAccepted - o.poolAccepted), PoolRefused: uint64(s.refused - o.refused),
	}
}

// upTo is the sample, but that nothing in it is above another, a later one. Numbers
// may have wrapped.
func (s *sample) upTo(later *sample) sample {
	least := func(n, than uint32) uint32 {
		if int32(than-n) < 0 { //nolint:gosec // wraps on purpose
			return than
		}
		return n
	}
	return sample{
		work: min(s.work, later.work), poolWork: min(s.poolWork, later.poolWork),
		value: min(s.value, later.value), poolValue: min(s.poolValue, later.poolValue),
		accepted: least(s.accepted, later.accepted), rejected: least(s.rejected, later.rejected),
		poolAccepted: least(s.poolAccepted, later.poolAccepted), refused: least(s.refused, later.refused),
	}
}

// Recent is what an account did within a window.
type Recent struct {
	// Span is the time that it was done in.
	Span time.Duration
	// Work is accepted work by our word, in difficulty-1 shares, PoolWork by the
	// pool's; Value and PoolValue are what that was expected to earn, in satoshi.
	Work, PoolWork, Value, PoolValue float64
	// Accepted and Rejected count shares by our word, PoolAccepted and
	// PoolRefused by the pool's.
	Accepted, Rejected, PoolAccepted, PoolRefused uint64
}

// Hashrate is by our word, PoolHashrate by the pool's, in H/s.
func (r *Recent) Hashrate() float64 { return work.Hashrate(r.Work, r.Span) }

// PoolHashrate is by the pool's word, in H/s.
func (r *Recent) PoolHashrate() float64 { return work.Hashrate(r.PoolWork, r.Span) }

// Error is by how much a hashrate that was worked out of so many shares may be
// off, as a part of it: in 95 of 100 cases it is by less. Shares come by chance
// at a steady mean, so their number varies by its square root; where they
// differ in difficulty by much it is a little more. It is 1 where there is
// nothing to go by.
func Error(shares uint64) float64 {
	if shares == 0 {
		return 1
	}
	return min(1, 1.96/math.Sqrt(float64(shares)))
}

// windows are the sampled sums of one account, parallel to sampleClock.at:
// 48 bytes for each. An account that has done nothing yet keeps none: its sums
// were 0 at each of them.
type windows struct {
	// born is when the account began, in UnixNano: a window reaches no
	// further back, and the sums were 0 then.
	born    int64
	samples *[allSlots]sample
}

// sampleClock says when the samples were taken; it is the same for all
// accounts, so it is kept once.
type sampleClock struct {
	at   [allSlots]int64    // UnixNano, 0: no sample yet
	next [windowCount]int   // the slot to be written next, counted from first
	tick [windowCount]int64 // the number of the step that the last sample fell in
	// latest is when it was looked at last, UnixNano.
	latest int64
}

// putBack is by how much a clock must fall behind for it to have been put back:
// callers may be as much behind one another.
const putBack = 5 * time.Second

// follow notes the time, and by how much the clock was put back since the last one, 0
// where it was not. The samples are as old after it as they were.
func (c *sampleClock) follow(now time.Time) (back time.Duration) {
	at := now.UnixNano()
	if back = time.Duration(c.latest - at); back <= putBack {
		c.latest = max(c.latest, at)
		return 0
	}
	c.latest = at
	for i := range c.at {
		if c.at[i] != 0 {
			c.at[i] -= int64(back)
		}
	}
	for i := range c.tick {
		c.tick[i] = at / int64(windowPlan[i].step)
	}
	return back
}

// putBack makes an account as old as it was before the clock was put back.
func (a *account) putBack(by time.Duration, now time.Time) {
	a.windows.born -= int64(by)
	if a.last > now.UnixNano() {
		a.last -= int64(by)
	}
}

// putBack follows a clock that was put back: by the new one all that was sampled lies
// in the future, and windows that begin there would show what was done within them as
// if it were of one second. bookMu is held.
func (l *Ledger) putBack(by time.Duration, now time.Time) {
	workers, pools, routes := l.lists()
	for _, w := range workers {
		w.putBack(by, now)
	}
	for _, p := range pools {
		p.putBack(by, now)
	}
	for _, r := range routes {
		r.putBack(by, now)
	}
	l.total.putBack(by, now)
}

// slots names one sample of each window; -1 is none.
type slots [windowCount]int

// due returns the slots to be sampled now, and notes that they are.
func (c *sampleClock) due(now time.Time) (s slots, some bool) {
	for i := range windowPlan {
		s[i] = -1
		if n := now.UnixNano() / int64(windowPlan[i].step); n > c.tick[i] {
			c.tick[i] = n
			s[i], some = c.take(Window(i), now.UnixNano()), true
		}
	}
	return s, some
}

// take claims the next slot of a window for a sample taken at a time.
func (c *sampleClock) take(w Window, at int64) int {
	p := &windowPlan[w]
	slot := p.first + c.next[w]
	c.next[w] = (c.next[w] + 1) % p.slots
	c.at[slot] = at
	return slot
}

// from finds where each window begins: at the youngest sample that is at
// least as old as the window, else at the oldest there is.
func (c *sampleClock) from(now time.Time) (s slots) {
	for i := range windowPlan {
		p := &windowPlan[i]
		limit := now.Add(-p.length).UnixNano()
		s[i] = -1
		for k := p.first; k < p.first+p.slots; k++ {
			if c.at[k] != 0 && (s[i] < 0 || begins(c.at[k], c.at[s[i]], limit)) {
				s[i] = k
			}
		}
	}
	return s
}

// begins says whether a is a better beginning than b for a window that
// reaches back to limit.
func begins(a, b, limit int64) bool {
	switch {
	case a <= limit && b <= limit:
		return a > b
	case a > limit && b > limit:
		return a < b
	default:
		return a <= limit
	}
}

func (a *account) sample(at slots) {
	if a.windows.samples == nil {
		if !a.used() {
			return
		}
		a.windows.samples = new([allSlots]sample)
	}
	for _, s := range at {
		if s >= 0 {
			a.windows.samples[s] = sampleOf(&a.tally)
		}
	}
}

// before adds what was done before all windows began.
func (a *account) before(t *Tally) {
	if *t == (Tally{}) {
		return
	}
	a.tally.add(t)
	if a.windows.samples == nil {
		a.windows.samples = new([allSlots]sample)
	}
	done := sampleOf(t)
	for i := range a.windows.samples {
		a.windows.samples[i].add(&done)
	}
}

// recent returns what was done within each window.
func (a *account) recent(c *sampleClock, from slots, now time.Time) (done [windowCount]Recent) {
	present, w := sampleOf(&a.tally), &a.windows
	for i, s := range from {
		since, base := w.born, sample{}
		if s >= 0 {
			since = max(since, c.at[s])
			if w.samples != nil { // of before it began they are empty, or what it began with
				base = w.samples[s]
			}
		}
		done[i] = present.since(&base)
		done[i].Span = max(time.Duration(now.UnixNano()-since), minAge)
	}
	return done
}

// Tick books what is in the queues, and samples every account's sums where a
// window's step has passed. Call it several times a second; [Ledger.Run] does,
// and every reader.
func (l *Ledger) Tick(now time.Time) {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	l.bring(now)
}

// bring brings the books up to date. bookMu is held.
func (l *Ledger) bring(now time.Time) {
	l.latest = now
	l.bookQueued(now)
	l.sample(now)
}

func (l *Ledger) sample(now time.Time) {
	if by := l.clock.follow(now); by > 0 {
		l.putBack(by, now)
	}
	at, some := l.clock.due(now)
	if !some {
		return
	}
	workers, pools, routes := l.lists()
	for _, w := range workers {
		w.sample(at)
	}
	for _, p := range pools {
		p.sample(at)
	}
	for _, r := range routes {
		r.sample(at)
	}
	l.total.sample(at)
}
