package dial

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Redirects says where a pool may send its connections. A pool whose address was
// taken over has sent miners to thieves (2014), so it is never just anywhere.
type Redirects struct {
	// SameDomain lets them go to hosts of the pool's own registrable domain
	// (example.com, example.co.uk), and to those of Hosts; without it they go
	// nowhere.
	SameDomain bool
	// Hosts are globs of host names in lower case; * is any text.
	Hosts []string
}

// RedirectOutcome is what becomes of a pool's wish, as log field and metric label.
type RedirectOutcome string

// The outcomes.
const (
	// Followed: the connection goes there.
	Followed RedirectOutcome = "followed"
	// RefusedOff: no wish of this pool is followed.
	RefusedOff RedirectOutcome = "refused_off"
	// RefusedHost: the host is neither of the pool's domain nor on the list.
	RefusedHost RedirectOutcome = "refused_host"
	// RefusedAddress: a public pool names an address that is not public.
	RefusedAddress RedirectOutcome = "refused_address"
	// RefusedMalformed: that is no host.
	RefusedMalformed RedirectOutcome = "refused_malformed"
	// RefusedTooOften: the connection was sent on too often.
	RefusedTooOften RedirectOutcome = "refused_too_often"
)

// RedirectOutcomes lists the outcomes.
func RedirectOutcomes() []RedirectOutcome {
	return []RedirectOutcome{Followed, RefusedOff, RefusedHost, RefusedAddress, RefusedMalformed, RefusedTooOften}
}

// Follow decides on the wish of a pool that a connection go to another host and
// port; an empty host and port 0 are those of the connection, which was opened to
// at and reached remote. The pool is configured as home. What is not named stays as
// it is: TLS, which certificates are taken, and the proxy. Where the pool is
// public, the endpoint is [Endpoint.PublicOnly].
func (r Redirects) Follow(home, at Endpoint, remote netip.Addr, host string, port uint16) (Endpoint, RedirectOutcome) {
	to := at
	if port != 0 {
		to.Port = port
	}
	if host != "" {
		to.Host = host
	}
	name := canonical(to.Host)
	addr, err := netip.ParseAddr(to.Host)
	literal := err == nil
	switch {
	case !r.SameDomain:
		return Endpoint{}, RefusedOff
	case literal && addr.Zone() != "", !literal && checkHost(to.Host) != nil:
		return Endpoint{}, RefusedMalformed
	case !sameDomain(canonical(home.Host), name) && !r.lists(name):
		return Endpoint{}, RefusedHost
	}
	to.PublicOnly = at.PublicOnly || isPublic(home, remote)
	if literal && to.PublicOnly && !Public(addr) {
		return Endpoint{}, RefusedAddress
	}
	return to, Followed
}

// canonical is a host by which it is compared.
func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// lists says whether a host is one of those that are named.
func (r Redirects) lists(host string) bool {
	return slices.ContainsFunc(r.Hosts, func(glob string) bool {
		ok, err := path.Match(glob, host) // there is no / in a host: * is any text
		return ok && err == nil
	})
}

// sameDomain says whether two hosts are of one registrable domain. An address,
// and a name without a dot, is of its own.
func sameDomain(a, b string) bool {
	if a == b {
		return true
	}
	for _, host := range []string{a, b} {
		if _, err := netip.ParseAddr(host); err == nil {
			return false
		}
	}
	one, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	other, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && one == other
}

// isPublic says whether a pool is on the Internet, given where one of its
// connections goes.
func isPublic(home Endpoint, remote netip.Addr) bool {
	if addr, err := netip.ParseAddr(home.Host); err == nil {
		return Public(addr)
	}
	return home.Proxy != nil || !remote.IsValid() || Public(remote)
}

// notPublic are the networks that nobody on the Internet has: RFC 6890 and
// its registries, and those that stand for an IPv4 address within.
//
//nolint:gochecknoglobals // a table
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carriers' NAT
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/3"), // multicast, reserved, broadcast
	netip.MustParsePrefix("::/8"),        // unspecified, loopback, IPv4 within, NAT64
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // Teredo and others
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/9"), // link-local and site-local
	netip.MustParsePrefix("ff00::/8"),
}

// nat64 is how a network without IPv4 reaches it (RFC 6052): the address is in
// the last four bytes.
//
//nolint:gochecknoglobals // a constant
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Public says whether an address is one of the Internet: not private, loopback,
// link-local, a carrier's, multicast or unspecified.
func Public(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if nat64.Contains(addr) {
		b := addr.As16()
		return Public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return addr.IsValid() && !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(addr) })
}
