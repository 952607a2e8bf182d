package link_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
)

// How long it took to reach the pool is known of the connection, and of the pool
// while it is away.
func TestConnectTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const took = 30 * time.Millisecond
		pool, near := newFakePool(t)
		first := true
		k := link.NewKeeper(link.KeeperConfig{Link: testConfig(), Username: "acct"}, link.KeeperDeps{
			Dial: func(context.Context, dial.Endpoint) (net.Conn, error) {
				if !first {
					return nil, errNoRoute
				}
				first = false
				time.Sleep(took)
				return near, nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			_ = k.Run(ctx)
			close(done)
		}()
		pool.want(subscribe1)
		if s := k.Status(); s.Connect != 0 {
			t.Errorf("before the pool has spoken it is %v", s.Connect)
		}
		pool.say(ckpool1)
		synctest.Wait()
		if s := k.Status(); s.Connect != took || s.State != link.Connecting {
			t.Errorf("status is %+v", s)
		}
		_ = pool.conn.Close()
		time.Sleep(time.Minute)
		if s := k.Status(); s.Connect != took || s.State != link.Down || s.Attempts < 2 {
			t.Errorf("status is %+v", s)
		}
		cancel()
		<-done
	})
}

// Of a link it is known as long as it lives.
func TestConnectTimeOfALink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool, near := newFakePool(t)
		r := newRig(t, testConfig(), func(d *link.Deps) {
			d.Dial = func(context.Context, dial.Endpoint) (net.Conn, error) {
				time.Sleep(time.Second)
				return near, nil
			}
		})
		if got := r.link.Info().Connect; got != 0 {
			t.Errorf("before it is reached it is %v", got)
		}
		pool.want(subscribe1)
		if got := r.link.Info().Connect; got != time.Second {
			t.Errorf("it is %v", got)
		}
		_ = pool.conn.Close()
		<-r.done
		r.cancel()
	})
}
