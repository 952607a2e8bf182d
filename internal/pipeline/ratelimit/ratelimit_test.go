package ratelimit_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
)

type counter int

func (c *counter) Inc() { *c++ }

// rig is the middleware before a handler that accepts all.
type rig struct {
	mw    *ratelimit.Middleware
	chain *pipeline.Chain
	now   time.Time
}

func newRig(cfg ratelimit.Config, metrics ratelimit.Metrics) *rig {
	r := &rig{mw: ratelimit.New(cfg, metrics), now: time.Unix(1_700_000_000, 0)}
	r.chain = pipeline.Compile(pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	}), r.mw)
	return r
}

// connect lets a miner in from an address.
func (r *rig) connect(addr string) *mining.Miner {
	m := &mining.Miner{}
	m.Remote = netip.MustParseAddrPort(addr + ":1000")
	r.chain.Enter(m, r.now)
	return m
}

// send sends lines of one kind, all at once, and returns the longest hold.
func (r *rig) send(m *mining.Miner, kind mining.RequestKind, w *mining.Worker, n int) (hold time.Duration) {
	for range n {
		a := r.chain.Handle(m, &mining.Request{Kind: kind, Worker: w, At: r.now})
		if a.Verdict != mining.Accepted {
			panic("the limit refused")
		}
		hold = max(hold, a.Hold)
	}
	return hold
}

// Each kind of line has its own bucket; past it the reader is held for the next
// token, and the line is answered all the same.
func TestKinds(t *testing.T) {
	cfg := ratelimit.Config{
		Submits: ratelimit.Rate{PerSecond: 10, Burst: 5}, Logins: ratelimit.Rate{PerSecond: 1, Burst: 2},
		Others: ratelimit.Rate{PerSecond: 2, Burst: 3},
	}
	w := mining.NewWorker("a.b")
	for _, c := range []struct {
		kind mining.RequestKind
		free int
		each time.Duration
	}{
		{mining.Submit, 5, 100 * time.Millisecond},
		{mining.Authorize, 2, time.Second},
		{mining.Open, 3, 500 * time.Millisecond},
		{mining.Negotiate, 3, 500 * time.Millisecond},
		{mining.Suggest, 3, 500 * time.Millisecond},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			var n [3]counter
			r := newRig(cfg, ratelimit.Metrics{Submits: &n[0], Logins: &n[1], Others: &n[2]})
			m := r.connect("192.0.2.1")
			if hold := r.send(m, c.kind, w, c.free); hold != 0 {
				t.Errorf("held for %v within the burst", hold)
			}
			if hold := r.send(m, c.kind, w, 1); hold != c.each {
				t.Errorf("held for %v, want %v", hold, c.each)
			}
			if n[0]+n[1]+n[2] != 1 {
				t.Errorf("counted %v", n)
			}
			r.now = r.now.Add(2 * c.each)
			if hold := r.send(m, c.kind, w, 1); hold != 0 {
				t.Errorf("held for %v after the wait", hold)
			}
		})
	}
}

// Lines that are no request count, too.
func TestLinesThatAreNoRequest(t *testing.T) {
	r := newRig(ratelimit.Config{Submits: ratelimit.Rate{PerSecond: 1, Burst: 1}, Others: ratelimit.Rate{PerSecond: 1, Burst: 1}}, ratelimit.Metrics{})
	for _, c := range []struct {
		event pipeline.Event
		held  bool
	}{
		{pipeline.Event{Kind: pipeline.Answered}, true},
		{pipeline.Event{Kind: pipeline.Malformed}, true},
		{pipeline.Event{Kind: pipeline.Unsupported}, true},
		{pipeline.Event{Kind: pipeline.Refused, Of: mining.Submit, Verdict: mining.JobNotFound}, true},
		{pipeline.Event{Kind: pipeline.Retargeted}, false},
		{pipeline.Event{Kind: pipeline.Late, Of: mining.Submit, Verdict: mining.Accepted}, false},
	} {
		m := r.connect("192.0.2.1")
		c.event.At, c.event.Times = r.now, 1
		if hold := r.chain.Tell(m, c.event).Hold; hold != 0 {
			t.Errorf("%+v: the first is held for %v", c.event, hold)
		}
		if hold := r.chain.Tell(m, c.event).Hold; hold > 0 != c.held {
			t.Errorf("%+v: the second is held for %v", c.event, hold)
		}
	}
}

// The default limits are never met by a machine of 300 TH/s at a difficulty from
// which on it is worth being answered, nor by a proxy that brings several of the like, nor by a NAT address behind which 18,000
// machines log in within ten seconds.
func TestWhoIsNotMet(t *testing.T) {
	w := mining.NewWorker("farm.1")
	t.Run("256 logins at once", func(t *testing.T) {
		r := newRig(ratelimit.DefaultConfig(), ratelimit.Metrics{})
		if hold := r.send(r.connect("192.0.2.1"), mining.Authorize, w, 256); hold != 0 {
			t.Errorf("held for %v", hold)
		}
	})
	t.Run("300 TH/s at difficulty 256", func(t *testing.T) {
		r := newRig(ratelimit.DefaultConfig(), ratelimit.Metrics{})
		m := r.connect("192.0.2.1")
		rate := 300e12 / (256 * math.Pow(2, 32)) // 273 shares a second
		for range 60 * int(rate) {
			if hold := r.send(m, mining.Submit, w, 1); hold != 0 {
				t.Fatalf("held for %v", hold)
			}
			r.now = r.now.Add(time.Duration(float64(time.Second) / rate))
		}
	})
	t.Run("a minute of shares at once", func(t *testing.T) { // firmware that was cut off resends up to two
		r := newRig(ratelimit.DefaultConfig(), ratelimit.Metrics{})
		if hold := r.send(r.connect("192.0.2.1"), mining.Submit, w, 3000); hold != 0 {
			t.Errorf("held for %v", hold)
		}
	})
	t.Run("a proxy with 16 workers", func(t *testing.T) {
		r := newRig(ratelimit.DefaultConfig(), ratelimit.Metrics{})
		m := r.connect("192.0.2.1")
		if hold := r.send(m, mining.Authorize, w, 16); hold != 0 {
			t.Fatalf("the logins are held for %v", hold)
		}
		if hold := r.send(m, mining.Submit, w, 16*3000); hold != 0 {
			t.Errorf("held for %v", hold)
		}
		if hold := r.send(m, mining.Submit, w, 1); hold == 0 {
			t.Error("there is no limit at all")
		}
	})
	t.Run("18,000 machines at one address", func(t *testing.T) {
		r := newRig(ratelimit.DefaultConfig(), ratelimit.Metrics{})
		for range 18_000 {
			m := r.connect("192.0.2.1")
			for _, kind := range []mining.RequestKind{mining.Negotiate, mining.Open, mining.Authorize, mining.Suggest, mining.Submit} {
				if hold := r.send(m, kind, w, 1); hold != 0 {
					t.Fatalf("%v is held for %v", kind, hold)
				}
			}
		}
	})
}

// What connections share is by worker, address and subnet, across connections and
// reconnects, and only where it is configured.
func TestShared(t *testing.T) {
	one := ratelimit.Rate{PerSecond: 1, Burst: 1}
	a, b := mining.NewWorker("a"), mining.NewWorker("b")
	for _, c := range []struct {
		name       string
		cfg        ratelimit.Config
		from       string
		worker     *mining.Worker
		held       bool
		fromOther  string
		otherIsMet bool
	}{
		{"worker", ratelimit.Config{Worker: one}, "203.0.113.9", mining.NewWorker("a"), true, "192.0.2.1", false},
		{"address", ratelimit.Config{Address: one}, "192.0.2.1", b, true, "192.0.2.2", false},
		{"address in IPv6 clothes", ratelimit.Config{Address: one}, "[::ffff:192.0.2.1]", b, true, "192.0.2.2", false},
		{"subnet", ratelimit.Config{Subnet: one}, "192.0.2.77", b, true, "192.0.3.1", false},
		{"wider subnet", ratelimit.Config{Subnet: one, Bits4: 16}, "192.0.99.77", b, true, "192.1.2.1", false},
		{"off", ratelimit.Config{}, "192.0.2.1", a, false, "192.0.2.1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(c.cfg, ratelimit.Metrics{})
			first := r.connect("192.0.2.1")
			if hold := r.send(first, mining.Submit, a, 1); hold != 0 {
				t.Fatalf("the first share is held for %v", hold)
			}
			r.chain.Leave(first, mining.PeerClosed)
			if hold := r.send(r.connect(c.from), mining.Submit, c.worker, 1); hold > 0 != c.held {
				t.Errorf("held for %v", hold)
			}
			if hold := r.send(r.connect(c.fromOther), mining.Submit, mining.NewWorker("c"), 1); hold > 0 != c.otherIsMet {
				t.Errorf("somebody else is held for %v", hold)
			}
		})
	}
}

// Other settings hold for connections that there are.
func TestReconfigure(t *testing.T) {
	r := newRig(ratelimit.Config{}, ratelimit.Metrics{})
	m := r.connect("192.0.2.1")
	if hold := r.send(m, mining.Submit, nil, 10_000); hold != 0 {
		t.Fatalf("held for %v without limits", hold)
	}
	r.mw.Reconfigure(ratelimit.Config{Submits: ratelimit.Rate{PerSecond: 0.01, Burst: 1}, MaxHold: 7 * time.Second})
	if hold := r.send(m, mining.Submit, nil, 2); hold != 7*time.Second {
		t.Errorf("held for %v, want the most", hold)
	}
}

// A share takes its tokens without allocation, with every limit on.
func TestShareDoesNotAllocate(t *testing.T) {
	all := ratelimit.Rate{PerSecond: 1e9, Burst: 1 << 30}
	r := newRig(ratelimit.Config{Submits: all, Logins: all, Others: all, Worker: all, Address: all, Subnet: all}, ratelimit.Metrics{})
	m := r.connect("192.0.2.1")
	ws := make([]*mining.Worker, 0, 8)
	for i := range 8 {
		ws = append(ws, mining.NewWorker(fmt.Sprint("u.", i)))
	}
	req := &mining.Request{Kind: mining.Submit, At: r.now}
	i := 0
	for range 8 {
		req.Worker = ws[i%8]
		i++
		r.chain.Handle(m, req)
	}
	if n := testing.AllocsPerRun(1000, func() {
		req.Worker = ws[i%8]
		i++
		if r.chain.Handle(m, req).Hold != 0 {
			t.Fatal("held")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkShare(b *testing.B) {
	r := newRig(ratelimit.DefaultConfig(), ratelimit.Metrics{})
	m := r.connect("192.0.2.1")
	req := &mining.Request{Kind: mining.Submit, At: r.now}
	for b.Loop() {
		r.chain.Handle(m, req)
	}
}
