package watch_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// Each signal begins at its threshold, not below it, and never where that is 0.
func TestThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		kind watch.Kind
		// odd is what is so much too much, fair what is just not.
		odd, fair func(r *rig)
		off       func(c *watch.Config)
	}{
		"difficulty_jump": {
			watch.DifficultyJump,
			func(r *rig) { r.earn(11*time.Minute, 1024); r.earn(time.Minute, 16*1024) },
			func(r *rig) {
				r.earn(11*time.Minute, 1024)
				r.earn(time.Minute, 15*1024)
				r.earn(time.Minute, 1) // down is no harm
			},
			func(c *watch.Config) { c.DifficultyJump = 0 },
		},
		"difficulty_jump of one that does not earn": {
			watch.DifficultyJump,
			nil,
			func(r *rig) {
				r.earn(9*time.Minute, 1024)
				r.earn(time.Minute, 1024*1024)
				r.pass(2*time.Minute, nil)
				r.probe.Job(jobOf(1, alice), r.now)
				job := jobOf(1, alice)
				job.Difficulty = 1e9
				r.probe.Job(job, r.now)
			},
			nil,
		},
		"extranonce_changes": {
			watch.ExtranonceChanges,
			func(r *rig) { r.times(30, 100*time.Second, func() { r.probe.Extranonce(r.now) }) },
			func(r *rig) { r.times(100, 150*time.Second, func() { r.probe.Extranonce(r.now) }) },
			func(c *watch.Config) { c.ExtranonceChanges = 0 },
		},
		"empty_blocks": {
			watch.EmptyBlocks,
			func(r *rig) { r.block(1, 0, 70*time.Second); r.block(2, 0, 70*time.Second) },
			func(r *rig) {
				r.block(1, 0, 70*time.Second)
				r.block(2, 0, 50*time.Second) // another block comes before it would count
				r.block(3, 1, 70*time.Second)
				r.block(4, 0, 70*time.Second)
			},
			func(c *watch.Config) { c.EmptyBlocks = 0 },
		},
		"unknown_replies": {
			watch.UnknownReplies,
			func(r *rig) { r.times(20, 20*time.Second, func() { r.probe.Unasked(r.now) }) },
			func(r *rig) { r.times(60, 40*time.Second, func() { r.probe.Unasked(r.now) }) },
			func(c *watch.Config) { c.UnknownReplies = 0 },
		},
		"job_flood": {
			watch.JobFlood,
			func(r *rig) {
				r.times(70, time.Second, func() { r.probe.Job(jobOf(1, alice), r.now); r.probe.Job(jobOf(1, alice), r.now) })
			},
			func(r *rig) {
				other := r.pool.Stream(watch.Shared, true) // each has its own
				r.times(300, time.Second, func() { r.probe.Job(jobOf(1, alice), r.now); other.Job(jobOf(1, alice), r.now) })
			},
			func(c *watch.Config) { c.JobFlood = 0 },
		},
		"height_back": {
			watch.HeightBack,
			func(r *rig) { r.block(5, 1, time.Second); r.block(3, 1, time.Second) },
			func(r *rig) { r.block(5, 1, time.Second); r.block(4, 1, time.Second); r.block(6, 1, time.Second) },
			func(c *watch.Config) { c.HeightBack = 0 },
		},
		"credit_short": {
			watch.CreditShort,
			func(r *rig) { r.books(10*time.Minute, 100, 0.94) },
			func(r *rig) { r.books(time.Hour, 100, 0.96) },
			func(c *watch.Config) { c.CreditShort = 0 },
		},
		"credit_short of few": {
			watch.CreditShort,
			nil,
			func(r *rig) { r.books(time.Hour, 4, 0) },
			nil,
		},
		"refused_valid": {
			watch.RefusedValid,
			func(r *rig) { r.pass(time.Second, &watch.Books{Known: true, Answered: 150, RefusedValid: 3}) },
			func(r *rig) {
				r.pass(time.Second, &watch.Books{Known: true, Answered: 2, RefusedValid: 2})
				r.pass(time.Second, &watch.Books{Known: true, Answered: 1000, RefusedValid: 19})
			},
			func(c *watch.Config) { c.RefusedValid = 0 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, watch.PoolConfig{})
			c.fair(r)
			r.pass(time.Second, nil)
			if r.expect("fair"); len(r.log) != 0 {
				t.Errorf("fair: told %v", r.log)
			}
			if c.odd == nil {
				return
			}
			r = newRig(t, nil, watch.PoolConfig{})
			c.odd(r)
			r.pass(time.Second, nil)
			r.expect("odd", c.kind)
			if s := r.pool.Report().Signals; len(s) == 1 && (s[0].Value < s[0].Threshold || s[0].Threshold <= 0) {
				t.Errorf("%+v", s[0])
			}
			// In the end all is well: of what is counted by hours, two later.
			r.probe.Job(jobOf(200, alice), r.now)
			r.pass(3*time.Hour, &watch.Books{Known: true})
			if r.expect("later"); len(r.log) != 2 {
				t.Errorf("told %v", r.log)
			}
			r = newRig(t, c.off, watch.PoolConfig{})
			c.odd(r)
			r.pass(time.Second, nil)
			r.expect("off")
		})
	}
}

// times does something again and again.
func (r *rig) times(n int, every time.Duration, what func()) {
	for range n {
		what()
		r.pass(every, nil)
	}
}

// earn has the connection earn at a difficulty.
func (r *rig) earn(d time.Duration, at work.Difficulty) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.probe.Answered()
		job := jobOf(1, alice)
		job.Difficulty = at
		r.probe.Job(job, r.now)
		r.pass(30*time.Second, nil)
	}
}

// block gives two jobs of a block, one at once and one after a time, with so many
// transactions.
func (r *rig) block(n byte, branches int, after time.Duration) {
	for range 2 {
		job := jobOf(n, alice)
		job.Branches = job.Branches[:branches]
		r.probe.Job(job, r.now)
		r.pass(after, nil)
	}
}

// books has so many shares a minute sent, of which a part is accepted.
func (r *rig) books(d time.Duration, perMinute, accepted float64) {
	b := watch.Books{Known: true}
	for end := r.now.Add(d); r.now.Before(end); {
		r.pass(time.Second, &b)
		b.SentWork += perMinute / 60
		b.AcceptedWork = b.SentWork * accepted
		b.Sent = uint64(b.SentWork)
	}
}

// A signal begins at its threshold, ends only after a time of less than half of it,
// and does not begin again but at its threshold, whatever the values are.
func TestNoFlapping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := watch.Defaults()
		cfg.Calm = time.Duration(rapid.IntRange(1, 900).Draw(t, "calm")) * time.Second
		cfg.RefusedValid = rapid.SampledFrom([]float64{0, 0.01, 0.1, 0.5}).Draw(t, "threshold")
		p := watch.NewPool(cfg, watch.PoolConfig{}, watch.Known{})
		now, on, low := start, false, time.Time{}
		var ended time.Time
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "later")) * time.Second)
			refused := rapid.Uint64Range(0, 1000).Draw(t, "refused")
			value := float64(refused) / 1000
			if refused < 3 {
				value = 0
			}
			changes := p.Tick(&watch.Books{Known: true, Answered: 1000, RefusedValid: refused}, now)
			if len(changes) > 1 {
				t.Fatalf("at once: %+v", changes)
			}
			for _, c := range changes {
				switch {
				case c.Begun == on || c.Kind != watch.RefusedValid:
					t.Fatalf("on is %v: %+v", on, c)
				case c.Begun && (value < cfg.RefusedValid || cfg.RefusedValid == 0 || c.Since != now):
					t.Fatalf("with %v of %v: %+v", value, cfg.RefusedValid, c)
				case !c.Begun && (low.IsZero() || now.Sub(low) < cfg.Calm || c.Lasted < cfg.Calm):
					t.Fatalf("low since %v: %+v", low, c)
				}
				if on = c.Begun; !on {
					ended = now
				}
			}
			if on && !ended.IsZero() && now.Equal(ended) {
				t.Fatal("it begins as it ends")
			}
			if cfg.RefusedValid > 0 && value >= cfg.RefusedValid && !on {
				t.Fatalf("with %v of %v there is no signal", value, cfg.RefusedValid)
			}
			if signals := p.Report().Signals; len(signals) > 0 != on {
				t.Fatalf("on is %v: %+v", on, signals)
			}
			switch {
			case value > cfg.RefusedValid/2:
				low = time.Time{}
			case low.IsZero():
				low = now
			}
		}
	})
}

// Whatever a pool's books say, no figure is worth nothing.
func TestBooksOfNonsense(t *testing.T) {
	r := newRig(t, nil, watch.PoolConfig{})
	for _, b := range []watch.Books{
		{Known: true, Sent: 1000, SentWork: math.NaN(), AcceptedWork: math.Inf(1)},
		{Known: true, Sent: 10, SentWork: 5, AcceptedWork: 500}, // less than before, and more accepted than sent
		{Known: true, Sent: 1 << 60, SentWork: math.Inf(1), AcceptedWork: math.Inf(1)},
	} {
		r.pass(2*time.Minute, &b)
	}
	for _, s := range r.pool.Report().Signals {
		if math.IsNaN(s.Value) {
			t.Errorf("%+v", s)
		}
	}
}

// Every signal is described, once.
func TestEveryKindIsDescribed(t *testing.T) {
	seen := make(map[watch.Kind]bool)
	for _, k := range watch.Kinds() {
		d := watch.Describe(k)
		if d.Kind != k || d.Means == "" || d.Do == "" || d.Value == "" || d.Severity != watch.Warning && d.Severity != watch.Critical || seen[k] {
			t.Errorf("%s: %+v", k, d)
		}
		seen[k] = true
	}
	if len(seen) != 13 || watch.Describe("nothing") != (watch.Description{}) {
		t.Errorf("%d kinds", len(seen))
	}
}

func TestAllocAnswered(t *testing.T) {
	r := newRig(t, nil, watch.PoolConfig{})
	if n := testing.AllocsPerRun(100, func() { r.probe.Answered(); _ = r.pool.Leave() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A pool stays at lower heights, and ends its probe's connection again and again: after an
// hour these are its usual ones.
func TestLowerHeightsBecomeUsual(t *testing.T) {
	r := newRig(t, nil, watch.PoolConfig{})
	r.probe.Job(jobOf(9, alice), r.now)
	r.pass(time.Minute, nil)
	for range 9 {
		r.pool.Connected(true)
		r.probe.Job(jobOf(1, alice), r.now)
		r.pass(9*time.Minute, nil)
		r.pool.Connected(false)
		r.pass(2*time.Second, nil)
	}
	if want := []string{"+height_back", "-height_back"}; !slices.Equal(r.log, want) {
		t.Errorf("signals %v, want %v", r.log, want)
	}
}

// A pool that gave empty jobs late, and by now has transactions in its second job and gives
// no third, is in order again.
func TestFullBlocksWithoutLateJobs(t *testing.T) {
	r := newRig(t, nil, watch.PoolConfig{})
	for n := range byte(3) {
		r.block(n+1, 0, 2*time.Minute)
	}
	r.expect("empty ones", watch.EmptyBlocks)
	for n := range byte(9) {
		empty := jobOf(n+4, alice)
		empty.Branches = nil
		r.probe.Job(empty, r.now)
		r.pass(3*time.Second, nil)
		r.probe.Job(jobOf(n+4, alice), r.now)
		r.pass(10*time.Minute, nil)
	}
	r.expect("full ones")
}
