package guard

import (
	"net/netip"
	"time"
)

// party are the guests of one address, or of one /64 of IPv6.
type party struct {
	prefix netip.Prefix
	// credit is the most guests of it that had earned at a time.
	credit int
	// guests are all, those that leave too; settled those that are, of whom earning
	// have earned.
	guests, settled, earning int
	// waiting are those that wait for their turn, strangers those that have had it,
	// loiterers those that are settled and have not earned.
	waiting, strangers, loiterers chain[*Guest]
	// all are both and the settled; there is who was asked to leave, too.
	all chain[*Guest]
	// holds is the place among those who have strangers that hold memory, counts
	// that among those who have strangers at all, idles that among those who have
	// loiterers.
	holds, counts, idles        node[*party]
	holdRank, allRank, idleRank int
	// turn is the place among those who have waiting guests, taken how many of them
	// have started in this turn.
	turn  node[*party]
	taken int
}

// excess is by how many strangers, or loiterers, exceed the credit of their party; -1 is that there
// are none.
func (p *party) excess(strangers int) int {
	if strangers == 0 {
		return -1
	}
	return max(0, strangers-p.credit)
}

// quantum is how many of its guests start in one turn: a farm that is not known yet has
// longer ones as its miners log in.
func (p *party) quantum() int { return max(1, min(max(p.credit, p.settled), maxTurn)) }

// party finds or makes the party of an address. d.mu is held.
func (d *Door) party(addr netip.Addr) *party {
	prefix := PartyOf(addr)
	p := d.parties[prefix]
	if p == nil {
		p = &party{prefix: prefix, credit: d.credits.recall(prefix)}
		p.holds.value, p.counts.value, p.idles.value, p.turn.value = p, p, p, p
		d.parties[prefix] = p
	}
	return p
}

// rank puts a party where it belongs after its guests have changed. d.mu is held.
func (d *Door) rank(p *party) {
	hold, all := p.excess(p.strangers.len), p.excess(p.strangers.len+p.waiting.len)
	if hold != p.holdRank || !p.holds.in {
		d.holders.set(&p.holds, p.holdRank, hold)
		p.holdRank = hold
	}
	if all != p.allRank || !p.counts.in {
		d.crowds.set(&p.counts, p.allRank, all)
		p.allRank = all
	}
	if idle := p.excess(p.loiterers.len); idle != p.idleRank || !p.idles.in {
		d.lounges.set(&p.idles, p.idleRank, idle)
		p.idleRank = idle
	}
	switch waits := p.waiting.len > 0; {
	case waits && !p.turn.in:
		p.taken = 0
		d.turns.push(&p.turn)
	case !waits && p.turn.in:
		d.turns.remove(&p.turn)
	}
	if p.guests == 0 {
		d.credits.keep(p.prefix, p.credit)
		delete(d.parties, p.prefix)
	}
}

const (
	// maxCredits bounds each of the two generations of credits, and creditFor is how
	// long the younger one is that.
	maxCredits = 32 << 10
	creditFor  = time.Hour
)

// credits remember the credit of parties that have no guest.
type credits struct{ young, old map[netip.Prefix]int }

// has says that there is one.
func (c *credits) has(prefix netip.Prefix) bool { return c.young[prefix]+c.old[prefix] > 0 }

// recall takes a credit out.
func (c *credits) recall(prefix netip.Prefix) int {
	credit := max(c.young[prefix], c.old[prefix])
	delete(c.young, prefix)
	delete(c.old, prefix)
	return credit
}

func (c *credits) keep(prefix netip.Prefix, credit int) {
	if credit == 0 {
		return
	}
	if c.young == nil || len(c.young) >= maxCredits {
		c.age()
	}
	c.young[prefix] = credit
}

// age forgets the older generation.
func (c *credits) age() { c.old, c.young = c.young, make(map[netip.Prefix]int) }
