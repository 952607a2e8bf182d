package sim

import (
	"fmt"
	"testing"

	"github.com/loka/stratum/sv1"
)

// A share of an ended block comes before the end was told, after it, and after
// the other side has said that it has read so.
func TestNotice(t *testing.T) {
	t.Parallel()
	for _, ping := range []bool{false, true} {
		var last ShareEvent
		p := startPool(t, PoolConfig{PingBlocks: ping, OnShare: func(ev ShareEvent) { last = ev }})
		c := ready(t, p)
		old := c.job
		hand := func(when string, code int, want Notice) {
			t.Helper()
			now := c.job
			c.job = old
			s := c.solve(0, 0, true)
			c.job = now
			if got := c.hand(s); got != code || last.Notice != want {
				t.Errorf("pings %t, %s: code %d, notice %d; want %d, %d", ping, when, got, last.Notice, code, want)
			}
		}
		pong := func(block uint64) {
			c.write(fmt.Sprintf(`{"id":%d,"result":"pong","error":null}`, firstPing+block))
		}
		hand("of the present block", 0, NoticeNone)
		next := p.block.Add(1) + 1
		pong(next) // to nothing that was asked
		hand("before it was told", sv1.CodeStale, NoticeNone)
		p.NewBlock()
		hand("told", sv1.CodeStale, NoticeSent)
		if !ping {
			continue
		}
		pong(next)
		hand("read", sv1.CodeStale, NoticeRead)
	}
}

// The ping comes behind the first job of a block, and only there.
func TestPingBlocks(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{PingBlocks: true})
	c := dial(t, p)
	c.subscribe()
	next := func() sv1.Method { return sv1.ParseMethod(c.read().Method) }
	for next() != sv1.MethodNotify {
	}
	if got := next(); got != sv1.MethodPing {
		t.Errorf("%v behind the first job", got)
	}
	p.NewJob()
	p.NewBlock()
	for _, want := range []sv1.Method{sv1.MethodNotify, sv1.MethodNotify, sv1.MethodPing} {
		if got := next(); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
