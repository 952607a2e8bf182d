package guard

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/loka/stratum/internal/mining"
)

// Door is what all listeners ask. Its methods may be called by any number of
// goroutines, and cost a microsecond or so.
type Door struct {
	// Static after construction.
	deps Deps

	// Guarded by mu.
	mu       sync.Mutex
	cfg      Config
	lists    *lists
	pace     *rate.Limiter // nil: no limit
	parties  map[netip.Prefix]*party
	byAddr   map[netip.Addr]int
	bySubnet map[netip.Prefix]int
	byWorker map[string]int
	credits  credits
	aged     time.Time // when credits were last
	// guests are all. Of them leaving were asked to make room, and are not counted
	// against MaxConnections any more.
	guests, waiting, strangers, leaving int
	// held is what strangers can hold at the most, those that leave too, of whom
	// given is.
	held, given int64
	// holders are parties by how many of their strangers that hold memory are above
	// their credit, crowds by all strangers, lounges by those who have only logged in.
	// turns are those that have somebody waiting, in the order of their turns.
	holders, crowds, lounges ranks
	turns                    chain[*party]
}

// New makes a door.
func New(cfg Config, deps Deps) *Door {
	d := &Door{
		deps: deps, parties: make(map[netip.Prefix]*party), byAddr: make(map[netip.Addr]int),
		bySubnet: make(map[netip.Prefix]int), byWorker: make(map[string]int),
	}
	d.configure(cfg)
	return d
}

// configure puts a configuration in place. d.mu is held.
func (d *Door) configure(cfg Config) {
	d.cfg = cfg.defaults()
	d.lists = newLists(cfg)
	d.pace = nil
	if n := cfg.StartsPerSecond; n > 0 {
		const burst = 20 // of a second
		d.pace = rate.NewLimiter(rate.Limit(n), max(1, n/burst))
	}
}

// Entry is a connection at the door.
type Entry struct {
	// Addr is where it comes from.
	Addr netip.Addr
	// Behind says that this is a proxy that is believed: [Guest.Known] will say who
	// it is for, and only that is judged, counted and paced by address.
	Behind bool
	// Cost is what it can hold at the most until it is settled, in bytes.
	Cost    int64
	Visitor Visitor
}

// Enter lets a connection in, or refuses it for a reason. Who is let in waits for its
// turn; see [Door.Next]. Only a connection that a believed proxy makes need not: it has
// started, and its Start is not called.
func (d *Door) Enter(e Entry, now time.Time) (*Guest, mining.Reason) {
	addr := plain(e.Addr)
	if !e.Behind && d.banned(addr, now) {
		return nil, mining.Banned
	}
	d.mu.Lock()
	g, reason, out := d.enter(e, addr, now)
	d.mu.Unlock()
	out.end()
	if reason == "" && !e.Behind && d.deps.OnOpen != nil {
		d.deps.OnOpen(addr)
	}
	return g, reason
}

func (d *Door) enter(e Entry, addr netip.Addr, now time.Time) (g *Guest, reason mining.Reason, out outgoing) {
	if !e.Behind {
		if reason = d.judge(addr); reason != "" {
			return nil, reason, nil
		}
	}
	if now.Sub(d.aged) >= creditFor {
		d.aged = now
		d.credits.age()
	}
	if most := d.cfg.MaxConnections; most > 0 && d.guests-d.leaving >= most {
		v := d.crowded(addr, now)
		if v == nil {
			return nil, mining.MaxConnections, nil
		}
		out = append(out, d.ask(v, mining.GaveWay))
	}
	g = &Guest{door: d, cost: e.Cost, addr: addr, visitor: e.Visitor, behind: e.Behind, since: now}
	g.at.value, g.here.value = g, g
	d.guests++
	d.join(g)
	if e.Behind {
		d.begin(g)
	} else {
		d.wait(g)
	}
	return g, "", out
}

// banned asks the book of bans.
func (d *Door) banned(addr netip.Addr, now time.Time) bool {
	return d.deps.Banned != nil && d.deps.Banned(addr, now)
}

// judge says why an address may not have one more guest. d.mu is held.
func (d *Door) judge(addr netip.Addr) mining.Reason {
	switch c := &d.cfg; {
	case !d.lists.admits(addr):
		return mining.AccessDenied
	case c.MaxPerAddress > 0 && d.byAddr[addr] >= c.MaxPerAddress:
		return mining.MaxPerAddress
	case c.MaxPerSubnet > 0 && d.bySubnet[within(addr, c.SubnetV4, c.SubnetV6)] >= c.MaxPerSubnet:
		return mining.MaxPerSubnet
	}
	return ""
}

// join counts a guest under its address. d.mu is held.
func (d *Door) join(g *Guest) {
	g.party = d.party(g.addr)
	g.party.guests++
	g.party.all.push(&g.here)
	if !g.behind {
		d.byAddr[g.addr]++
		d.bySubnet[within(g.addr, d.cfg.SubnetV4, d.cfg.SubnetV6)]++
	}
}

// part takes join back. d.mu is held.
func (d *Door) part(g *Guest) {
	g.party.guests--
	g.party.all.remove(&g.here)
	if !g.behind {
		less(d.byAddr, g.addr)
		less(d.bySubnet, within(g.addr, d.cfg.SubnetV4, d.cfg.SubnetV6))
	}
	d.rank(g.party)
}

// wait has a guest wait for its turn. d.mu is held.
func (d *Door) wait(g *Guest) {
	g.stage = waiting
	d.waiting++
	g.party.waiting.push(&g.at)
	d.rank(g.party)
}

// begin makes a stranger of a guest. d.mu is held.
func (d *Door) begin(g *Guest) {
	g.stage, g.held = stranger, g.cost
	d.strangers++
	d.held += g.held
	g.party.strangers.push(&g.at)
	d.rank(g.party)
}

// unlink takes a guest out of what it is by its stage. d.mu is held.
func (d *Door) unlink(g *Guest) {
	switch g.stage {
	case waiting:
		d.waiting--
		g.party.waiting.remove(&g.at)
	case stranger:
		d.strangers--
		d.held -= g.held
		g.held = 0
		g.party.strangers.remove(&g.at)
	case settled:
		g.party.settled--
		if g.earned {
			g.party.earning--
		} else {
			g.party.loiterers.remove(&g.at)
		}
	case leaving:
		d.held -= g.held
		if g.overdrawn {
			d.given -= g.held
			d.leaving--
		}
		g.held, g.overdrawn = 0, false
	case gone:
	}
	d.rank(g.party)
}

// Next is whose turn it is; the caller calls [Guest.Start]. nil is nobody's: wait is after
// what time to ask again, and 0 is that nobody waits.
func (d *Door) Next(now time.Time) (g *Guest, wait time.Duration) {
	d.mu.Lock()
	g, wait, out := d.next(now)
	d.mu.Unlock()
	out.end()
	return g, wait
}

func (d *Door) next(now time.Time) (g *Guest, wait time.Duration, out outgoing) {
	if d.turns.first == nil {
		return nil, 0, nil
	}
	p := d.turns.first.value
	g = p.waiting.first.value
	if most := d.cfg.StrangersMemory; most > 0 && d.held+g.cost > most && d.held > 0 {
		out = d.room(p, g.cost, now)
		d.pass(p) // another one may need less, or have more to give
		return nil, retry, out
	}
	if d.pace != nil && !d.pace.AllowN(now, 1) {
		missing := (1 - d.pace.TokensAt(now)) / float64(d.pace.Limit())
		return nil, max(time.Millisecond, time.Duration(missing*float64(time.Second))), nil
	}
	d.unlink(g)
	g.since = now
	d.begin(g)
	if p.taken++; p.turn.in && p.taken >= p.quantum() {
		d.pass(p)
	}
	return g, 0, nil
}

// pass makes it the next party's turn. d.mu is held.
func (d *Door) pass(p *party) {
	p.taken = 0
	d.turns.remove(&p.turn)
	d.turns.push(&p.turn)
}

// Stats are a door's figures.
type Stats struct {
	// Guests are all connections, Strangers those that have started and have no
	// worker, Waiting those that wait for their turn.
	Guests, Strangers, Waiting int
	// Memory is what strangers can hold at the most, in bytes.
	Memory int64
}

// Stats returns the figures.
func (d *Door) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Stats{Guests: d.guests, Strangers: d.strangers, Waiting: d.waiting, Memory: d.held}
}

// Max is the most guests that there may be; 0 is no limit.
func (d *Door) Max() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg.MaxConnections
}
