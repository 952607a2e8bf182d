package bans

import "net/netip"

// SiteOf is the subject that is all of the place an address is of.
func SiteOf(addr netip.Addr) Subject { return Subject{Prefix: sitePrefix(addr)} }

// Sizes are how much is remembered: addresses, connections, and the most workers and
// offenders of one address.
func (s *Standing) Sizes() (sites, conns, workers, offenders int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.sites {
		workers, offenders = max(workers, len(at.workers)), max(offenders, len(at.offenders))
	}
	return len(s.sites), len(s.conns), workers, offenders
}
