package guard

import (
	"net/netip"
	"slices"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Visitor is a connection as a door sees it. Its methods are called without a lock of
// the door's, and must not wait for anything.
type Visitor interface {
	// Start goes on with the connection, whose turn has come. It may be called
	// before [Door.Enter] has returned.
	Start(g *Guest)
	// Drop ends the connection while it waits for its turn, and calls
	// [Guest.Leave]. It may be called before Enter has returned, too.
	Drop(g *Guest, reason mining.Reason)
	// Close asks the connection to end, which has started. It may be called while
	// Start is, and more than once.
	Close(reason mining.Reason)
}

// stage is how far a guest has come.
type stage uint8

const (
	waiting stage = iota
	stranger
	settled
	leaving // asked to end
	gone
)

// Guest is one connection that was let in.
type Guest struct {
	// Static after construction.
	door    *Door
	cost    int64
	visitor Visitor

	// Guarded by door.mu.
	addr  netip.Addr
	close func(mining.Reason) // in place of the visitor's, once bound
	party *party
	stage stage
	// behind says that it came by a believed proxy, and nothing is known of whom it
	// is for. Such a one is in no count but that of all.
	behind bool
	// overdrawn says that it is counted among those about to leave.
	overdrawn bool
	miner     bool // it was settled
	earned    bool // a share of it was accepted
	since     time.Time
	held      int64
	// ending is what it was asked to end for, ended what it has ended for.
	ending, ended mining.Reason
	logins        []string
	at, here      node[*Guest] // in one of its party's waiting, strangers and loiterers; in all
}

// Start tells the visitor that its turn has come.
func (g *Guest) Start() { g.visitor.Start(g) }

// Known says for whom a believed proxy has made the connection. A reason refuses it.
// Otherwise it waits for its turn under that address, and [Visitor.Start] is called
// again.
func (g *Guest) Known(addr netip.Addr, now time.Time) mining.Reason {
	d := g.door
	addr = plain(addr)
	if d.banned(addr, now) {
		return mining.Banned
	}
	reason := g.known(addr, now)
	if reason == "" && d.deps.OnOpen != nil {
		d.deps.OnOpen(addr)
	}
	return reason
}

func (g *Guest) known(addr netip.Addr, now time.Time) mining.Reason {
	d := g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.ending != "" {
		return g.ending
	}
	if reason := d.judge(addr); reason != "" {
		return reason
	}
	d.unlink(g)
	d.part(g)
	g.behind, g.addr, g.since = false, addr, now
	d.join(g)
	d.wait(g)
	return ""
}

// Relieve says that the connection can hold less than was thought when it came.
func (g *Guest) Relieve(bytes int64) {
	d := g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.stage == stranger {
		bytes = min(bytes, g.held)
		g.held -= bytes
		d.held -= bytes
	}
}

// Bind replaces the visitor's Close, and calls the new one at once if the guest was
// asked to end already.
func (g *Guest) Bind(end func(mining.Reason)) {
	d := g.door
	d.mu.Lock()
	g.close = end
	reason := g.ending
	d.mu.Unlock()
	if reason != "" {
		end(reason)
	}
}

// Settled says that a worker of the guest is authorized. It is no stranger any more. A
// reason ends it: that worker is here as often as it may be.
func (g *Guest) Settled(login string) mining.Reason {
	d := g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.stage == stranger {
		d.unlink(g)
		g.stage, g.miner = settled, true
		g.party.settled++
		g.party.loiterers.push(&g.at)
		d.rank(g.party)
	}
	if g.stage != settled || slices.Contains(g.logins, login) {
		return ""
	}
	if most := d.cfg.MaxPerWorker; most > 0 && d.byWorker[login] >= most {
		return mining.MaxPerWorker
	}
	d.byWorker[login]++
	g.logins = append(g.logins, login)
	return ""
}

// Earned says that a share of the guest was accepted: it counts for the credit of its
// party, and does not give way any more. A login is not enough, for where anybody may
// log in that costs nothing.
func (g *Guest) Earned() {
	d := g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.stage != settled || g.earned {
		return
	}
	g.earned = true
	g.party.loiterers.remove(&g.at)
	g.party.earning++
	g.party.credit = max(g.party.credit, g.party.earning)
	d.rank(g.party)
}

// Ended says what the connection has ended for, before it leaves.
func (g *Guest) Ended(reason mining.Reason) {
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	g.ended = reason
}

// Leave says that the connection is gone. next says that others wait, for whom there may
// be room now: see [Door.Next]. All calls but the first do nothing.
func (g *Guest) Leave() (next bool) {
	d := g.door
	d.mu.Lock()
	if g.stage == gone {
		d.mu.Unlock()
		return false
	}
	d.unlink(g)
	d.part(g)
	for _, login := range g.logins {
		less(d.byWorker, login)
	}
	g.stage, g.logins = gone, nil
	d.guests--
	next = d.waiting > 0
	tell := d.deps.OnClose != nil && !g.behind
	addr, reason, miner := g.addr, g.ended, g.miner
	d.mu.Unlock()
	if tell {
		d.deps.OnClose(addr, reason, miner)
	}
	return next
}

// less counts one less, and keeps no key for none.
func less[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}
