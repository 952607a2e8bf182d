package durable

import (
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// mayBeLost is how old a share may be, by its miner's knowing of it, that is lost
// when the process is killed.
const mayBeLost = time.Second

// TestCrash kills the proxy under load at random moments, as often as LOKA_CRASHES
// says, and has it end in good order now and then. After each life what was
// acknowledged is there, but for the last second where it was killed, and once; at
// the end each single share is.
func TestCrash(t *testing.T) {
	t.Parallel()
	crashes := wanted(t, "LOKA_CRASHES", "soak-crash CRASHES=50", strconv.Atoi)
	random := chance(t)
	f := newFarm(t, random.Uint64())
	p := newProxy(t, f.pool.URL(), filepath.Join(t.TempDir(), "data"), "")
	p.start()
	f.mine(p, 16, 1000)

	c := &crash{t: t, f: f, p: p, base: books{workers: map[string]uint64{}}, ends: map[int]time.Time{}}
	for n := range crashes {
		if c.live(moment(random, n)); t.Failed() {
			return
		}
		killed := p.kill()
		if n%5 == 3 { // and once more in the midst of the next start
			p.begin()
			pass(between(random, 0, 300*time.Millisecond), p.life.Done())
			p.kill()
		}
		c.after(killed)
	}
	c.live(2 * time.Second)
	p.stop()
	c.after(time.Time{})
	f.rest()
	before := p.books()
	p.stop()
	p.start()
	c.unchanged("a good end", before)
	c.base = before
	worst := f.lost(p.history(c.base), c.ends)
	t.Logf("%d kills, %d shares acknowledged; at worst a kill lost %d of them, the oldest %v old", crashes, len(f.heard()), worst.shares, worst.age)
	if worst.age > mayBeLost {
		t.Errorf("a share is lost that was acknowledged %v before", worst.age)
	}
	if took := f.pool.Ledger().Total().Accepted; c.base.poolAccepted > took || c.base.poolAccepted == 0 {
		t.Errorf("the pool accepted %d shares, by our books %d", took, c.base.poolAccepted)
	}
}

// moment is when a life is cut: any time, or while shares are taken to the store,
// which is every ten seconds.
func moment(r *rand.Rand, n int) time.Duration {
	if n%3 == 1 {
		return between(r, 9900*time.Millisecond, 10400*time.Millisecond)
	}
	return between(r, 200*time.Millisecond, 5*time.Second)
}

// crash is what is known of the lives so far.
type crash struct {
	t *testing.T
	f *farm
	p *proxy
	// base are the totals when the present life began, seen how many shares were
	// acknowledged by then, and ends when lives were cut.
	base books
	seen int
	ends map[int]time.Time
}

// live lets the present life go on for a time, once all mine.
func (c *crash) live(d time.Duration) {
	c.t.Helper()
	c.f.mining()
	if !pass(d, c.p.life.Done()) {
		c.t.Errorf("the proxy has ended by itself: %v", c.p.life.Err())
	}
}

// after begins another life and compares; killed is when the last one was, zero
// if it ended in good order.
func (c *crash) after(killed time.Time) {
	c.t.Helper()
	c.f.rest()
	heard := c.f.heard()
	c.f.mu.Lock()
	life := c.f.life
	unheard := map[string]uint64{}
	for s, of := range c.f.unheard {
		if of == life {
			unheard[s.worker]++
		}
	}
	c.f.mu.Unlock()
	if !killed.IsZero() {
		c.ends[life] = killed
	}
	c.p.start()
	now := c.p.books()
	by := map[string][]time.Time{}
	for _, s := range heard[c.seen:] {
		by[s.worker] = append(by[s.worker], s.at)
	}
	var missing int
	var age time.Duration
	for worker, times := range by {
		got, want := now.workers[worker]-c.base.workers[worker], uint64(len(times))
		if got > want+unheard[worker] {
			c.t.Errorf("life %d: %s has %d shares, of %d that were acknowledged and %d that may have been", life, worker, got, want, unheard[worker])
		}
		if got >= want {
			continue
		}
		oldest := killed.Sub(times[got]) // they are booked in their order
		missing, age = missing+int(want-got), max(age, oldest)
		if killed.IsZero() || oldest > mayBeLost {
			c.t.Errorf("life %d: %s has %d shares of %d, the oldest that is missing was acknowledged %v before the end", life, worker, got, want, oldest)
		}
	}
	c.t.Logf("life %d: %d acknowledged, %d missing, the oldest %v old", life, len(heard)-c.seen, missing, age)
	if len(heard) == c.seen {
		c.t.Errorf("life %d: nothing was acknowledged", life)
	}
	c.base, c.seen = now, len(heard)
	c.f.goOn()
}

// unchanged demands that the totals are what they were.
func (c *crash) unchanged(what string, before books) {
	c.t.Helper()
	// The pool's last verdicts may have come after they were read.
	if now := c.p.books(); now.accepted != before.accepted || !maps.Equal(now.workers, before.workers) || now.poolAccepted < before.poolAccepted {
		c.t.Errorf("after %s the totals are %v, and were %v", what, now, before)
	}
}
