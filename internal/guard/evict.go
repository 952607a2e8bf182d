package guard

import (
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// outgoing are ends to be told once the door's lock is free.
type outgoing []func()

func (o outgoing) end() {
	for _, tell := range o {
		tell()
	}
}

// ask has a guest end, and returns what tells it so. d.mu is held.
func (d *Door) ask(g *Guest, reason mining.Reason) func() {
	was, held := g.stage, g.held
	d.unlink(g)
	g.stage, g.ending = leaving, reason
	if was == stranger { // what it holds is free when it has gone
		g.held = held
		d.held += held
	}
	if reason == mining.GaveWay {
		g.overdrawn = true
		d.given += g.held
		d.leaving++
	}
	end := g.visitor.Close
	switch {
	case was == waiting:
		return func() { g.visitor.Drop(g, reason) }
	case g.close != nil:
		end = g.close
	}
	return func() { end(reason) }
}

// crowded is who gives way to a newcomer where there are as many guests as may be: the
// oldest stranger of the party with most strangers above its credit. Where that has no
// more of them than the newcomer's party will have, it is one of the newcomer's own, or
// of another one that has as many, and those have their time first. Where there is no
// such one, it is a loiterer. d.mu is held.
func (d *Door) crowded(addr netip.Addr, now time.Time) *Guest {
	if d.leaving >= maxLeaving {
		return nil
	}
	prefix := PartyOf(addr)
	p, own := d.crowds.top(), d.parties[prefix]
	mine, idle, all := 1, 1, 0
	if own != nil {
		all = own.strangers.len + own.waiting.len
		mine, idle = own.excess(all+1), own.excess(own.loiterers.len+1)
	} else if d.credits.has(prefix) {
		mine, idle = 0, 0
	}
	var g *Guest
	switch {
	case p == nil:
	case p.allRank > mine:
		return p.oldest()
	case all > 0:
		g = own.oldest()
	case p.allRank == mine:
		g = p.oldest()
	}
	if g == nil || now.Sub(g.since) < grace {
		return d.loiterer(idle, now)
	}
	return g
}

// loiterer is who gives way of those that are logged in and no share of which was
// accepted: the oldest of the party with most of them above its credit, if that has more
// than a number, and after its time. d.mu is held.
func (d *Door) loiterer(than int, now time.Time) *Guest {
	p := d.lounges.top()
	if p == nil || p.idleRank <= than {
		return nil
	}
	if g := p.loiterers.first.value; now.Sub(g.since) >= loiter {
		return g
	}
	return nil
}

// oldest is the stranger who has been here for longest; there is one.
func (p *party) oldest() *Guest {
	a, b := p.strangers.first, p.waiting.first
	if a == nil || b != nil && b.value.since.Before(a.value.since) {
		return b.value
	}
	return a.value
}

// room asks strangers to give way whose memory a party needs that waits: those of the
// party with most above its credit, unless that has fewer than the other one will have;
// then it is one of its own. Each has had its time; otherwise who waits goes on waiting.
// d.mu is held.
func (d *Door) room(of *party, cost int64, now time.Time) (out outgoing) {
	want := cost * int64(min(batch, d.waiting))
	for d.held-d.given+want > d.cfg.StrangersMemory && d.leaving < maxLeaving {
		p := d.holders.top()
		if p != nil && p.holdRank < of.excess(of.strangers.len+1) {
			p = of
		}
		if p == nil || p.strangers.len == 0 {
			break
		}
		g := p.strangers.first.value
		if now.Sub(g.since) < grace {
			break
		}
		out = append(out, d.ask(g, mining.GaveWay))
	}
	return out
}

// GiveWay asks one stranger to end that has had its time, for the sake of its
// descriptor, and says whether there was one. Without that time those who come would end
// each other before any of them has logged in.
func (d *Door) GiveWay(now time.Time) bool {
	d.mu.Lock()
	var tell func()
	if p := d.crowds.top(); p != nil && d.leaving < maxLeaving {
		if g := p.oldest(); now.Sub(g.since) >= grace {
			tell = d.ask(g, mining.GaveWay)
		}
	}
	d.mu.Unlock()
	if tell == nil {
		return false
	}
	tell()
	return true
}

// Withdraw takes a guest out of the line. It is false if it does not wait, because its
// turn has come or somebody else ends it; otherwise its Start will not be called.
func (d *Door) Withdraw(g *Guest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.stage != waiting {
		return false
	}
	d.unlink(g)
	g.stage, g.ending = leaving, mining.Shutdown
	return true
}

// Evict ends every guest for whom judge has a reason, and returns how many that are. A
// guest of a believed proxy that is not known yet is of the proxy's address. judge must
// not call the door.
func (d *Door) Evict(judge func(addr netip.Addr, isSettled bool) mining.Reason) int {
	return d.end(func(g *Guest) mining.Reason { return judge(g.addr, g.stage == settled) })
}

// Refused is how many of those that are settled the lists of another configuration would
// refuse.
func (d *Door) Refused(cfg Config) (miners int) {
	lists := newLists(cfg)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.parties {
		for n := p.all.first; n != nil; n = n.next {
			if n.value.stage == settled && !lists.admits(n.value.addr) {
				miners++
			}
		}
	}
	return miners
}

// Reconfigure puts another configuration in place. Who is here stays, but those whom the
// lists refuse now; it returns how many these are.
func (d *Door) Reconfigure(cfg Config) int {
	d.mu.Lock()
	d.configure(cfg)
	clear(d.bySubnet)
	lists := d.lists
	for _, p := range d.parties {
		for n := p.all.first; n != nil; n = n.next {
			if g := n.value; !g.behind {
				d.bySubnet[within(g.addr, d.cfg.SubnetV4, d.cfg.SubnetV6)]++
			}
		}
	}
	d.mu.Unlock()
	return d.end(func(g *Guest) mining.Reason {
		if g.behind || lists.admits(g.addr) {
			return ""
		}
		return mining.AccessDenied
	})
}

// end ends the guests for whom judge has a reason.
func (d *Door) end(judge func(g *Guest) mining.Reason) int {
	var found []*Guest
	var reasons []mining.Reason
	d.mu.Lock()
	for _, p := range d.parties {
		for n := p.all.first; n != nil; n = n.next {
			g := n.value
			if g.ending != "" {
				continue
			}
			if reason := judge(g); reason != "" {
				found, reasons = append(found, g), append(reasons, reason)
			}
		}
	}
	out := make(outgoing, 0, len(found))
	for i, g := range found {
		out = append(out, d.ask(g, reasons[i]))
	}
	d.mu.Unlock()
	out.end()
	return len(found)
}
