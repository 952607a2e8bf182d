package ledger

import "time"

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
	daySlots    = 96 + 2
	allSlots    = minuteSlots + tenSlots + hourSlots + daySlots
)

// windowPlan says how each window is sampled. first and slots are its part
// of the arrays below.
//
//nolint:gochecknoglobals // a table
var windowPlan = [windowCount]struct {
	name         string
	length, step time.Duration
	first, slots int
}{
	{"1m", time.Minute, 5 * time.Second, 0, minuteSlots},
	{"10m", 10 * time.Minute, 30 * time.Second, minuteSlots, tenSlots},
	{"1h", time.Hour, 3 * time.Minute, minuteSlots + tenSlots, hourSlots},
	{"24h", 24 * time.Hour, 15 * time.Minute, minuteSlots + tenSlots + hourSlots, daySlots},
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

// windows are the sampled cumulative sums of one account, parallel to
// sampleClock.at: 8 bytes for each of the 156 samples. An account that has
// done nothing yet keeps none: its sum was 0 at each of them.
type windows struct {
	// born is when the account began, in UnixNano: a window reaches no
	// further back, and the sum was 0 then.
	born int64
	sums *[allSlots]float64
}

// sampleClock says when the samples were taken; it is the same for all
// accounts, so it is kept once.
type sampleClock struct {
	at   [allSlots]int64    // UnixNano, 0: no sample yet
	next [windowCount]int   // the slot to be written next, counted from first
	tick [windowCount]int64 // the number of the step that the last sample fell in
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

func (w *windows) sample(sum float64, at slots) {
	if w.sums == nil {
		if sum == 0 {
			return
		}
		w.sums = new([allSlots]float64)
	}
	for _, s := range at {
		if s >= 0 {
			w.sums[s] = sum
		}
	}
}

// done returns what was added to the sum within each window, and within what
// time.
func (w *windows) done(sum float64, c *sampleClock, from slots, now time.Time) (done [windowCount]float64, span [windowCount]time.Duration) {
	for i, s := range from {
		since, base := w.born, 0.0
		if s >= 0 && c.at[s] > w.born {
			since = c.at[s]
			if w.sums != nil {
				base = w.sums[s]
			}
		}
		done[i] = max(sum-base, 0)
		span[i] = max(time.Duration(now.UnixNano()-since), minAge)
	}
	return done, span
}

// Tick samples every account's sums where a window's step has passed. Call it
// about once a second; [Ledger.Run] and [Ledger.Snapshot] do.
func (l *Ledger) Tick(now time.Time) {
	l.sampleMu.Lock()
	defer l.sampleMu.Unlock()
	l.sample(now)
}

func (l *Ledger) sample(now time.Time) {
	at, some := l.clock.due(now)
	if !some {
		return
	}
	workers, pools := l.books()
	var total float64
	for _, w := range workers {
		sum := w.tally.work.Load()
		w.windows.sample(sum, at)
		total += sum
	}
	l.total.sample(total, at)
	for _, p := range pools {
		t := p.read()
		p.work.sample(t.PoolWorkAccepted, at)
		p.accepted.sample(float64(t.Pools.Accepted()), at)
		p.refused.sample(float64(t.Pools.Refused()), at)
	}
}
