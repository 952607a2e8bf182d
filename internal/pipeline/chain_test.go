package pipeline_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/identity"
	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/pipeline/patterns"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
	"github.com/loka/stratum/internal/pipeline/threat"
	"github.com/loka/stratum/internal/pipeline/validate"
	"github.com/loka/stratum/work"
)

// keeper keeps a number of each miner, and answers events and requests by it.
type keeper struct {
	name string
	slot pipeline.Slot
	left []int
	hold time.Duration
}

func (k *keeper) Name() string { return k.name }

func (k *keeper) Wrap(next pipeline.Handler, slot pipeline.Slot) pipeline.Handler {
	k.slot = slot
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
		*pipeline.Kept[int](m, slot)++
		return next.Handle(m, req)
	})
}

func (k *keeper) Enter(*mining.Miner, time.Time) any { return new(int) }

func (k *keeper) Leave(_ *mining.Miner, state any, _ mining.Reason) {
	n, _ := state.(*int)
	k.left = append(k.left, *n)
}

func (k *keeper) Watch(_ *mining.Miner, state any, _ pipeline.Event) pipeline.Reaction {
	n, _ := state.(*int)
	*n += 100
	r := pipeline.Reaction{Hold: k.hold}
	if k.hold > 0 {
		r.Close = mining.Reason(k.name)
	}
	return r
}

func grant(_ *mining.Miner, req *mining.Request) mining.Answer {
	return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
}

// Each middleware has a state of its own for each miner, found by its slot, and
// gets it back when the miner leaves.
func TestSlots(t *testing.T) {
	var seen []string
	a, b := &keeper{name: "a"}, &keeper{name: "b", hold: 2}
	c := pipeline.Compile(pipeline.HandlerFunc(grant), a, &pass{name: "stateless", seen: &seen}, b)
	m1, m2 := &mining.Miner{ID: 1}, &mining.Miner{ID: 2}
	for _, m := range []*mining.Miner{m1, m2} {
		c.Enter(m, time.Time{})
	}
	c.Handle(m1, &mining.Request{})
	c.Handle(m1, &mining.Request{})
	c.Handle(m2, &mining.Request{})
	if r := c.Tell(m2, pipeline.Event{}); r != (pipeline.Reaction{Close: "b", Hold: 2}) {
		t.Errorf("reaction %+v", r)
	}
	*pipeline.Kept[int](m2, b.slot) = 77
	c.Leave(m1, mining.PeerClosed)
	c.Leave(m2, mining.PeerClosed)
	if !slices.Equal(a.left, []int{2, 101}) || !slices.Equal(b.left, []int{2, 77}) {
		t.Errorf("a left %v, b %v", a.left, b.left)
	}
	if got := c.Names(); !slices.Equal(got, []string{"a", "stateless", "b"}) {
		t.Errorf("names %v", got)
	}
}

// A slot of a miner that has none, or something else in it, is nil.
func TestNoSlot(t *testing.T) {
	if pipeline.Slot(0).Of(nil) != nil || pipeline.Slot(3).Of(&mining.Miner{Slots: make([]any, 3)}) != nil {
		t.Error("something is there")
	}
	if pipeline.Kept[int](&mining.Miner{Slots: []any{"text"}}, 0) != nil {
		t.Error("a text is a number")
	}
}

// What a route leaves out sees neither requests nor events of its miners; another
// miner's, and those before it has a route, go all the way.
func TestSkip(t *testing.T) {
	a, b := &keeper{name: "a", hold: 1}, &keeper{name: "b"}
	c := pipeline.Compile(pipeline.HandlerFunc(grant), a, b)
	routes := map[mining.MinerID]string{1: "farm", 2: "other"}
	routeOf := func(m *mining.Miner) string { return routes[m.ID] }
	seen := func(id mining.MinerID) (inA, inB int) {
		m := &mining.Miner{ID: id}
		c.Enter(m, time.Time{})
		c.Handle(m, &mining.Request{Skip: 1 << 63})
		c.Tell(m, pipeline.Event{})
		return *pipeline.Kept[int](m, a.slot), *pipeline.Kept[int](m, b.slot)
	}
	check := func(what string, id mining.MinerID, wantA, wantB int) {
		t.Helper()
		if inA, inB := seen(id); inA != wantA || inB != wantB {
			t.Errorf("%s: a saw %d, b %d; want %d, %d", what, inA, inB, wantA, wantB)
		}
	}
	check("nothing is left out", 1, 101, 101)
	if err := c.Skip(routeOf, map[string][]string{"farm": {"a"}}); err != nil {
		t.Fatal(err)
	}
	check("its route leaves a out", 1, 0, 101)
	check("another route", 2, 101, 101)
	check("no route yet", 3, 101, 101)
	err := c.Skip(routeOf, map[string][]string{"farm": {"b", "c"}})
	if unknown, ok := errors.AsType[*pipeline.UnknownError](err); !ok || unknown.Name != "c" || err.Error() == "" {
		t.Errorf("an unknown name: %v", err)
	}
	check("after a mistake", 1, 0, 101)
	if err := c.Skip(routeOf, map[string][]string{"farm": {"a", "b"}, "other": {"b"}}); err != nil {
		t.Fatal(err)
	}
	check("all left out", 1, 0, 0)
	check("another route's", 2, 101, 0)
	if err := c.Skip(routeOf, nil); err != nil {
		t.Fatal(err)
	}
	check("nothing again", 1, 101, 101)
}

func TestReactions(t *testing.T) {
	a := pipeline.Reaction{Close: "a", Hold: 1}.Add(pipeline.Reaction{Close: "b", Hold: 2})
	if a != (pipeline.Reaction{Close: "a", Hold: 2}) {
		t.Errorf("%+v", a)
	}
	got := a.Into(mining.Answer{Ticket: 7, Close: "first", Hold: 1})
	if got != (mining.Answer{Ticket: 7, Close: "first", Hold: 2}) {
		t.Errorf("%+v", got)
	}
	if got := a.Into(mining.Answer{}); got != (mining.Answer{Close: "a", Hold: 2}) {
		t.Errorf("%+v", got)
	}
}

// guarded is the whole chain of the product, in its order, before last.
func guarded(last pipeline.Handler) *pipeline.Chain {
	l, err := logins.New(logins.Config{Allow: []string{"u.*"}}, nil, logins.Metrics{})
	if err != nil {
		panic(err)
	}
	return pipeline.Compile(
		last,
		threat.New(threat.DefaultConfig(), nil, threat.Metrics{}),
		ratelimit.New(ratelimit.DefaultConfig(), ratelimit.Metrics{}),
		validate.New(validate.Config{}, validate.Metrics{}),
		patterns.New(patterns.Config{Worker: patterns.List{Deny: []string{"x"}}}, patterns.Metrics{}),
		identity.New(identity.Config{}, identity.Metrics{}),
		l,
	)
}

// goodShare is a share as a session makes it.
func goodShare() *mining.Request {
	en2, _ := work.MakeExtranonce([]byte{1, 2, 3, 4})
	return &mining.Request{
		Kind: mining.Submit, Ticket: 1, Worker: mining.NewWorker("u.w"), At: time.Unix(1_700_000_000, 0),
		Share: mining.Share{Job: 1, Known: true, Extranonce2: en2, NTime: 1},
	}
}

// A share walks the chain of the product without allocation, with a route that
// leaves something out or without.
func TestGuardedChainDoesNotAllocate(t *testing.T) {
	c := guarded(pipeline.HandlerFunc(grant))
	m, req := &mining.Miner{ID: 1}, goodShare()
	c.Enter(m, req.At)
	for _, skip := range []map[string][]string{nil, {"farm": {"rate_limit"}}} {
		if err := c.Skip(func(*mining.Miner) string { return "farm" }, skip); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(1000, func() {
			req.At = req.At.Add(10 * time.Millisecond)
			if a := c.Handle(m, req); a.Verdict != mining.Accepted || a.Hold != 0 {
				t.Fatal("refused or held")
			}
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func BenchmarkGuardedShare(b *testing.B) {
	c := guarded(pipeline.HandlerFunc(grant))
	m, req := &mining.Miner{ID: 1}, goodShare()
	c.Enter(m, req.At)
	for b.Loop() {
		req.At = req.At.Add(10 * time.Millisecond)
		c.Handle(m, req)
	}
}

func BenchmarkBareShare(b *testing.B) {
	c := pipeline.Compile(pipeline.HandlerFunc(grant), validate.New(validate.Config{}, validate.Metrics{}), identity.New(identity.Config{}, identity.Metrics{}))
	m, req := &mining.Miner{ID: 1}, goodShare()
	for b.Loop() {
		c.Handle(m, req)
	}
}
