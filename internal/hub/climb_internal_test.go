package hub

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

func start() time.Time { return time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC) }

// tera is a hashrate, in H/s.
const tera = 1e12

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		name           string
		pool, of, want work.Difficulty
		hashrate, all  float64 // of the miner and of the link
		sent           int
		stands         time.Duration
		limited        work.Difficulty
	}{
		{name: "below the pool's", pool: 1000, of: 1000, want: 64, limited: 64},
		{name: "above the pool's", pool: 1000, of: 1000, want: 4096, limited: 1000},
		{name: "the pool has raised it since the job", pool: 2000, of: 1000, want: 4096, limited: 1000},
		{name: "the pool has lowered it since the job", pool: 500, of: 1000, want: 4096, limited: 500},
		{name: "nothing is known", of: 1000, want: 4096, limited: 1000},
		// 100 TH/s find 23283 shares of difficulty 1 a second: a tenth is
		// 2328, down to a power of two 2048.
		{name: "climbing, the miner's budget", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, limited: 2048},
		{name: "climbing, wants less", pool: 8, of: 8, want: 512, hashrate: 100 * tera, all: 100 * tera, limited: 512},
		// 100 of them find 2328306 a second: a hundredth is 23283.
		{name: "climbing, the link's budget", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 10_000 * tera, limited: 16384},
		{name: "climbing for long, with few shares", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, sent: 29, stands: time.Hour, limited: 2048},
		{name: "with shares, not for long", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, sent: 1000, stands: 5*time.Minute - 1, limited: 2048},
		{name: "settled", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, sent: 30, stands: 5 * time.Minute, limited: 1024},
		{name: "settled for half a minute", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, sent: 30, stands: 5*time.Minute + 30*time.Second, limited: 512},
		{name: "settled for two", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, sent: 30, stands: 7 * time.Minute, limited: 64},
		{name: "settled for long", pool: 8, of: 8, want: 1 << 20, hashrate: 100 * tera, all: 100 * tera, sent: 30, stands: time.Hour, limited: 8},
	} {
		l := climb{difficulty: c.pool, changed: start(), sent: c.sent}
		terms := l.terms(c.all, start().Add(c.stands))
		if got := terms.limit(c.of, c.want, c.hashrate); got != c.limited {
			t.Errorf("%s: %v, want %v", c.name, got, c.limited)
		}
	}
}

// However it climbed: once it stands, miners come down to it within minutes,
// and are never above it again.
func TestNobodyStaysAboveASettledDifficulty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := climb{difficulty: 1, changed: start()}, start()
		for range rapid.IntRange(0, 20).Draw(t, "raises") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			l.told(work.Difficulty(rapid.Uint32Range(1, 1<<31).Draw(t, "difficulty")), now)
		}
		for range settleShares {
			l.send(now)
		}
		rate := rapid.Float64Range(0, 1e18).Draw(t, "hashrate")
		want := work.Difficulty(rapid.Uint32Range(1, 1<<31).Draw(t, "want"))
		before := want
		for range 80 {
			now = now.Add(halveEvery)
			terms := l.terms(rate, now)
			d := terms.limit(l.difficulty, want, rate)
			if l.settled(now) >= 0 && d > before {
				t.Fatalf("raised from %v to %v above a settled %v", before, d, l.difficulty)
			}
			before = d
		}
		if before > l.difficulty {
			t.Errorf("%v is above the pool's %v for long", before, l.difficulty)
		}
	})
}

func TestSendBudget(t *testing.T) {
	l, now := climb{difficulty: 1, changed: start()}, start()
	sent := 0
	for range 1000 {
		if l.send(now) {
			sent++
		}
	}
	if sent != 2*sendBudget {
		t.Errorf("%d shares at once, want %d", sent, 2*sendBudget)
	}
	l.told(2, now) // the pool answers with a raise: it climbs on
	for range 10 {
		now = now.Add(100 * time.Millisecond)
		for range 100 {
			if l.send(now) {
				sent++
			}
		}
	}
	if sent != 3*sendBudget {
		t.Errorf("%d shares within a second more, want %d", sent-2*sendBudget, sendBudget)
	}
	now = now.Add(settleAfter)
	for range 1000 {
		if !l.send(now) {
			t.Fatal("a budget once the difficulty stands")
		}
	}
}

func TestSuggestions(t *testing.T) {
	var s suggestion
	if d := s.atStart(0); d != 0 {
		t.Errorf("asked for %v before anything is known", d)
	}
	now, asked := start(), 0
	ask := func(needs, has work.Difficulty) bool { return s.due(needs, has, now) }
	if ask(1024, 1024) || ask(1024, 600) {
		t.Error("asked for what is there")
	}
	for range 60 {
		now = now.Add(20 * time.Second)
		if ask(1024, 8) {
			asked++
		}
	}
	if asked != suggestions {
		t.Errorf("asked %d times in vain, want %d", asked, suggestions)
	}
	if !ask(4096, 8) { // it needs far more by now
		t.Error("not asked for what more miners need")
	}
	if ask(4096, 8) {
		t.Error("asked twice at once")
	}
	// A new link is asked at once, for what is known by then.
	if d := s.atStart(1000 * tera); d != 524288 {
		t.Errorf("a new link for 1 PH/s asks for %v", d)
	}
}
