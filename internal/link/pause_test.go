package link_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

// A pool that is paused is not connected until it is resumed, whatever it was
// doing before.
func TestPause(t *testing.T) {
	for name, c := range map[string]struct {
		script func(n int, pool *fakePool) error
		before time.Duration // of the pause
	}{
		"active":       {func(_ int, pool *fakePool) error { serves(pool); return nil }, time.Minute},
		"in handshake": {func(int, *fakePool) error { return nil }, time.Second},
		"at the start": {func(int, *fakePool) error { return nil }, 0},
		"between tries": {func(n int, _ *fakePool) error {
			if n == 1 {
				return errNoRoute
			}
			return nil
		}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbed(t, c.script)
			time.Sleep(c.before)
			began := p.attempts()
			p.k.Pause(mining.PoolDisabled, "off")
			p.k.Pause(mining.PoolDisabled, "twice")
			time.Sleep(time.Hour)
			synctest.Wait()
			if s := p.k.Status(); s.State != link.Down || s.Reason != mining.PoolDisabled || s.Error != "off" {
				t.Errorf("%s: paused: %+v", name, s)
			}
			if n := p.attempts() - began; n > 0 {
				t.Errorf("%s: %d connections while it is paused", name, n)
			}
			p.k.Resume()
			p.k.Resume()
			if s := p.k.Status(); s.State != link.Connecting || s.Reason != "" || time.Since(s.Since) != 0 {
				t.Errorf("%s: resumed: %+v", name, s)
			}
			time.Sleep(time.Second)
			if n := p.attempts() - began; n != 1 {
				t.Errorf("%s: %d connections after the pause, want one at once", name, n)
			}
			if n := p.logged("pool is down"); n > 1 {
				t.Errorf("%s: the pause is logged as trouble", name)
			}
			p.end()
		})
	}
}

// A pause may come before Run, which waits for its own end only.
func TestPauseBeforeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []link.State
		k := link.NewKeeper(link.KeeperConfig{Link: testConfig()}, link.KeeperDeps{
			Dial:     func(context.Context, dial.Endpoint) (net.Conn, error) { t.Error("dialled"); return nil, errNoRoute },
			OnChange: func(s link.Status) { told = append(told, s.State) },
		})
		k.Pause(mining.PoolDisabled, "off")
		if k.State() != link.Down || !slices.Equal(told, []link.State{link.Down}) {
			t.Errorf("before Run: %s, told %v", k.State(), told)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := k.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run returned %v", err)
		}
	})
}
