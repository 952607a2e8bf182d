package bans_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/guard/bans"
)

// TestClockSetBack has bans begin, and one of them end, by a clock that is years ahead:
// once it is right they hold for what they are to hold from then on, over a restart as
// well, and what was over is over.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		s := newShop()
		run := func() (b *bans.Book, stop func()) {
			b = bans.New(terms(), bans.Deps{Store: s, Now: now})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = b.Run(ctx) })
			return b, func() { cancel(); wg.Wait() }
		}
		held := func(b *bans.Book, at string, want ...bool) {
			t.Helper()
			for i, addr := range []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"} {
				if _, got := b.Login(ip(addr), "farm.a", now()); got != want[i] {
					t.Errorf("%s: %s is kept out: %t", at, addr, got)
				}
			}
		}
		b, stop := run()
		ahead.Store(int64(10 * 365 * 24 * time.Hour))
		worker := bans.Subject{Prefix: subject(t, "192.0.2.7", "").Prefix, Login: "farm.a"}
		b.Threat(worker, "test", now())
		time.Sleep(11 * time.Minute)
		b.Threat(bans.SiteOf(ip("192.0.2.8")), "test", now())
		if _, err := b.Add(bans.Order{Subject: subject(t, "192.0.2.9", ""), Kind: bans.Ban, For: time.Hour}, now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		held(b, "by the wrong clock", false, true, true)

		ahead.Store(0)
		time.Sleep(6 * time.Second)
		held(b, "by the right clock", false, true, true)
		time.Sleep(10 * time.Minute)
		held(b, "ten minutes later", false, false, true)
		if e, ok := b.Threat(worker, "test", now()); !ok || e.Times != 2 {
			t.Errorf("the next one is %+v, %t", e, ok)
		}
		stop()
		b, stop = run()
		time.Sleep(time.Hour)
		held(b, "after a restart", false, false, false)
		stop()
	})
}
