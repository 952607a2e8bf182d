package link_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

// gate is a breaker, and links that are run past it.
type gate struct {
	t       *testing.T
	b       *link.Breaker
	changes atomic.Int32
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{t: t}
	g.b = link.NewBreaker(func() { g.changes.Add(1) })
	return g
}

// try runs a link that the pool subscribes, or to which nobody listens, and says
// whether the breaker let it. The link that goes on is nil where none does.
func (g *gate) try(pool bool) (r *rig, let bool) {
	g.t.Helper()
	if !g.b.Allow() {
		return nil, false
	}
	r = newRig(g.t, testConfig(), func(d *link.Deps) {
		d.Breaker = g.b
		if !pool {
			d.Dial = func(context.Context, dial.Endpoint) (net.Conn, error) { return nil, errNoRoute }
		}
	})
	if !pool {
		r.wantEnd(mining.DialFailed)
		return nil, true
	}
	return r, true
}

func (g *gate) want(state link.BreakerState) {
	g.t.Helper()
	synctest.Wait()
	if got := g.b.State(); got != state {
		g.t.Errorf("the breaker is %s, want %s", got, state)
	}
}

// Three connections in a row that fail open the breaker; after a second one may
// try, and decides.
func TestBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		fail := func(n int) {
			t.Helper()
			for range n {
				if _, let := g.try(false); !let {
					t.Error("a closed breaker does not let a link")
				}
			}
		}
		fail(2)
		g.want(link.Closed)
		r, _ := g.try(true)
		r.steady()
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
		fail(2) // the count has begun anew
		g.want(link.Closed)
		fail(1)
		g.want(link.Open)
		if g.b.Allow() || g.b.Wait() != time.Second {
			t.Errorf("an open breaker lets a link, or wants %v", g.b.Wait())
		}
		time.Sleep(time.Second)
		if _, let := g.try(false); !let {
			t.Error("nobody may try")
		}
		g.want(link.Open)
		time.Sleep(time.Second)
		r, let := g.try(true)
		if !let {
			t.Fatal("nobody may try")
		}
		g.want(link.HalfOpen)
		if g.b.Allow() {
			t.Error("two try at once")
		}
		r.steady()
		g.want(link.Closed)
		if got := g.changes.Load(); got != 5 {
			t.Errorf("%d changes were told", got)
		}
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
		g.want(link.Closed)
	})
}

// A link that we end ourselves says nothing of the pool, and leaves nobody
// waiting.
func TestBreakerOfALinkThatWeEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		for range 5 {
			r, _ := g.try(true)
			r.pool.want(subscribe1)
			r.link.Close(mining.NoMiners)
			r.wantEnd(mining.NoMiners)
		}
		g.want(link.Closed)
		for range 3 {
			g.try(false)
		}
		time.Sleep(time.Second)
		r, _ := g.try(true)
		g.want(link.HalfOpen)
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
		g.want(link.Open)
		time.Sleep(time.Second)
		if _, let := g.try(false); !let {
			t.Error("nobody may try any more")
		}
	})
}

// The probe opens the breaker by its first failure and tries at its own pace; what
// it is refused later is no trouble of the pool's.
func TestBreakerOfTheProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		var refuse atomic.Bool
		refuse.Store(true)
		k := link.NewKeeper(link.KeeperConfig{Link: testConfig(), Username: "acct"}, link.KeeperDeps{
			Breaker: g.b,
			Dial: func(context.Context, dial.Endpoint) (net.Conn, error) {
				time.Sleep(time.Millisecond)
				if refuse.Load() {
					return nil, errNoRoute
				}
				pool, near := newFakePool(t)
				go func() {
					pool.want(subscribe1)
					pool.say(ckpool1)
					pool.hear()
					pool.say(`{"id":2,"result":false,"error":[24,"Unauthorized worker",null]}`)
				}()
				return near, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			_ = k.Run(ctx)
			close(done)
		}()
		time.Sleep(2 * time.Millisecond)
		g.want(link.Open)
		if k.State() != link.Down || g.b.Allow() {
			t.Errorf("the pool is %s, and links are let", k.State())
		}
		was := k.Status().Attempts
		time.Sleep(5 * time.Minute)
		if n := k.Status().Attempts - was; n < 5*2 || n > 60 {
			t.Errorf("the probe tried %d times in 5 minutes", n)
		}
		refuse.Store(false)
		time.Sleep(time.Minute)
		g.want(link.Closed)
		if s := k.Status(); s.Reason != mining.PoolAuthorizeRefused {
			t.Errorf("status is %+v", s)
		}
		cancel()
		<-done
	})
}
