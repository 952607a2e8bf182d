package link_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

// states are the lines of the log that say how the pool is.
func (p *probed) states() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for line := range strings.Lines(p.log.String()) {
		if strings.Contains(line, "pool is ") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// What the log says last of a pool that comes and goes is right within about a
// minute, and its lines are few.
func TestKeeperLogsFlaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := time.Now().Add(5 * time.Minute)
		p := newProbed(t, func(_ int, pool *fakePool) error {
			serves(pool)
			if time.Now().After(good) {
				return nil
			}
			return pool.conn.Close()
		})
		want := func(when string, lines ...string) {
			t.Helper()
			got := p.states()
			if len(got) != len(lines) {
				t.Fatalf("%s the log is\n%s", when, strings.Join(got, "\n"))
			}
			for i, want := range lines {
				if what, flaps, _ := strings.Cut(want, ","); !strings.Contains(got[i], "pool is "+what) || strings.Contains(got[i], "flaps=") != (flaps != "") {
					t.Errorf("%s line %d is %s, want %s", when, i, got[i], want)
				}
			}
		}
		time.Sleep(50 * time.Second)
		want("while it flaps", "active", "down", "active")
		time.Sleep(50 * time.Second) // no pause is longer than 30 s
		want("after a minute", "active", "down", "active", "down,flaps")
		time.Sleep(time.Until(good))
		if last := p.states(); !strings.Contains(last[len(last)-1], "pool is down") || len(last) > 9 {
			t.Errorf("after five minutes the log is\n%s", strings.Join(last, "\n"))
		}
		// Its last pause may have begun just before, and it is told of after a minute
		// of steadiness; from 90 s on the link would end for the pool's silence.
		last := p.states()
		for until := time.Now().Add(95 * time.Second); !strings.Contains(last[len(last)-1], "pool is active") && time.Now().Before(until); last = p.states() {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if !p.k.Ready() || !strings.Contains(last[len(last)-1], "pool is active") || !strings.Contains(last[len(last)-2], "pool is down") {
			t.Errorf("a steady pool has the log\n%s", strings.Join(last, "\n"))
		}
		p.end()
	})
}

// One flap alone is logged as it happens.
func TestKeeperLogsOneFlapAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, func(n int, pool *fakePool) error {
			serves(pool)
			if n == 1 {
				return pool.conn.Close()
			}
			return nil
		})
		time.Sleep(2 * time.Second)
		states := p.states()
		if len(states) != 3 || !strings.Contains(states[1], "pool is down") || !strings.Contains(states[2], "pool is active") {
			t.Errorf("log is\n%s", strings.Join(states, "\n"))
		}
		p.end()
	})
}

func TestKeeperSaysWhatItAwaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool *fakePool
		p := newProbed(t, func(_ int, far *fakePool) error { pool = far; return nil })
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := p.k.Status(); got.State != link.Connecting || got.Error != "the pool has not answered mining.subscribe yet" {
			t.Errorf("status is %+v", got)
		}
		pool.want(configure, subscribe2)
		pool.say(granted, ckpool2)
		synctest.Wait()
		if got := p.k.Status(); got.State != link.Connecting || got.Error != `the pool has not answered our login "acct" yet` {
			t.Errorf("status is %+v", got)
		}
		time.Sleep(20 * time.Second) // the time for a job begins with the login
		pool.want(login3)
		pool.say(welcome3)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := p.k.Status(); got.State != link.Connecting || got.Error != "logged in, and no job that can be used has come yet" {
			t.Errorf("status is %+v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := p.k.Status(); got.State != link.Down || got.Reason != mining.PoolHandshakeTimeout || p.attempts() != 1 {
			t.Errorf("status is %+v", got)
		}
		// The connection stays: a job that comes late makes it good.
		pool.say(difficulty, notify)
		synctest.Wait()
		if got := p.k.Status(); got.State != link.Active || got.Error != "" || got.Reason != "" {
			t.Errorf("status is %+v", got)
		}
		if _, err := p.k.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
		if states := p.states(); len(states) != 2 {
			t.Errorf("log is %v", states)
		}
		p.end()
	})
}
