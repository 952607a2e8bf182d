package hub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
)

// A pool's state says whether miners work for it, why, and since when.
func TestConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := sharedPool("first"), sharedPool("second")
		second.slow = 5 * time.Second
		began := time.Now()
		h := buildShared(t, []*fakePool{first, second}, nil)
		expect := func(what string, states ...hub.PoolCondition) {
			t.Helper()
			for i, p := range h.hub.Pools() {
				got, want := p.Condition, states[i]
				if got.State != want.State || got.Reason != want.Reason || (got.Error != "") != (want.Error != "") {
					t.Errorf("%s: %s is %+v, want %+v", what, p.Name, got, want)
				}
				if off := got.Since.Sub(want.Since); off < 0 || off > time.Second {
					t.Errorf("%s: %s is so since %v after the start, want %v", what, p.Name, got.Since.Sub(began), want.Since.Sub(began))
				}
			}
		}
		is := func(s hub.Condition, why string, since time.Time) hub.PoolCondition {
			return hub.PoolCondition{State: s, Reason: why, Since: since}
		}
		wrong := func(s hub.Condition, why string, since time.Time) hub.PoolCondition {
			return hub.PoolCondition{State: s, Reason: why, Since: since, Error: "something"}
		}
		pass(time.Second)
		expect("at the start", is(hub.PoolStandby, "no_miner", began), is(hub.PoolConnecting, "first_connection", began))
		pass(10 * time.Second)
		up := began.Add(5 * time.Second)
		expect("both are up", is(hub.PoolStandby, "no_miner", began), is(hub.PoolStandby, "not_preferred", up))
		g, came := h.bring(1, "alice"), time.Now()
		pass(10 * time.Second)
		expect("with a miner", is(hub.PoolActive, "serving", came), is(hub.PoolStandby, "not_preferred", up))
		h.hub.DrainPool("first", true)
		drained := time.Now()
		pass(10 * time.Second)
		expect("drained", is(hub.PoolStandby, "drained", drained), is(hub.PoolActive, "serving", drained))
		second.refuse.Store(true)
		second.closeAll()
		lost := time.Now()
		pass(10 * time.Second)
		expect("nothing else", is(hub.PoolActive, "drained", lost.Add(time.Second)), wrong(hub.PoolDown, "dial_failed", lost))
		// Nobody has asked: when it was is known all the same.
		g.leave()
		left := time.Now()
		pass(30 * time.Second)
		expect("nobody", is(hub.PoolStandby, "drained", left), wrong(hub.PoolDown, "dial_failed", lost))
	})
}
