package pipeline_test

import (
	"slices"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// pass notes that it saw a request and hands it on.
type pass struct {
	name  string
	seen  *[]string
	wraps int
}

func (p *pass) Name() string { return p.name }

func (p *pass) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	p.wraps++
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
		*p.seen = append(*p.seen, p.name)
		return next.Handle(m, req)
	})
}

// stop refuses everything.
type stop struct{}

func (stop) Name() string { return "stop" }

func (stop) Wrap(pipeline.Handler, pipeline.Slot) pipeline.Handler {
	return pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		return pipeline.Refuse(req, mining.Unauthorized)
	})
}

func TestCompileKeepsTheOrder(t *testing.T) {
	var seen []string
	a, b := &pass{name: "a", seen: &seen}, &pass{name: "b", seen: &seen}
	last := pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		seen = append(seen, "last")
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	})
	h := pipeline.Compile(last, a, b)
	for range 2 {
		seen = nil
		got := h.Handle(&mining.Miner{}, &mining.Request{Ticket: 7})
		if got != (mining.Answer{Ticket: 7, Verdict: mining.Accepted}) {
			t.Errorf("answer %+v", got)
		}
		if !slices.Equal(seen, []string{"a", "b", "last"}) {
			t.Errorf("walked %v", seen)
		}
	}
	if a.wraps != 1 || b.wraps != 1 {
		t.Errorf("wrapped %d and %d times", a.wraps, b.wraps)
	}
}

func TestCompileOfNothing(t *testing.T) {
	last := pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer {
		return mining.Answer{Verdict: mining.Stale}
	})
	if got := pipeline.Compile(last).Handle(nil, &mining.Request{}); got.Verdict != mining.Stale {
		t.Errorf("answer %+v", got)
	}
}

func TestRefusalEndsTheWalk(t *testing.T) {
	var seen []string
	last := pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer {
		t.Error("the last handler was asked")
		return mining.Answer{}
	})
	h := pipeline.Compile(last, &pass{name: "a", seen: &seen}, stop{}, &pass{name: "b", seen: &seen})
	got := h.Handle(nil, &mining.Request{Ticket: 3})
	if got != (mining.Answer{Ticket: 3, Verdict: mining.Unauthorized}) || !slices.Equal(seen, []string{"a"}) {
		t.Errorf("answer %+v, walked %v", got, seen)
	}
}
