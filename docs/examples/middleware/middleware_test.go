package middleware_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/docs/examples/middleware"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

type counter int

func (c *counter) Inc() { *c++ }

// rig is the middleware before a handler that gives a scripted verdict.
type rig struct {
	mw      *middleware.Middleware
	chain   *pipeline.Chain
	verdict mining.Verdict
	refused counter
}

func newRig(most int) *rig {
	r := &rig{verdict: mining.Accepted}
	r.mw = middleware.New(middleware.Config{MaxWorkers: most}, middleware.Metrics{Refused: &r.refused})
	r.chain = pipeline.Compile(pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		return mining.Answer{Ticket: req.Ticket, Verdict: r.verdict}
	}), r.mw)
	return r
}

func (r *rig) connect() *mining.Miner {
	m := &mining.Miner{}
	r.chain.Enter(m, time.Unix(0, 0))
	return m
}

func (r *rig) login(m *mining.Miner) mining.Verdict {
	return r.chain.Handle(m, &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("a.b")}).Verdict
}

func TestMaxWorkers(t *testing.T) {
	r := newRig(2)
	m := r.connect()
	for i, want := range []mining.Verdict{mining.Accepted, mining.Accepted, mining.Unauthorized} {
		if got := r.login(m); got != want {
			t.Errorf("login %d: %v, want %v", i+1, got, want)
		}
	}
	if got := r.login(r.connect()); got != mining.Accepted {
		t.Errorf("another connection's login: %v", got)
	}
	if r.refused != 1 {
		t.Errorf("counted %d", r.refused)
	}
	r.mw.Reconfigure(middleware.Config{})
	if got := r.login(m); got != mining.Accepted {
		t.Errorf("without a bound: %v", got)
	}
}

// A login that others refuse does not count, one that is let in late does.
func TestWhatCounts(t *testing.T) {
	r := newRig(1)
	m := r.connect()
	r.verdict = mining.Unauthorized
	r.login(m)
	r.verdict = mining.Pending
	if got := r.login(m); got != mining.Pending {
		t.Fatalf("after a refused login: %v", got)
	}
	r.chain.Tell(m, pipeline.Event{Kind: pipeline.Late, Of: mining.Authorize, Verdict: mining.Accepted, Times: 1})
	if got := r.login(m); got != mining.Unauthorized {
		t.Errorf("after one that was let in late: %v", got)
	}
}

func TestShareDoesNotAllocate(t *testing.T) {
	r := newRig(1)
	m, req := r.connect(), &mining.Request{Kind: mining.Submit}
	if n := testing.AllocsPerRun(1000, func() { r.chain.Handle(m, req) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
