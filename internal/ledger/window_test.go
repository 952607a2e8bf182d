package ledger

import (
	"math"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// mine records a share of a difficulty every second for a while and ticks as
// Run does. It returns the time it ended at.
func mine(l *Ledger, w *WorkerBook, p *PoolBook, from time.Time, seconds int) time.Time {
	for i := range seconds {
		now := from.Add(time.Duration(i+1) * time.Second)
		l.Tick(now)
		l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 10, PoolDifficulty: 20, At: now})
	}
	return from.Add(time.Duration(seconds) * time.Second)
}

func idle(l *Ledger, from time.Time, d time.Duration) time.Time {
	for now := from; now.Before(from.Add(d)); now = now.Add(5 * time.Second) {
		l.Tick(now)
	}
	return from.Add(d)
}

// closeTo says that a hashrate is the given work a second, within percent.
func closeTo(got, workPerSecond, percent float64) bool {
	want := workPerSecond * (1 << 32)
	return math.Abs(got-want) <= want*percent/100
}

func TestYoungWindowIsHonest(t *testing.T) {
	for _, seconds := range []int{1, 3, 7, 30, 59, 61, 300} {
		l := New(Config{}, epoch)
		w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
		s := l.Snapshot(mine(l, w, p, epoch, seconds))
		for i := range Window(windowCount) {
			percent := 1e-6
			if seconds > 60 {
				percent = 2 // the share at the moment of a sample
			}
			if !closeTo(s.Total.Recent[i].Hashrate(), 10, percent) || !closeTo(s.Workers[0].Recent[i].Hashrate(), 10, percent) || !closeTo(s.Pools[0].Recent[i].PoolHashrate(), 20, percent) {
				t.Errorf("after %d s the window of %v shows %v, %v, %v", seconds, i, s.Total.Recent[i].Hashrate(), s.Workers[0].Recent[i].Hashrate(), s.Pools[0].Recent[i].PoolHashrate())
			}
		}
	}
}

func TestAWorkerIsAsOldAsItIs(t *testing.T) {
	l := New(Config{}, epoch)
	p := l.Pool("p", epoch)
	now := idle(l, epoch, 3*time.Hour)
	w := l.Worker("late", "", now)
	s := l.Snapshot(mine(l, w, p, now, 30))
	if got := s.Workers[0].Recent; !closeTo(got[Minute].Hashrate(), 10, 1e-6) || !closeTo(got[Day].Hashrate(), 10, 1e-6) {
		t.Errorf("a worker of 30 s shows %v", got)
	}
	if got := s.Total.Recent[Day].Hashrate(); !closeTo(got, 300.0/(3*3600+30), 1e-6) {
		t.Errorf("the whole of 3 h shows %v", got)
	}
}

func TestWindowsForget(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
	now := mine(l, w, p, epoch, 600)
	for _, c := range []struct {
		idle time.Duration
		zero []Window
		some []Window
	}{
		{time.Minute + Minute.Resolution() + time.Second, []Window{Minute}, []Window{TenMinutes, Hour, Day}},
		{10 * time.Minute, []Window{Minute, TenMinutes}, []Window{Hour, Day}},
		{time.Hour, []Window{Minute, TenMinutes, Hour}, []Window{Day}},
		{24 * time.Hour, []Window{Minute, TenMinutes, Hour, Day}, nil},
	} {
		now = idle(l, now, c.idle)
		s := l.Snapshot(now)
		for _, w := range c.zero {
			if s.Total.Recent[w].Hashrate() != 0 || s.Workers[0].Recent[w].Hashrate() != 0 {
				t.Errorf("idle for another %v, the window of %v still shows %v", c.idle, w, s.Total.Recent[w].Hashrate())
			}
		}
		for _, w := range c.some {
			if s.Total.Recent[w].Hashrate() <= 0 {
				t.Errorf("idle for another %v, the window of %v shows nothing", c.idle, w)
			}
		}
	}
	if s := l.Snapshot(now); s.Total.Tally.WorkAccepted() != 6000 {
		t.Errorf("totals forgot: %v", s.Total.Tally.WorkAccepted())
	}
}

// TestSteadyRate looks at many moments: whatever the phase of the samples,
// a steady miner shows a steady hashrate.
func TestSteadyRate(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
	now := epoch
	for range 2000 {
		now = mine(l, w, p, now, 1+int(now.Unix()%3))
		s := l.Snapshot(now)
		for i := range Window(windowCount) {
			if !closeTo(s.Total.Recent[i].Hashrate(), 10, 2) { // one share more or less in a minute
				t.Fatalf("after %v the window of %v shows %v", now.Sub(epoch), i, s.Total.Recent[i].Hashrate()/(1<<32))
			}
		}
	}
}

// TestMissedTicks: with nobody ticking, the figures stay honest: the time
// they are divided by is the time they were made in.
func TestMissedTicks(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
	for range 3600 {
		l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Accepted, Difficulty: 10, At: epoch})
	}
	s := l.Snapshot(epoch.Add(time.Hour))
	for i := range Window(windowCount) {
		if !closeTo(s.Total.Recent[i].Hashrate(), 10, 1e-6) {
			t.Errorf("the window of %v shows %v", i, s.Total.Recent[i].Hashrate()/(1<<32))
		}
	}
}

func TestClockGoesBack(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
	now := mine(l, w, p, epoch, 120)
	for _, back := range []time.Duration{time.Second, time.Minute, 2 * time.Hour} {
		s := l.Snapshot(now.Add(-back))
		for i, recent := range s.Total.Recent {
			rate := recent.Hashrate()
			if rate < 0 || math.IsInf(rate, 0) || math.IsNaN(rate) {
				t.Errorf("%v back, the window of %v shows %v", back, Window(i), rate)
			}
		}
	}
}

func TestWindowNames(t *testing.T) {
	for w, want := range map[Window]string{Minute: "1m", TenMinutes: "10m", Hour: "1h", Day: "24h"} {
		if w.String() != want {
			t.Errorf("%v, want %s", w, want)
		}
		p := windowPlan[w]
		if p.length%p.step != 0 || p.slots != int(p.length/p.step)+2 {
			t.Errorf("%v: %d slots of %v for %v", w, p.slots, p.step, p.length)
		}
	}
}
