package guard

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// lists are the lists of access as they are asked.
type lists struct {
	mode Mode
	// listed says of each prefix whether it is allowed.
	listed bart.Table[bool]
}

func newLists(cfg Config) *lists {
	l := &lists{mode: cfg.Mode}
	for _, p := range cfg.Allow {
		l.listed.Insert(native(p), true)
	}
	for _, p := range cfg.Deny {
		l.listed.Insert(native(p), false)
	}
	return l
}

// admits says whether the lists let an address in.
func (l *lists) admits(addr netip.Addr) bool {
	if l.mode == Off {
		return true
	}
	if allowed, ok := l.listed.Lookup(addr); ok {
		return allowed
	}
	return l.mode == Deny
}

// native is an IPv4 prefix as such where it is written as one of IPv6.
func native(p netip.Prefix) netip.Prefix {
	const mapped = 96
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p.Masked()
}

// plain is an address without what does not tell hosts apart.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// PartyOf is whose party an address is of: its own, or that of the /64 of IPv6 that a
// network has to itself.
func PartyOf(addr netip.Addr) netip.Prefix {
	addr = plain(addr)
	return within(addr, addr.BitLen(), partyV6)
}

// within is the prefix of an address of that many bits; the zero Prefix for the zero
// Addr, which is that of connections without one.
func within(addr netip.Addr, v4, v6 int) netip.Prefix {
	bits := v6
	if addr.Is4() {
		bits = v4
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
