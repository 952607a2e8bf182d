package serve

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

// end is one way in which a miner's connection ends.
type end struct {
	name   string
	reason mining.Reason
	// provoke brings a new miner to its end; what was left to the clock has
	// passed when it returns.
	provoke func(m *miner)
}

// ends are ways to every reason that a session, its wire or its house can
// end a miner's connection with.
func ends() []end {
	return slices.Concat(peerEnds(), sessionEnds(), houseEnds(), guardEnds())
}

// peerEnds are what the miner, or the network, does.
func peerEnds() []end {
	return []end{
		{"closes", mining.PeerClosed, func(m *miner) { _ = m.Close() }},
		{"closes while mining", mining.PeerClosed, func(m *miner) { m.mine(); _ = m.Close() }},
		{"closes its half", mining.PeerClosed, func(m *miner) { _ = m.CloseWrite() }},
		{"closes in the middle of a line", mining.PeerClosed, func(m *miner) {
			_, _ = m.Write([]byte(`{"id":1`))
			_ = m.Close()
		}},
		{"resets", mining.PeerReset, func(m *miner) { m.mine(); m.Reset() }},
		{"is gone when written to", mining.PeerReset, func(m *miner) {
			m.mine()
			m.near.FailWrites(0, syscall.EPIPE)
			m.conn.Work(assigned(someWork(2)))
		}},
		{"network fails a read", mining.ReadFailed, func(m *miner) {
			m.mine()
			m.broken.Store(true)
			_, _ = m.Write([]byte("\n"))
		}},
		{"network fails a write", mining.WriteFailed, func(m *miner) {
			m.mine()
			m.near.FailWrites(10, syscall.EIO)
			m.conn.Work(assigned(someWork(2)))
		}},
		{"reads nothing for too long", mining.SlowConsumer, func(m *miner) {
			m.mine()
			m.Freeze()
			m.conn.Work(assigned(someWork(2)))
			time.Sleep(time.Minute)
		}},
		{"reads nothing for too much", mining.SlowConsumer, func(m *miner) {
			m.mine()
			m.Freeze()
			for id := range mining.JobID(50) {
				m.conn.Work(assigned(someWork(id + 2)))
			}
			time.Sleep(2 * time.Second) // the bound of a write in progress
		}},
		{"says a line without an end", mining.LineTooLong, func(m *miner) {
			_, _ = m.Write([]byte(strings.Repeat(" ", 4<<10)))
			if m.gone() {
				m.r.t.Error("closed at the limit")
			}
			_, _ = m.Write([]byte(" "))
		}},
		{"says a line too long", mining.LineTooLong, func(m *miner) { m.mine(); _, _ = m.Write(make4k('x')) }},
		{"says a NUL", mining.NULByte, func(m *miner) { m.mine(); _, _ = m.Write([]byte("{\"id\":1\x00")) }},
	}
}

func make4k(c byte) []byte { return []byte(strings.Repeat(string(c), 4<<10+1) + "\n") }

// sessionEnds are what the protocol does not stand.
func sessionEnds() []end {
	return []end{
		{"says nonsense", mining.TooManyErrors, func(m *miner) {
			m.nonsense("{]")
			m.heard()
		}},
		{"speaks another coin's protocol", mining.TooManyErrors, func(m *miner) {
			m.nonsense(`{"id":1,"method":"eth_getWork","params":[]}`)
		}},
		{"says nothing", mining.HandshakeTimeout, func(*miner) { time.Sleep(15 * time.Second) }},
		{"never says a line", mining.HandshakeTimeout, func(m *miner) {
			for range 14 {
				time.Sleep(time.Second)
				_, _ = m.Write([]byte(" "))
			}
			time.Sleep(time.Second)
		}},
		{"names no worker", mining.AuthorizeTimeout, func(m *miner) {
			m.say(subscribe("1"))
			time.Sleep(time.Minute)
		}},
		{"goes idle", mining.IdleTimeout, func(m *miner) {
			m.mine()
			time.Sleep(2 * time.Hour)
		}},
		{"asks more than may wait", mining.TooManyPending, func(m *miner) {
			m.mine()
			m.r.house.handle = m.r.house.pend
			asks, _ := shares(3, 1024)
			for batch := range slices.Chunk(asks, 64) {
				m.say(batch...)
			}
			if m.gone() {
				m.r.t.Error("closed at the limit")
			}
			_, _ = fmt.Fprintln(m, submit("9", 9))
		}},
	}
}

// houseEnds are what the house decides, with the calls that a hub makes.
func houseEnds() []end {
	return []end{
		{"its handshake is not answered", mining.PoolUnreachable, func(m *miner) {
			m.r.house.handle = m.r.house.pend
			m.say(subscribe("1"))
			time.Sleep(30 * time.Second)
		}},
		{"no pool can be reached", mining.PoolUnreachable, func(m *miner) {
			m.r.house.handle = m.r.house.pend
			m.say(subscribe("1"))
			m.conn.Close(mining.PoolUnreachable)
		}},
		{"no route is for it", mining.NoRoute, func(m *miner) {
			m.r.house.handle = m.r.house.pend
			m.say(subscribe("1"))
			m.conn.Close(mining.NoRoute)
		}},
		{"its route has no place for its account", mining.TooManyAccounts, func(m *miner) {
			m.r.house.handle = m.r.house.pend
			m.say(subscribe("1"))
			m.conn.Close(mining.TooManyAccounts)
		}},
		{"its pool's connection ends", mining.PoolDisconnected, func(m *miner) {
			m.mine()
			m.conn.Close(mining.PoolDisconnected)
		}},
		{"it cannot follow a changed extranonce", mining.ExtranonceChanged, func(m *miner) {
			m.mine()
			en1, _ := work.MakeExtranonce([]byte{9, 9, 9, 9})
			if m.conn.SetExtranonce(en1, 4) {
				m.r.t.Error("a miner that did not ask for it follows")
			}
			m.conn.Close(mining.ExtranonceChanged)
		}},
		{"it cannot go on with a new configuration", mining.RouteChanged, func(m *miner) {
			m.mine()
			m.conn.Close(mining.RouteChanged)
		}},
		{"its listener is not configured any more", mining.ListenerRemoved, func(m *miner) {
			m.mine()
			m.conn.miner.Listener = "removed"
			if n := m.r.server.CloseListener("elsewhere", mining.ListenerRemoved); n != 0 {
				m.r.t.Errorf("%d miners of another listener are closed", n)
			}
			if n := m.r.server.CloseListener("removed", mining.ListenerRemoved); n != 1 {
				m.r.t.Errorf("%d miners of the listener are closed, want 1", n)
			}
		}},
		{"an operator disconnects it", mining.Disconnected, func(m *miner) {
			m.mine()
			m.r.server.Find(m.conn.miner.ID).Close(mining.Disconnected)
		}},
		{"we stop", mining.Shutdown, func(m *miner) { m.mine(); m.r.server.CloseAll(mining.Shutdown) }},
		{"our context ends", mining.Shutdown, func(m *miner) { m.r.cancel(nil) }},
	}
}

// elsewhere are the reasons that no connection served here can end with, and
// who gives them. Those of package listen end a connection before it is
// served, by its first bytes or for the want of room.
var elsewhere = map[mining.Reason]struct{ file, test string }{
	mining.UnknownProtocol:      {"../listen/listener_test.go", "TestRefusals"},
	mining.TLSNotEnabled:        {"../listen/listener_test.go", "TestRefusals"},
	mining.HTTPRequest:          {"../listen/listener_test.go", "TestHTTPGetsAnAnswer"},
	mining.ConnectMalformed:     {"../listen/connect_test.go", "TestConnectRefused"},
	mining.ConnectForbidden:     {"../listen/connect_test.go", "TestConnectRefused"},
	mining.ConnectNoRoute:       {"../listen/connect_test.go", "TestConnectRefused"},
	mining.ConnectNoPool:        {"../listen/connect_test.go", "TestConnectRefused"},
	mining.TLSRequired:          {"../listen/secure_test.go", "TestTLSRequired"},
	mining.TLSHandshakeFailed:   {"../listen/secure_test.go", "TestTLSFails"},
	mining.TLSTooOld:            {"../listen/securematrix_test.go", "TestTLSMatrix"},
	mining.TLSClientCertificate: {"../listen/securematrix_test.go", "TestClientCertificates"},
	mining.MaxConnections:       {"../listen/listener_test.go", "TestLimiter"},

	mining.AccessDenied:         {"../listen/gate_test.go", "TestRefusedAtTheDoor"},
	mining.Paused:               {"../app/bans_linux_test.go", "TestBans"},
	mining.Banned:               {"../listen/proxy_test.go", "TestProxiedAreJudged"},
	mining.MaxPerAddress:        {"../listen/proxy_test.go", "TestProxiedAreJudged"},
	mining.MaxPerSubnet:         {"../guard/door_test.go", "TestCaps"},
	mining.MaxPerWorker:         {"settled_test.go", "TestSettled"},
	mining.GaveWay:              {"../listen/gate_test.go", "TestStrangersGiveWay"},
	mining.FirstByteTimeout:     {"../listen/gate_test.go", "TestFirstByteTimeout"},
	mining.ProxyHeaderUntrusted: {"../listen/proxy_test.go", "TestProxyHeaderRefused"},
	mining.ProxyHeaderMalformed: {"../listen/proxy_test.go", "TestProxyHeaderRefused"},

	// A guard: an error without a reason of its own, which no handler of
	// ours returns, and a session driven against its rules.
	mining.InternalError: {"../wire/behave_test.go", "TestBehaviour"},
}

// Every reason of a miner's side can be provoked here or is elsewhere.
func TestEveryReasonIsProvoked(t *testing.T) {
	provoked := map[mining.Reason]bool{}
	for _, e := range ends() {
		provoked[e.reason] = true
	}
	all := mining.Reasons(mining.Downstream)
	for _, reason := range all {
		where, other := elsewhere[reason]
		if provoked[reason] == other {
			t.Errorf("%s: provoked here %t, listed as elsewhere %t; exactly one must be", reason, provoked[reason], other)
		}
		if !other {
			continue
		}
		text, err := os.ReadFile(where.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "func "+where.test+"(") {
			t.Errorf("%s: %s has no test %s", reason, where.file, where.test)
		}
	}
	for reason := range provoked {
		if !slices.Contains(all, reason) {
			t.Errorf("%s is no reason of this side", reason)
		}
	}
	for reason := range elsewhere {
		if !slices.Contains(all, reason) {
			t.Errorf("%s is no reason of this side", reason)
		}
	}
}

// Each way ends the one connection for its reason, once, and leaves another
// miner alone, unless all are to go.
func TestEnds(t *testing.T) {
	for _, e := range ends() {
		t.Run(string(e.reason)+"/"+e.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(c *Config) {
					c.Wire = wire.Config{MaxLine: 4 << 10, MaxQueueBytes: 8 << 10}
				})
				other := r.mining()
				m := r.connectBroken()
				e.provoke(m)
				if !m.gone() || r.ended(e.reason) != 1+min(r.house.left-1, 1) {
					t.Fatalf("gone: %t, ends: %v", m.gone(), r.closed)
				}
				if r.server.Find(m.conn.miner.ID) != nil {
					t.Error("it is still found")
				}
				if e.reason == mining.Shutdown || e.reason == mining.IdleTimeout {
					if !other.gone() {
						t.Error("the other miner is still here")
					}
					return
				}
				if other.gone() || len(r.closed) != 1 {
					t.Fatalf("ends: %v", r.closed)
				}
				r.house.handle = nil
				other.say(submit("3", 3))
				other.expect(ok("3"))
			})
		})
	}
}

// mine brings the miner to the point where it submits.
func (m *miner) mine() {
	m.r.t.Helper()
	m.say(subscribe("1"), authorize("2", "alice"))
	m.expect(m.subscribed("1"), ok("2"), difficulty, notify(1))
}

// nonsense says a line until the connection ends, and checks that each was
// answered, the last too.
func (m *miner) nonsense(line string) {
	m.r.t.Helper()
	for i := range 32 {
		if m.gone() {
			m.r.t.Fatalf("closed after %d lines", i)
		}
		_, _ = fmt.Fprintln(m, line)
		if got := m.heard(); len(got) != 1 || !strings.Contains(got[0], `"error":[20,`) {
			m.r.t.Errorf("line %d is answered by %q", i, got)
		}
	}
}

// breakable is a connection whose reads can be made to fail.
type breakable struct {
	net.Conn

	broken *atomic.Bool
}

func (b breakable) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.broken.Load() {
		return 0, syscall.EIO
	}
	return n, err
}

// connectBroken lets a miner in whose connection is breakable.
func (r *rig) connectBroken() *miner {
	r.t.Helper()
	broken := new(atomic.Bool)
	m := r.connectBy(testkit.DefaultBuffer, func(c net.Conn) net.Conn { return breakable{c, broken} })
	m.broken = broken
	return m
}
