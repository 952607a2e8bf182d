package vardiff_test

import (
	"flag"
	"math"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

func TestControlIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(vardiff.Control{}); size > 128 {
		t.Errorf("%d bytes a miner", size)
	}
}

// TestFastMiner: an ASIC of 200 TH/s that starts as one of 1 TH/s.
func TestFastMiner(t *testing.T) {
	cfg := &vardiff.Config{SharesPerMinute: 6}
	for seed := range uint64(100) {
		f := newFarm(cfg, vardiff.Difficulty(1e12, 6), seed, 200e12)
		f.run(time.Minute)
		within(t, "after a minute", float64(f.control.Difficulty()), right(200e12, 6), 2)
		if len(f.moves) > 4 {
			t.Errorf("seed %d: %v", seed, f.moves)
		}
		f.run(time.Hour)
		within(t, "after an hour", float64(f.control.Difficulty()), right(200e12, 6), 2)
	}
}

// TestSlowMiner: the same the other way round, and a NerdMiner that starts at
// the difficulty of an ASIC.
func TestSlowMiner(t *testing.T) {
	cfg := &vardiff.Config{SharesPerMinute: 6}
	for _, c := range []struct {
		start, hashrate float64
		moves           int
		limit           time.Duration
	}{
		{200e12, 1e12, 4, 40 * time.Minute},
		{8, 1, 3, 40 * time.Minute},
		{100e12, 50e3, 12, 90 * time.Minute},
	} {
		for seed := range uint64(50) {
			f := newFarm(cfg, vardiff.Difficulty(c.start, 6), seed, c.hashrate)
			f.run(c.limit)
			within(t, "difficulty", float64(f.control.Difficulty()), max(right(c.hashrate, 6), 1.0/(1<<30)), 2.5)
			if len(f.moves) > c.moves {
				t.Errorf("%g for %g: %v", c.start, c.hashrate, f.moves)
			}
		}
	}
}

// TestSteadyDay: whatever a miner starts at, once it has had an hour or 400
// expected shares, a day of constant hashrate has at most three changes, and
// its rate is within a factor of 2.2. In it a difficulty never swings.
func TestSteadyDay(t *testing.T) {
	sample(t, "15")
	rapid.Check(t, func(t *rapid.T) {
		hashrate := math.Pow(10, rapid.Float64Range(3, 15).Draw(t, "hashrate, as a power of ten"))
		perMinute := math.Round(math.Pow(60, rapid.Float64Range(0, 1).Draw(t, "shares a minute, as a power of 60")))
		off := math.Exp2(rapid.Float64Range(-8, 8).Draw(t, "start off by two to the"))
		f := newFarm(&vardiff.Config{SharesPerMinute: perMinute}, work.Difficulty(right(hashrate, perMinute)*off), rapid.Uint64().Draw(t, "seed"), hashrate)
		f.lag = time.Duration(rapid.IntRange(0, 10).Draw(t, "lag")) * time.Second

		settled := max(time.Hour, time.Duration(400/perMinute*float64(time.Minute)))
		f.run(settled + 24*time.Hour)
		moves, shares := f.since(settled)
		if rate := float64(shares) / (24 * 60); rate > 2.2*perMinute || rate*2.2 < perMinute {
			t.Errorf("%.2f shares a minute, want about %g: %v", rate, perMinute, f.moves)
		}
		if early := len(f.moves) - len(moves); len(moves) > 3 || early > 8 || flaps(f.moves) {
			t.Errorf("%d changes of a settled miner: %v", len(moves), f.moves)
		}
	})
}

// sample has a property looked at so many times where the race detector is on and
// nobody says how often.
func sample(t *testing.T, times string) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if usual := checks.Value.String(); racing && usual == checks.DefValue {
		t.Cleanup(func() { _ = checks.Value.Set(usual) })
		if err := checks.Value.Set(times); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOrdinaryGaps: at the right difficulty nothing changes for weeks.
func TestOrdinaryGaps(t *testing.T) {
	for _, perMinute := range []float64{1, 6, 60} {
		for seed := range uint64(4) {
			if racing && seed > 0 {
				break
			}
			d := right(100e12, perMinute)
			f := newFarm(&vardiff.Config{SharesPerMinute: perMinute}, work.Difficulty(d), seed, 100e12)
			f.run(5 * 24 * time.Hour)
			if len(f.moves) != 0 {
				t.Errorf("%g a minute: %v", perMinute, f.moves)
			}
		}
	}
}

// TestHashrateChanges: a settled miner loses or wins hashrate, and its
// difficulty follows.
func TestHashrateChanges(t *testing.T) {
	for _, c := range []struct {
		to    float64
		limit time.Duration
	}{{20e12, 40 * time.Minute}, {25e9, 90 * time.Minute}, {500e12, 20 * time.Minute}, {5e15, 2 * time.Minute}} {
		for seed := range uint64(30) {
			const turn = 3 * time.Hour
			f := newFarm(&vardiff.Config{SharesPerMinute: 6}, vardiff.Difficulty(100e12, 6), seed, 0)
			f.hashrate = func(at time.Duration) float64 {
				if at < turn {
					return 100e12
				}
				return c.to
			}
			f.run(turn + c.limit)
			within(t, "difficulty", float64(f.control.Difficulty()), right(c.to, 6), 2.5)
			if flaps(f.moves) {
				t.Errorf("to %g: %v", c.to, f.moves)
			}
		}
	}
}

// TestSilence: a miner without shares comes down step by step to the minimum.
func TestSilence(t *testing.T) {
	f := newFarm(&vardiff.Config{SharesPerMinute: 6, Min: 1000}, 1e9, 1, 0)
	f.run(time.Hour)
	if len(f.moves) < 3 || f.control.Difficulty() != 1000 || f.moves[0].at < time.Minute {
		t.Errorf("%v", f.moves)
	}
	before := work.Difficulty(1e9)
	for _, m := range f.moves {
		if m.to >= before || m.to*20 < before {
			t.Errorf("from %s to %s", before, m.to)
		}
		before = m.to
	}
}

// TestPoolBounds: what the pool does not allow is wanted still, and pressed
// once. When the pool allows it, it is there.
func TestPoolBounds(t *testing.T) {
	for seed := range uint64(20) {
		f := newFarm(&vardiff.Config{SharesPerMinute: 6}, 1000, seed, 10e12) // 23283 is right
		f.pool = 1000
		f.run(2 * time.Hour)
		want, urgent := f.control.Want(f.time())
		within(t, "wanted", float64(want), right(10e12, 6), 2)
		if urgent || f.urgent > 3 || f.control.Difficulty() != 1000 || len(f.moves) != 0 {
			t.Errorf("urgent %d times, now %t, %v", f.urgent, urgent, f.moves)
		}
		f.pool = 0
		f.run(3 * time.Hour)
		within(t, "told", float64(f.control.Difficulty()), right(10e12, 6), 2)
		if len(f.moves) == 0 || f.moves[0].at > 2*time.Hour+jobEvery {
			t.Errorf("%v", f.moves)
		}
	}
}

// TestUrgentIsAnswered: the same wish is pressed until it is heard, even if
// nothing comes of it.
func TestUrgentIsAnswered(t *testing.T) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start()), start().Add(2*time.Second)
	for range 40 {
		c.Share(1000, now)
	}
	want, urgent := c.Want(now)
	again, still := c.Want(now)
	if want < 4000 || !urgent || again != want || !still {
		t.Errorf("%s %t, %s %t", want, urgent, again, still)
	}
	c.Told(1000, now)
	if again, still = c.Want(now); again != want || still {
		t.Errorf("heard: %s %t", again, still)
	}
	c.Told(want, now)
	if again, still = c.Want(now); again != want || still || c.Difficulty() != want {
		t.Errorf("told: %s %t", again, still)
	}
}

// TestSmallStepIsNotUrgent: at twice to four times the rate the next job does.
func TestSmallStepIsNotUrgent(t *testing.T) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1024, start()), start()
	for range 1000 {
		now = now.Add(10 * time.Second / 3)
		c.Share(1024, now)
		if want, urgent := c.Want(now); want != 1024 {
			if urgent || want < 2048 || want > 4096 {
				t.Errorf("%s %t", want, urgent)
			}
			return
		}
	}
	t.Error("no change")
}

// TestLateHardShare: one share of the difficulty before a change down is not
// taken for a burst of the lower one.
func TestLateHardShare(t *testing.T) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1<<20, start()), start().Add(2*time.Minute)
	lower, _ := c.Want(now)
	if lower != 1<<16 {
		t.Fatalf("after two minutes of silence: %s", lower)
	}
	c.Told(lower, now)
	for range 7 {
		now = now.Add(time.Second)
		c.Share(1<<20, now)
		if want, _ := c.Want(now); want != lower {
			t.Errorf("%s", want)
		}
	}
}

func TestFixed(t *testing.T) {
	f := newFarm(&vardiff.Config{SharesPerMinute: 6, Fixed: 5000}, 77, 1, 900e12)
	f.run(10 * time.Minute)
	if len(f.moves) != 0 || f.urgent != 0 || f.control.Difficulty() != 5000 || len(f.shares) == 0 {
		t.Errorf("%v", f.moves)
	}
	f.control.Told(2000, f.time()) // the pool's
	if want, urgent := f.control.Want(f.time()); want != 5000 || urgent {
		t.Errorf("%s %t", want, urgent)
	}
	within(t, "hashrate", f.control.Hashrate(f.time()), 900e12, 1.3)
}

func TestNewBounds(t *testing.T) {
	for _, c := range []struct {
		cfg   vardiff.Config
		start work.Difficulty
		want  work.Difficulty
	}{
		{vardiff.Config{}, 0, 1},
		{vardiff.Config{Start: 1000}, 0, 1000},
		{vardiff.Config{Start: 1000}, 512, 512},
		{vardiff.Config{Start: 1000}, work.Difficulty(math.NaN()), 1000},
		{vardiff.Config{Start: -1}, work.Difficulty(math.Inf(1)), 1},
		{vardiff.Config{}, 1e-30, 1.0 / (1 << 34)},
		{vardiff.Config{}, 1e30, 1 << 62},
		{vardiff.Config{Start: 1000, Min: 2000}, 0, 2000},
		{vardiff.Config{Start: 1000, Min: 2000.5}, 0, 2048},
		{vardiff.Config{Start: 1000, Max: 500}, 0, 500},
		{vardiff.Config{Start: 1000, Max: 500.5}, 0, 448},
		{vardiff.Config{Min: 700, Max: 700}, 5, 700},
		{vardiff.Config{Min: 1.25, Max: 1.75}, 9, 1.75},
		{vardiff.Config{Min: 900, Max: 10}, 500, 900},
		{vardiff.Config{Min: 1 << 24, Max: 1<<24 + 1}, 5, 1 << 24},
		{vardiff.Config{Max: 0.001}, 1, 0.0009765625},
		{vardiff.Config{Min: 0.001, Max: 0.5}, 1e-6, 0.001220703125},
		{vardiff.Config{Fixed: 3000}, 1, 3000},
		{vardiff.Config{Fixed: 3000.5}, 1, 3072},
		{vardiff.Config{Fixed: 3000, Max: 2000}, 1, 2000},
		{vardiff.Config{Fixed: 3000, Min: 4000}, 1, 4000},
		{vardiff.Config{}, 2.5, 3},
		{vardiff.Config{}, 29588.014, 28672},
	} {
		control := vardiff.New(&c.cfg, c.start, start())
		if want, urgent := control.Want(start()); want != c.want || urgent || control.Difficulty() != c.want {
			t.Errorf("%+v from %v: %s, want %s", c.cfg, c.start, want, c.want)
		}
	}
}

// TestWantKeepsItsPromises under anything that may come.
func TestWantKeepsItsPromises(t *testing.T) {
	power := func(low, high float64) *rapid.Generator[work.Difficulty] {
		return rapid.Custom(func(t *rapid.T) work.Difficulty {
			return work.Difficulty(math.Exp2(rapid.Float64Range(low, high).Draw(t, "log2")))
		})
	}
	bound := rapid.OneOf(rapid.Just(work.Difficulty(0)), power(-12, 50))
	rapid.Check(t, func(t *rapid.T) {
		cfg := &vardiff.Config{
			SharesPerMinute: rapid.Float64Range(-1, 60).Draw(t, "shares a minute"),
			Start:           power(-12, 50).Draw(t, "start"),
			Min:             bound.Draw(t, "min"), Max: bound.Draw(t, "max"),
		}
		c, now := vardiff.New(cfg, 0, start()), start()
		for range 60 {
			now = now.Add(time.Duration(rapid.Float64Range(-1, 400).Draw(t, "seconds") * float64(time.Second)))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				for range rapid.IntRange(1, 500).Draw(t, "shares") {
					c.Share(c.Difficulty(), now)
				}
			case 1:
				c.Share(rapid.OneOf(bound, rapid.Just(work.Difficulty(math.NaN())), power(-100, 100)).Draw(t, "credited"), now)
			case 2:
				c.Told(rapid.OneOf(bound, rapid.Just(work.Difficulty(math.Inf(1)))).Draw(t, "told"), now)
			case 3:
			}
			before := c
			d, _ := c.Want(now)
			if again, _ := c.Want(now); again != d {
				t.Fatalf("%s, then %s", d, again)
			}
			promise(t, cfg, d)
			if h := before.Hashrate(now); !(h >= 0) || math.IsInf(h, 1) {
				t.Fatalf("hashrate %g", h)
			}
		}
	})
}

// promise checks a difficulty that is wanted.
func promise(t *rapid.T, cfg *vardiff.Config, d work.Difficulty) {
	f := float64(d)
	switch {
	case !d.Valid():
		t.Fatalf("wants %g", f)
	case cfg.Min > 0 && d < cfg.Min, cfg.Max > 0 && cfg.Max >= cfg.Min && d > cfg.Max:
		t.Fatalf("wants %s, outside %s to %s", d, cfg.Min, cfg.Max)
	case d == cfg.Min || d == cfg.Max: // nothing better lies between them
	case float64(float32(f)) != f, f >= 1 && f != math.Trunc(f):
		t.Fatalf("wants %s, which old firmware does not read", d)
	}
}

func TestDifficulty(t *testing.T) {
	for _, c := range []struct {
		hashrate, perMinute float64
		want                work.Difficulty
	}{
		{0, 6, 0},
		{-1, 6, 0},
		{math.NaN(), 6, 0},
		{1e12, 0, 0},
		{1e12, math.NaN(), 0},
		{math.Inf(1), 6, 1 << 62},
		{1e-9, 60, 1.0 / (1 << 34)},
		{200e12, 6, 458752}, // 465661
		{1e12, 6, 2560},     // 2328
		{1 << 32, 60, 1},
		{3 << 31, 60, 2}, // 1.5
		{0.97 * (1 << 32), 60, 1},
		{0.9 * (1 << 32), 60, 0.875},
		{1000, 6, 5.0 / (1 << 21)}, // 2.33e-6
	} {
		if got := vardiff.Difficulty(c.hashrate, c.perMinute); got != c.want {
			t.Errorf("%g H/s, %g a minute: %s, want %s", c.hashrate, c.perMinute, got, c.want)
		}
	}
}

// TestDifficultyIsNear: rounding is off by an eighth at most, integers below
// four by a half.
func TestDifficultyIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		exact := math.Exp2(rapid.Float64Range(-29, 61).Draw(t, "log2"))
		got := float64(vardiff.Difficulty(exact*(1<<32), 60))
		if math.Abs(got-exact) > exact/8 && (got > 4 || got < 1 || math.Abs(got-exact) > 0.5) {
			t.Fatalf("%g for %g", got, exact)
		}
	})
}

func TestControlDoesNotAlloc(t *testing.T) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start()), start()
	n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second)
		c.Share(1000, now)
		d, _ := c.Want(now)
		c.Told(d, now)
		_ = c.Hashrate(now)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkShare(b *testing.B) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start()), start()
	for b.Loop() {
		now = now.Add(10 * time.Second)
		c.Share(1000, now)
	}
}

func BenchmarkWant(b *testing.B) {
	c, now := vardiff.New(&vardiff.Config{SharesPerMinute: 6}, 1000, start()), start()
	for b.Loop() {
		now = now.Add(10 * time.Second)
		c.Share(1000, now)
		_, _ = c.Want(now)
	}
}
