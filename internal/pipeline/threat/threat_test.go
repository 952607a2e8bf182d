package threat_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/threat"
)

type counter int

func (c *counter) Inc() { *c++ }

// standing notes what it is told.
type standing struct {
	earned   int
	by       string // who earned last
	offended []string
}

func (s *standing) Earned(_ *mining.Miner, login string, _ time.Time) {
	s.earned, s.by = s.earned+1, login
}

func (s *standing) Offended(_ *mining.Miner, login string, _ time.Time) {
	s.offended = append(s.offended, login)
}

// rig is the middleware before a scripted handler, and one miner.
type rig struct {
	t        *testing.T
	mw       *threat.Middleware
	chain    *pipeline.Chain
	miner    *mining.Miner
	now      time.Time
	answer   mining.Answer
	doubted  bool
	standing standing
	shares   counter
	reached  map[threat.Level]*counter

	// What became of the miner.
	held   time.Duration
	closed mining.Reason
}

func newRig(t *testing.T, cfg threat.Config) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Unix(1_700_000_000, 0), reached: map[threat.Level]*counter{
		threat.Slowed: new(counter), threat.Refused: new(counter), threat.Closed: new(counter),
	}}
	r.mw = threat.New(cfg, &r.standing, threat.Metrics{
		Reached: func(l threat.Level) pipeline.Counter { return r.reached[l] }, Shares: &r.shares,
	})
	r.chain = pipeline.Compile(pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		r.doubted = req.Doubted
		if req.Doubted {
			return mining.Answer{Verdict: mining.Unauthorized, Booked: true}
		}
		return r.answer
	}), r.mw)
	r.miner = &mining.Miner{}
	r.chain.Enter(r.miner, r.now)
	return r
}

// alice is who shares are of.
var alice = mining.NewWorker("alice.rig")

// took notes what became of the miner by an answer.
func (r *rig) took(hold time.Duration, reason mining.Reason) {
	r.held = hold
	if reason != "" {
		r.closed = reason
	}
}

// share hands one in that is judged so.
func (r *rig) share(v mining.Verdict) mining.Answer {
	r.answer = mining.Answer{Verdict: v, Booked: true}
	a := r.chain.Handle(r.miner, &mining.Request{Kind: mining.Submit, Worker: alice, At: r.now})
	r.took(a.Hold, a.Close)
	return a
}

// login asks to be let in, with this answer.
func (r *rig) login(v mining.Verdict) {
	r.answer = mining.Answer{Verdict: v}
	a := r.chain.Handle(r.miner, &mining.Request{Kind: mining.Authorize, Worker: alice, At: r.now})
	r.took(a.Hold, a.Close)
}

// tell tells of an event.
func (r *rig) tell(e pipeline.Event) {
	e.At, e.Times = r.now, max(e.Times, 1)
	re := r.chain.Tell(r.miner, e)
	r.took(re.Hold, re.Close)
}

// wait lets time pass.
func (r *rig) wait(d time.Duration) { r.now = r.now.Add(d) }

// score is the score that readers see.
func (r *rig) score() float64 {
	v, _ := r.mw.Score(r.miner)
	return v
}

// level is the level that readers see.
func (r *rig) level() threat.Level {
	_, l := r.mw.Score(r.miner)
	return l
}

// grown is a connection past its first minutes.
func grown(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, threat.DefaultConfig())
	r.tell(pipeline.Event{Kind: pipeline.Retargeted})
	r.login(mining.Accepted)
	r.wait(time.Hour)
	return r
}

// What miners do in the field never leads to an answer, with the default settings.
func TestMannersAreNoOffence(t *testing.T) {
	many := func(r *rig, n int, v mining.Verdict, every time.Duration) {
		for range n {
			r.share(v)
			r.wait(every)
		}
	}
	for _, c := range []struct {
		name string
		most float64
		live func(r *rig)
	}{
		{"stale shares without end", 0, func(r *rig) { many(r, 5000, mining.Stale, 100*time.Millisecond) }},
		{"a pool that does not answer", 0, func(r *rig) { many(r, 5000, mining.Unanswered, time.Second) }},
		{"an outage on hold", 0, func(r *rig) { many(r, 500, mining.Unpaid, time.Second) }},
		{"a burst below a difficulty that was just raised", 10, func(r *rig) { // Braiins' deep pipeline
			r.tell(pipeline.Event{Kind: pipeline.Retargeted})
			many(r, 200, mining.LowDifficulty, 100*time.Millisecond)
			many(r, 6, mining.Accepted, 10*time.Second)
		}},
		{"a duplicate now and then", 5, func(r *rig) { // cgminer's resubmits
			for range 100 {
				many(r, 1, mining.Duplicate, 10*time.Second)
				many(r, 5, mining.Accepted, 10*time.Second)
			}
		}},
		{"every second share twice", 5, func(r *rig) { // NerdQAxe with extranonce2 0 and 1
			for range 500 {
				many(r, 1, mining.Accepted, 5*time.Second)
				many(r, 1, mining.Duplicate, 5*time.Second)
			}
		}},
		{"a board with every second hash wrong", 5, func(r *rig) {
			for range 500 {
				many(r, 1, mining.LowDifficulty, 5*time.Second)
				many(r, 1, mining.Accepted, 5*time.Second)
			}
		}},
		{"methods of its own, once it is in", 0, func(r *rig) {
			for range 500 {
				r.tell(pipeline.Event{Kind: pipeline.Unsupported})
				r.wait(time.Second)
			}
		}},
		{"pings and suggestions", 0, func(r *rig) { // NerdMiner suggests every 30 s
			for range 500 {
				r.tell(pipeline.Event{Kind: pipeline.Answered})
				a := r.chain.Handle(r.miner, &mining.Request{Kind: mining.Suggest, At: r.now})
				r.took(a.Hold, a.Close)
				r.wait(30 * time.Second)
			}
		}},
		{"one garbled line a minute", 45, func(r *rig) { // a bad cable
			for range 100 {
				r.tell(pipeline.Event{Kind: pipeline.Malformed})
				many(r, 4, mining.Accepted, 15*time.Second)
			}
		}},
		{"a login that is wrong, tried again every two minutes", 40, func(r *rig) {
			for range 30 {
				r.login(mining.Unauthorized)
				r.wait(2 * time.Minute)
			}
		}},
		{"a fast machine at the rate limit", 0.2, func(r *rig) {
			for range 3000 {
				r.answer = mining.Answer{Verdict: mining.Accepted, Hold: time.Millisecond}
				r.chain.Handle(r.miner, &mining.Request{Kind: mining.Submit, Worker: alice, At: r.now})
				r.wait(time.Millisecond)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := grown(t)
			c.live(r)
			for l, n := range r.reached {
				if *n > 0 {
					t.Errorf("it was %v %d times", l, *n)
				}
			}
			if s := r.score(); s > c.most || r.closed != "" {
				t.Errorf("score %v, want at most %v; closed %q", s, c.most, r.closed)
			}
		})
	}
}

// After a reconnect cgminer hands in up to two minutes of shares of the
// connection before, by job ids of the one before or as duplicates.
func TestReplayAfterReconnect(t *testing.T) {
	for _, v := range []mining.Verdict{mining.JobNotFound, mining.Duplicate, mining.Stale} {
		r := newRig(t, threat.DefaultConfig())
		r.login(mining.Accepted)
		for range 300 {
			if v == mining.JobNotFound {
				r.tell(pipeline.Event{Kind: pipeline.Refused, Of: mining.Submit, Verdict: v})
			} else {
				r.share(v)
			}
			if r.held != 0 || r.closed != "" {
				t.Fatalf("%v: held %v, closed %q", v, r.held, r.closed)
			}
		}
	}
}

// Probes and health checkers: who connects, or subscribes and logs in, and goes
// again has no score, however often.
func TestProbesAreNoOffence(t *testing.T) {
	for range 1000 {
		r := newRig(t, threat.DefaultConfig())
		a := r.chain.Handle(r.miner, &mining.Request{Kind: mining.Open, At: r.now})
		r.took(a.Hold, a.Close)
		r.login(mining.Accepted)
		r.chain.Leave(r.miner, mining.PeerClosed)
		if r.score() != 0 || r.held != 0 || len(r.standing.offended) != 0 {
			t.Fatalf("score %v, held %v, offended %v", r.score(), r.held, r.standing.offended)
		}
	}
}

// Who is kept out by an operator and tries again, whom a pool does not know though we do,
// and whose share is excused, does nothing wrong.
func TestNoFaultOfTheMiner(t *testing.T) {
	r := newRig(t, threat.DefaultConfig())
	r.login(mining.Accepted)
	r.answer = mining.Answer{Verdict: mining.Unauthorized, Excused: true}
	for range 1000 {
		a := r.chain.Handle(r.miner, &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("alice.paused"), At: r.now})
		r.took(a.Hold, a.Close)
		r.tell(pipeline.Event{Kind: pipeline.Late, Of: mining.Submit, Verdict: mining.Unauthorized, Times: 3})
		a = r.chain.Handle(r.miner, &mining.Request{Kind: mining.Submit, Worker: alice, At: r.now})
		r.took(a.Hold, a.Close)
		if r.score() != 0 || r.held != 0 || r.closed != "" {
			t.Fatalf("score %v, held %v, closed %q", r.score(), r.held, r.closed)
		}
	}
}

// Each offence leads to each answer in its order and in the end to a close, the
// sooner the more it weighs, and the standing is told once.
func TestOffencesAreAnswered(t *testing.T) {
	of := func(v mining.Verdict) func(*rig) { return func(r *rig) { r.share(v) } }
	for _, c := range []struct {
		name   string
		offend func(r *rig)
		within int
	}{
		{"malformed lines", func(r *rig) { r.tell(pipeline.Event{Kind: pipeline.Malformed}) }, 41},
		{"refused logins", func(r *rig) { r.login(mining.Unauthorized) }, 41},
		{"logins refused late", func(r *rig) {
			r.tell(pipeline.Event{Kind: pipeline.Late, Of: mining.Authorize, Verdict: mining.Unauthorized})
		}, 41},
		{"invalid shares", of(mining.Invalid), 150},
		{"duplicates", of(mining.Duplicate), 250},
		{"unknown jobs", of(mining.JobNotFound), 250},
		{"easy shares", of(mining.LowDifficulty), 450},
		{"easy shares, by the pool's word", func(r *rig) {
			r.tell(pipeline.Event{Kind: pipeline.Late, Of: mining.Submit, Verdict: mining.LowDifficulty, Times: 10})
		}, 45},
		{"shares of nobody", func(r *rig) {
			a := r.chain.Handle(r.miner, &mining.Request{Kind: mining.Submit, At: r.now})
			r.took(a.Hold, a.Close)
		}, 250},
		{"shares that the session refused", func(r *rig) {
			r.tell(pipeline.Event{Kind: pipeline.Refused, Of: mining.Submit, Verdict: mining.Invalid})
		}, 110},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := grown(t)
			var levels []threat.Level
			for n := 1; r.closed == ""; n++ {
				if n > c.within {
					t.Fatalf("not closed after %d, score %v", n, r.score())
				}
				// From the second threshold on shares are refused unseen, and only what is
				// no share of a worker goes on to count.
				if r.level() == threat.Refused && r.shares > 0 {
					r.tell(pipeline.Event{Kind: pipeline.Malformed})
				} else {
					c.offend(r)
				}
				if l := r.level(); len(levels) == 0 || levels[len(levels)-1] != l {
					levels = append(levels, l)
				}
				if r.level() >= threat.Slowed && r.held < 50*time.Millisecond {
					t.Fatalf("at %v it is held for %v", r.level(), r.held)
				}
			}
			if len(levels) != 4 || r.closed != mining.Misbehaved {
				t.Errorf("levels %v, closed %q", levels, r.closed)
			}
			for l, n := range r.reached {
				if *n != 1 {
					t.Errorf("%v was reached %d times", l, *n)
				}
			}
			if len(r.standing.offended) != 1 || r.standing.offended[0] != "alice.rig" {
				t.Errorf("offended %v", r.standing.offended)
			}
		})
	}
}

// Somebody who was never let in is answered for unknown methods, and has no login.
func TestProbingForOtherCoins(t *testing.T) {
	r := newRig(t, threat.DefaultConfig())
	for range 110 {
		r.tell(pipeline.Event{Kind: pipeline.Unsupported})
	}
	if r.closed != mining.Misbehaved || len(r.standing.offended) != 1 || r.standing.offended[0] != "" {
		t.Errorf("closed %q, offended %v", r.closed, r.standing.offended)
	}
}

// While shares are refused each goes on as doubted, so that a block is not lost, and
// the miner is told why; by time alone all is well again.
func TestRefusedSharesGoOn(t *testing.T) {
	r := grown(t)
	for r.level() < threat.Refused {
		r.share(mining.Invalid)
	}
	r.doubted = false
	a := r.share(mining.Accepted)
	if !r.doubted || a.Verdict != mining.Invalid || a.Text == "" || !a.Booked || a.Close != "" {
		t.Errorf("doubted %t, answer %+v", r.doubted, a)
	}
	if r.shares != 1 {
		t.Errorf("counted %d", r.shares)
	}
	r.wait(time.Hour)
	if a := r.share(mining.Accepted); r.doubted || a.Verdict != mining.Accepted || a.Hold != 0 {
		t.Errorf("after an hour: doubted %t, answer %+v", r.doubted, a)
	}
}

// Good shares are told to the standing once a minute.
func TestEarned(t *testing.T) {
	r := grown(t)
	for range 120 {
		r.share(mining.Accepted)
		r.wait(time.Second)
	}
	if r.standing.earned != 2 {
		t.Errorf("told %d times in two minutes", r.standing.earned)
	}
}

// Settings can be changed for connections that there are; switched off nothing
// is answered.
func TestReconfigure(t *testing.T) {
	r := grown(t)
	for r.level() < threat.Refused {
		r.share(mining.Invalid)
	}
	cfg := threat.DefaultConfig()
	cfg.Disabled = true
	r.mw.Reconfigure(cfg)
	for range 1000 {
		if a := r.share(mining.Invalid); a.Hold != 0 || a.Close != "" || r.doubted {
			t.Fatalf("switched off: %+v", a)
		}
		r.tell(pipeline.Event{Kind: pipeline.Malformed})
	}
	cfg = threat.DefaultConfig()
	cfg.Slow, cfg.Refuse, cfg.Close = 0, 0, 0
	r.mw.Reconfigure(cfg)
	for range 1000 {
		if a := r.share(mining.Invalid); a.Hold != 0 || a.Close != "" || r.doubted {
			t.Fatalf("without thresholds: %+v", a)
		}
	}
	if r.score() < 1000 {
		t.Errorf("the score is %v", r.score())
	}
}

// A score is never negative nor endless, halves with each half-life and only an
// offence raises it.
func TestScoreDecays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := threat.DefaultConfig()
		cfg.Close, cfg.Refuse = 0, 0
		cfg.HalfLife = time.Duration(rapid.IntRange(1, 3600).Draw(rt, "half_life")) * time.Second
		r := newRig(t, cfg)
		r.wait(time.Hour)
		for range rapid.IntRange(1, 60).Draw(rt, "events") {
			before := r.score()
			d := time.Duration(rapid.IntRange(0, 3600).Draw(rt, "pause")) * time.Second
			r.wait(d)
			want := before * math.Exp2(-float64(d)/float64(cfg.HalfLife))
			v := rapid.SampledFrom(append(mining.Verdicts(), mining.Pending)).Draw(rt, "verdict")
			r.share(v)
			got := r.score()
			switch v {
			case mining.Accepted, mining.Unpaid:
				want = max(want-cfg.Weights.Good, 0)
			case mining.Invalid:
				want += cfg.Weights.Invalid
			case mining.Duplicate:
				want += cfg.Weights.Duplicate
			case mining.JobNotFound:
				want += cfg.Weights.JobNotFound
			case mining.LowDifficulty:
				want += cfg.Weights.LowDifficulty
			case mining.Unauthorized:
				want += cfg.Weights.Stranger
			case mining.Stale, mining.Unanswered, mining.Pending:
			}
			if math.Abs(got-want) > 0.02+1e-5*want || got < 0 {
				rt.Fatalf("%v after %v: score %v, want %v", v, d, got, want)
			}
		}
	})
}

// A share is judged without allocation, good or bad.
func TestShareDoesNotAllocate(t *testing.T) {
	for _, v := range []mining.Verdict{mining.Accepted, mining.LowDifficulty} {
		r := grown(t)
		cfg := threat.DefaultConfig()
		cfg.Refuse, cfg.Close = 0, 0
		r.mw.Reconfigure(cfg)
		r.answer = mining.Answer{Verdict: v}
		req := &mining.Request{Kind: mining.Submit, Worker: alice, At: r.now}
		e := pipeline.Event{Kind: pipeline.Late, Of: mining.Submit, Verdict: v, At: r.now, Times: 1}
		if n := testing.AllocsPerRun(1000, func() {
			req.At = req.At.Add(time.Second)
			r.chain.Handle(r.miner, req)
			r.chain.Tell(r.miner, e)
		}); n != 0 {
			t.Errorf("%v: %v allocations", v, n)
		}
	}
}

func BenchmarkGoodShare(b *testing.B) {
	mw := threat.New(threat.DefaultConfig(), nil, threat.Metrics{})
	chain := pipeline.Compile(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer {
		return mining.Answer{Verdict: mining.Accepted}
	}), mw)
	m := &mining.Miner{}
	req := &mining.Request{Kind: mining.Submit, Worker: alice, At: time.Unix(1_700_000_000, 0)}
	chain.Enter(m, req.At)
	for b.Loop() {
		req.At = req.At.Add(time.Millisecond)
		chain.Handle(m, req)
	}
}
