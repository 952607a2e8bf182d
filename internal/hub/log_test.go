package hub_test

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// A farm that knocks at a dead pool all day must not fill a disk.
func TestDeadPoolIsLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		var lines lineCount
		h := buildWith(t, []*fakePool{p}, slog.New(slog.NewTextHandler(&lines, nil)), nil)
		p.refuse.Store(true)
		before := lines.Load()
		for id := range uint64(100) {
			g := h.join(id + 1)
			g.open()
			g.authorize("alice")
			if got := g.reason(); got != mining.PoolUnreachable {
				t.Fatalf("miner %d: closed with %q", id, got)
			}
			g.leave()
			time.Sleep(500 * time.Millisecond)
		}
		if n := lines.Load() - before; n < 1 || n > 2 {
			t.Errorf("%d lines above debug for 100 attempts in 50 s", n)
		}
	})
}

// A stranger that tries names at a pool which knows them.
func TestRefusedStrangersAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		var lines lineCount
		h := buildWith(t, []*fakePool{p}, slog.New(slog.NewTextHandler(&lines, nil)), func(*hub.Config) {
			p.authorize = func(user string) string {
				if strings.Contains(user, "stranger") {
					return `[24,"unknown",null]`
				}
				return "true"
			}
		})
		before := lines.Load()
		for id := range uint64(50) {
			g := h.join(id + 1)
			g.open()
			if a := g.authorize("stranger"); a.Verdict != mining.Unauthorized {
				t.Fatalf("stranger %d: %v", id, a.Verdict)
			}
			g.leave()
			time.Sleep(500 * time.Millisecond)
		}
		if n := lines.Load() - before; n != 1 {
			t.Errorf("%d lines above debug for 50 strangers in 25 s", n)
		}
	})
}

// What a pool says to every connection is news once.
func TestPoolsWordsToAllAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		var lines lineCount
		h := buildWith(t, []*fakePool{p}, slog.New(slog.NewTextHandler(&lines, nil)), nil)
		for id := range uint64(20) {
			g := h.join(id + 1)
			g.open()
			g.authorize("alice")
		}
		before := lines.Load()
		for _, c := range p.all() {
			c.say(`{"id":null,"method":"client.show_message","params":["maintenance"]}` + "\n")
			c.say(`{"id":null,"method":"client.reconnect","params":["evil.example.com",3333,10]}` + "\n")
			c.say("not JSON\n")
		}
		synctest.Wait()
		if n := lines.Load() - before; n != 3 {
			t.Errorf("%d lines above debug for three things said to 21 connections", n)
		}
	})
}

// lineCount counts writes.
type lineCount struct{ atomic.Int64 }

func (c *lineCount) Write(p []byte) (int, error) {
	c.Add(1)
	return len(p), nil
}
