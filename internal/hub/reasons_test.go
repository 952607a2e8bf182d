package hub_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
)

// ending is one way in which a connection to a pool ends.
type ending struct {
	name   string
	reason mining.Reason
	// before changes the pool before it is first dialed.
	before func(e *endings)
	// miner says that the link of a miner is to end; else it is the probe's.
	miner bool
	// provoke brings the connection to its end; nil if it ends by itself.
	provoke func(e *endings)
	// wait is how long that takes, for the clock's sake.
	wait time.Duration
	// told is what the miner's connection is closed with, for a miner's link
	// that took it.
	told mining.Reason
}

// endingsOf are ways to every reason that a connection to a pool ends with.
func endingsOf() []ending {
	return slices.Concat(dialEndings(), handshakeEndings(), minerEndings())
}

func dialEndings() []ending {
	tls := func() (net.Conn, error) {
		return nil, &dial.Error{Reason: mining.TLSFailed, Err: errors.New("certificate has expired")}
	}
	return []ending{
		{name: "nobody listens", reason: mining.DialFailed, before: func(e *endings) { e.pool.refuse.Store(true) }},
		{name: "nobody listens, by name", reason: mining.DialFailed, before: func(e *endings) {
			e.dial = func() (net.Conn, error) {
				return nil, &dial.Error{Reason: mining.DialFailed, Err: errors.New("no such host")}
			}
		}},
		{name: "no way by the proxy", reason: mining.ProxyFailed, before: func(e *endings) {
			e.dial = func() (net.Conn, error) {
				return nil, &dial.Error{Reason: mining.ProxyFailed, Err: errors.New("it says 407")}
			}
		}},
		{name: "certificate", reason: mining.TLSFailed, before: func(e *endings) { e.dial = tls }},
		{
			name: "certificate, after the probe", reason: mining.TLSFailed, miner: true,
			provoke: func(e *endings) {
				e.dial = tls
				e.g = e.h.join(2)
				e.g.open()
				e.g.authorize("bob")
			},
			told: mining.PoolUnreachable,
		},
	}
}

// handshakeEndings are a probe's.
func handshakeEndings() []ending {
	return []ending{
		{name: "says nothing", reason: mining.PoolHandshakeTimeout, before: (*endings).deaf, wait: 15 * time.Second},
		{name: "says nothing to our login", reason: mining.PoolHandshakeTimeout, before: func(e *endings) {
			e.pool.authorize = func(string) string { return "" }
		}, wait: 30 * time.Second},
		{name: "error", reason: mining.SubscribeRefused, before: func(e *endings) {
			e.refuses(`"result":null,"error":[20,"go away",null]`)
		}},
		{name: "a text for a result", reason: mining.SubscribeRefused, before: func(e *endings) {
			e.refuses(`"result":"Initialising","error":null`)
		}},
		{name: "extranonce2 of 1 byte", reason: mining.BadExtranonce, before: func(e *endings) { e.pool.en2Size = 1 }},
		{name: "extranonce2 of 17 bytes", reason: mining.BadExtranonce, before: func(e *endings) { e.pool.en2Size = 17 }},
		{name: "extranonce1 of 33 bytes", reason: mining.BadExtranonce, before: func(e *endings) {
			e.refuses(`"result":[[],"` + strings.Repeat("aa", 33) + `",8],"error":null`)
		}},
		{name: "our login", reason: mining.PoolAuthorizeRefused, before: func(e *endings) {
			e.pool.authorize = func(string) string { return `[24,"Unauthorized worker",null]` }
		}},
		{name: "asks to reconnect", reason: mining.Redirected, provoke: func(e *endings) { e.pool.last().reconnect("", 1) }, wait: time.Second},
		{name: "falls silent", reason: mining.PoolSilent, wait: 90 * time.Second},
		{name: "an operator", reason: mining.PoolDisabled, provoke: func(e *endings) { _, _ = e.h.hub.DisablePool("main") }},
		{name: "we stop", reason: mining.Shutdown, provoke: func(e *endings) { e.stop() }},
	}
}

// minerEndings are those of a link that serves a miner.
func minerEndings() []ending {
	says := func(text string) func(e *endings) {
		return func(e *endings) {
			_ = e.theirs().SetWriteDeadline(time.Now().Add(time.Second)) // we may not read it all
			_, _ = e.theirs().Write([]byte(text))
		}
	}
	all := []ending{ //nolint:prealloc // a table
		{name: "pool closes", reason: mining.PeerClosed, provoke: func(e *endings) { _ = e.theirs().Close() }},
		{name: "pool closes its half", reason: mining.PeerClosed, provoke: func(e *endings) { _ = e.theirs().CloseWrite() }},
		{name: "pool resets", reason: mining.PeerReset, provoke: func(e *endings) { e.fail(syscall.ECONNRESET) }},
		{name: "pool is gone when written to", reason: mining.PeerReset, provoke: func(e *endings) {
			e.ours.FailWrites(0, syscall.EPIPE)
			e.submit()
		}},
		{name: "network fails a read", reason: mining.ReadFailed, provoke: func(e *endings) { e.fail(syscall.EIO) }},
		{name: "network fails a write", reason: mining.WriteFailed, provoke: func(e *endings) {
			e.ours.FailWrites(10, syscall.EIO)
			e.submit()
		}},
		{name: "pool reads nothing", reason: mining.SlowConsumer, provoke: func(e *endings) {
			e.theirs().Freeze()
			e.submit()
		}, wait: 10 * time.Second},
		{name: "line too long", reason: mining.LineTooLong, provoke: says(strings.Repeat(" ", 64<<10+1))},
		{name: "NUL", reason: mining.NULByte, provoke: says("{\x00}\n")},
		{name: "nonsense", reason: mining.TooManyErrors, provoke: says(strings.Repeat("<html>\n", 5))},
		{name: "unusable jobs", reason: mining.TooManyErrors, provoke: says(strings.Repeat(`{"id":null,"method":"mining.notify","params":["1"]}`+"\n", 5))},
		{name: "extranonce2 of 1 byte", reason: mining.BadExtranonce, provoke: func(e *endings) { e.pool.last().setExtranonce("aa", 1) }},
		{name: "falls silent", reason: mining.PoolSilent, provoke: func(e *endings) {
			// The probe's pool speaks on.
			for i := range 12 {
				time.AfterFunc(time.Duration(i)*10*time.Second, func() { e.pool.conns[0].notify(false) })
			}
		}, wait: 90 * time.Second},
	}
	for i := range all {
		all[i].miner, all[i].told = true, mining.PoolDisconnected
	}
	return append(all,
		ending{name: "miner leaves", reason: mining.MinerGone, miner: true, provoke: func(e *endings) { e.g.leave() }, told: mining.PoolDisconnected},
		ending{
			name: "no miner is left", reason: mining.NoMiners, miner: true, before: func(e *endings) { e.shared, e.pool.en2Size = true, 8 },
			provoke: func(e *endings) { e.g.leave() }, wait: 15 * time.Second,
		},
		ending{name: "we stop", reason: mining.Shutdown, miner: true, provoke: func(e *endings) { e.stop() }, told: mining.Shutdown},
	)
}

// unreachable are the reasons of this side that nothing a pool or a network
// does leads to, and why they are there.
var unreachable = map[mining.Reason]string{
	mining.InternalError: "a guard of package wire: an error without a reason of its own, which no upstream session returns",
}

// Every reason of a pool's side can be provoked or is explained.
func TestEveryUpstreamReasonIsProvoked(t *testing.T) {
	provoked := map[mining.Reason]bool{}
	for _, e := range endingsOf() {
		provoked[e.reason] = true
	}
	all := mining.Reasons(mining.Upstream)
	for _, reason := range all {
		if _, explained := unreachable[reason]; explained == provoked[reason] {
			t.Errorf("%s: provoked %t, explained %t; exactly one must be", reason, provoked[reason], explained)
		}
	}
	for reason := range provoked {
		if !slices.Contains(all, reason) {
			t.Errorf("%s is no reason of this side", reason)
		}
	}
	for reason := range unreachable {
		if !slices.Contains(all, reason) {
			t.Errorf("%s is no reason of this side", reason)
		}
	}
}

// Each way ends the link for its reason, and no other link.
func TestLinkEndings(t *testing.T) {
	for _, c := range endingsOf() {
		who := "probe"
		if c.miner {
			who = "miner"
		}
		t.Run(string(c.reason)+"/"+who+", "+c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testEnding(t, c) })
		})
	}
}

func testEnding(t *testing.T, c ending) {
	t.Helper()
	e := &endings{
		t: t, pool: goodPool("main"),
		probe: make(map[mining.Reason]int), miners: make(map[mining.Reason]int),
	}
	if c.miner {
		e.pool.en2Size = 3 // passed through: the miner ends with its link
	}
	if c.before != nil {
		c.before(e)
	}
	e.start()
	defer e.stop()
	if c.miner {
		e.g = e.h.join(1)
		e.g.open()
		if a := e.g.authorize("alice"); a.Verdict != mining.Accepted {
			t.Fatalf("authorize: %v", a.Verdict)
		}
	}
	if c.provoke != nil {
		c.provoke(e)
	}
	synctest.Wait()
	time.Sleep(c.wait)
	synctest.Wait()
	e.mu.Lock()
	probe, miners := e.probe[c.reason], e.miners[c.reason]
	kinds := len(e.probe) + len(e.miners)
	e.mu.Unlock()
	switch {
	case c.reason == mining.Shutdown: // it ends both
		if probe != 1 || c.miner && miners != 1 {
			t.Errorf("ends: probe %v, miners %v", e.probe, e.miners)
		}
	case c.miner:
		if miners != 1 || kinds != 1 {
			t.Errorf("ends: probe %v, miners %v", e.probe, e.miners)
		}
	default: // it is tried again, to the same end
		if probe == 0 || kinds != 1 {
			t.Errorf("ends: probe %v, miners %v", e.probe, e.miners)
		}
		want := c.reason
		if want == mining.Redirected { // the pool is up all the time
			want = ""
		}
		if got := e.h.hub.Pools()[0].Probe.Reason; got != want {
			t.Errorf("the pool is down for %q", got)
		}
	}
	if c.miner && e.g.reason() != c.told {
		t.Errorf("the miner was told %q, want %q", e.g.reason(), c.told)
	}
	if c.miner && c.reason != mining.MinerGone && c.reason != mining.NoMiners {
		e.g.leave()
	}
}
