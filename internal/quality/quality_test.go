package quality_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/work"
)

var start = time.Unix(1_700_000_000, 0)

func at(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

func TestNothingKnown(t *testing.T) {
	var m quality.Meter
	if r := m.Report(start); r.Known || r.Score != 1 || r.RejectRate() != 0 || r.Blocks != 0 {
		t.Errorf("of a pool that nothing is known of: %+v", r)
	}
}

// Each figure alone halves the score at its mark.
func TestMarks(t *testing.T) {
	for name, c := range map[string]struct {
		tell func(m *quality.Meter)
		want float64
	}{
		"connect":     {func(m *quality.Meter) { m.Connected(2 * time.Second) }, 0.5},
		"quick":       {func(m *quality.Meter) { m.Connected(50 * time.Millisecond) }, 1},
		"submit":      {func(m *quality.Meter) { m.Answered(mining.Accepted, time.Second) }, 0.5},
		"twice":       {func(m *quality.Meter) { m.Connected(4 * time.Second) }, 0.2},
		"rejects":     {func(m *quality.Meter) { answers(m, 95, mining.Accepted); answers(m, 5, mining.Stale) }, 0.5},
		"unanswered":  {func(m *quality.Meter) { answers(m, 95, mining.Accepted); answers(m, 5, mining.Unanswered) }, 0.5},
		"behind":      {func(m *quality.Meter) { m.Astray(30*time.Second, 0) }, 0.5},
		"a bit late":  {func(m *quality.Meter) { m.Astray(2*time.Second, 0) }, 1},
		"alone":       {func(m *quality.Meter) { m.Astray(0, 10*time.Minute) }, 0.5},
		"in step":     {func(m *quality.Meter) { m.Astray(time.Hour, time.Hour); m.Astray(0, 0) }, 1},
		"silences":    {func(m *quality.Meter) { ends(m, 3, mining.PoolSilent) }, 0.5},
		"disconnects": {func(m *quality.Meter) { ends(m, 6, mining.PeerReset) }, 0.5},
		"wanted":      {func(m *quality.Meter) { ends(m, 6, mining.NoMiners) }, 1},
		"blocks": {func(m *quality.Meter) {
			var b quality.Blocks
			b.Saw(new(quality.Meter), work.Hash{1}, at(0), true)
			b.Saw(m, work.Hash{1}, at(10), true)
		}, 0.5},
	} {
		var m quality.Meter
		c.tell(&m)
		if r := m.Report(at(60)); math.Abs(r.Score-c.want) > 0.03 {
			t.Errorf("%s: a score of %.3f, want %.2f: %+v", name, r.Score, c.want, r)
		}
	}
}

func answers(m *quality.Meter, n int, v mining.Verdict) {
	for range n {
		m.Answered(v, time.Millisecond)
	}
}

// ends are apart from each other.
func ends(m *quality.Meter, n int, reason mining.Reason) {
	for i := range n {
		m.Ended(reason, at(float64(10*i)))
	}
}

// Of many connections that end at once it is one trouble.
func TestEndsAtOnceAreOne(t *testing.T) {
	var m quality.Meter
	for i := range 1000 {
		m.Ended(mining.PeerClosed, at(float64(i)/200))
	}
	if r := m.Report(at(6)); r.Disconnects != 1 {
		t.Errorf("%d disconnects", r.Disconnects)
	}
}

// What is told is forgotten after 10 to 20 minutes, but for what is seldom.
func TestAnswersAreForgotten(t *testing.T) {
	var m quality.Meter
	m.Tick(time.Time{}, at(0))
	m.Connected(time.Second)
	answers(&m, 3, mining.Stale)
	m.Ended(mining.PeerClosed, at(1))
	for s := range 1300 {
		m.Tick(time.Time{}, at(float64(s)))
		switch r := m.Report(at(float64(s))); {
		case s < 600 && (r.Answers != 3 || r.Rejects[mining.Stale] != 3 || r.Submit == 0 || r.Disconnects != 1):
			t.Fatalf("after %d s: %+v", s, r)
		case s > 1202 && (r.Answers != 0 || len(r.Rejects) != 0 || r.Submit != 0 || r.Disconnects != 0 || r.Connect != time.Second):
			t.Fatalf("after %d s: %+v", s, r)
		}
	}
}

// A job that none follows is a silence, once.
func TestOldJobIsASilence(t *testing.T) {
	var m quality.Meter
	for s := range 1000 {
		job := at(0)
		if s >= 700 {
			job = at(700)
		}
		m.Tick(job, at(float64(s)))
		want := uint64(0)
		if s > 300 {
			want = 1
		}
		if got := m.Report(at(float64(s))).Silences; got != want {
			t.Fatalf("after %d s: %d silences, want %d", s, got, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	type saw struct {
		pool   int
		hash   byte
		at     float64
		turned bool
	}
	for name, c := range map[string]struct {
		told []saw
		// want is how late each pool is on average, in seconds; below 0 where
		// nothing counts.
		want [3]float64
	}{
		"one pool alone":           {[]saw{{0, 1, 0, true}, {0, 2, 5, true}}, [3]float64{-1, -1, -1}},
		"the first is not late":    {[]saw{{0, 1, 0, true}, {1, 1, 3, true}, {2, 1, 7, true}}, [3]float64{0, 3, 7}},
		"a mean":                   {[]saw{{0, 1, 0, true}, {1, 1, 4, true}, {1, 2, 600, true}, {0, 2, 602, true}}, [3]float64{1, 2, -1}},
		"twice is once":            {[]saw{{0, 1, 0, true}, {1, 1, 3, true}, {1, 1, 9, true}, {0, 1, 9, true}}, [3]float64{0, 3, -1}},
		"just connected":           {[]saw{{0, 1, 0, false}, {1, 1, 3, false}}, [3]float64{-1, -1, -1}},
		"the first just connected": {[]saw{{0, 1, 0, false}, {1, 1, 3, true}}, [3]float64{-1, 3, -1}},
		"too late":                 {[]saw{{0, 1, 0, true}, {1, 1, 121, true}}, [3]float64{-1, -1, -1}},
		"each its own":             {[]saw{{0, 1, 0, true}, {1, 2, 1, true}}, [3]float64{-1, -1, -1}},
		"back to an old one":       {[]saw{{0, 1, 0, true}, {1, 1, 1, true}, {0, 2, 5, true}, {0, 1, 9, true}}, [3]float64{0, 1, -1}},
		"out of order":             {[]saw{{0, 1, 1, true}, {1, 1, 0.9, true}}, [3]float64{0, 0, -1}},
	} {
		var b quality.Blocks
		var pools [3]quality.Meter
		for _, s := range c.told {
			b.Saw(&pools[s.pool], work.Hash{s.hash}, at(s.at), s.turned)
		}
		for i := range pools {
			r, want := pools[i].Report(at(0)), c.want[i]
			if want < 0 && r.Blocks != 0 || want >= 0 && (r.Blocks == 0 || math.Abs(r.BlockDelay.Seconds()-want) > 1e-9) {
				t.Errorf("%s: pool %d is %v late with %d blocks, want %v", name, i, r.BlockDelay, r.Blocks, want)
			}
		}
	}
}

// What is forgotten of blocks counts as new.
func TestBlocksAreBounded(t *testing.T) {
	var b quality.Blocks
	var one, two quality.Meter
	for i := range byte(200) {
		b.Saw(&one, work.Hash{i}, at(float64(i)), true)
	}
	b.Saw(&two, work.Hash{0}, at(1), true)
	b.Saw(&two, work.Hash{199}, at(200), true)
	if r := two.Report(at(0)); r.Blocks != 1 || r.BlockDelay != time.Second {
		t.Errorf("%v late with %d blocks", r.BlockDelay, r.Blocks)
	}
}

// The score is in its range, and no worse for what is good.
func TestScoreStaysInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m quality.Meter
		now := start
		for range rapid.IntRange(0, 50).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "later")))
			took := time.Duration(rapid.Int64().Draw(t, "took"))
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				m.Connected(took)
			case 1:
				m.Answered(mining.Verdict(rapid.Uint8().Draw(t, "verdict")), took)
			case 2:
				m.Ended(rapid.SampledFrom(mining.Reasons(mining.Upstream)).Draw(t, "reason"), now)
			case 3:
				m.Tick(now.Add(-took), now)
			case 4:
				m.Astray(took, took)
			}
			before := m.Report(now)
			if math.IsNaN(before.Score) || before.Score < 0 || before.Score > 1 || before.RejectRate() < 0 || before.RejectRate() > 1 {
				t.Fatalf("%+v", before)
			}
		}
	})
}

// The estimate of a time is off by a sixteenth at the most.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m quality.Meter
		took := time.Duration(rapid.Int64Range(1_000, int64(time.Minute)).Draw(t, "took"))
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			m.Answered(mining.Accepted, took)
		}
		r := m.Report(start)
		for _, got := range []time.Duration{r.Submit, r.SubmitP90} {
			if off := math.Abs(got.Seconds()-took.Seconds()) / took.Seconds(); off > 1.0/16+1e-3 && took > 100*time.Microsecond {
				t.Fatalf("%v for %v", got, took)
			}
		}
	})
	var m quality.Meter
	for i := range 100 {
		m.Answered(mining.Accepted, time.Duration(i+1)*10*time.Millisecond)
	}
	if r := m.Report(start); r.Submit < 450*time.Millisecond || r.Submit > 550*time.Millisecond || r.SubmitP90 < 830*time.Millisecond || r.SubmitP90 > 970*time.Millisecond {
		t.Errorf("median %v, p90 %v", r.Submit, r.SubmitP90)
	}
}

func TestAnsweredTakesNoMemory(t *testing.T) {
	var m quality.Meter
	if n := testing.AllocsPerRun(100, func() { m.Answered(mining.Stale, time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
