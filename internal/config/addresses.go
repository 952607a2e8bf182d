package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/dial"
)

// checkAddresses checks what this process listens on: each address by
// itself, and all of them against each other.
func (l *loader) checkAddresses(c *Config) {
	if len(c.Listeners) == 0 {
		l.missing("server.listen", `no address for miners to connect to; write listen = ["0.0.0.0:3333"]`)
	}
	type bound struct {
		path string
		addr netip.AddrPort
	}
	var all []bound
	check := func(path, key, text string) {
		addr, err := parseListen(text)
		if err != nil {
			l.add(path, "%s", err)
			return
		}
		for _, other := range all {
			if overlap(addr, other.addr) {
				l.add(path, "%q is taken by %s already; give each its own port", text, l.fileKey(other.path))
				return
			}
		}
		all = append(all, bound{key, addr})
	}
	for i, one := range c.Listeners {
		at := join(index("listener", i), "address")
		if one.Address == "" && i >= l.shift {
			l.missing(at, `no address; write address = "0.0.0.0:3333"`)
			continue
		}
		l.checkTLS(index("listener", i), &one)
		check(at, at, one.Address)
	}
	check("http.listen", "http.listen", c.HTTP.Listen)
}

// parseListen reads a host:port to listen on. A name instead of an IP address
// gives the zero address, for only the system knows what it stands for.
func parseListen(text string) (netip.AddrPort, error) {
	advice := `write HOST:PORT such as "0.0.0.0:3333" (all addresses) or "127.0.0.1:3333" (this machine only)`
	if strings.Contains(text, "://") {
		return netip.AddrPort{}, fmt.Errorf("%q is a URL, not an address to listen on; %s", text, advice)
	}
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address to listen on; %s", text, advice)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q has no port from 0 to 65535; %s", text, advice)
	}
	if host == "" {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)), nil
	}
	addr, err := netip.ParseAddr(host)
	if err == nil {
		return netip.AddrPortFrom(addr, uint16(port)), nil
	}
	if !isHostName(host) {
		return netip.AddrPort{}, fmt.Errorf("%q has no usable host; %s", text, advice)
	}
	return netip.AddrPortFrom(netip.Addr{}, uint16(port)), nil
}

// overlap says whether two sockets cannot be bound at one time. Port 0 is any
// free port; of a name nothing is known.
func overlap(a, b netip.AddrPort) bool {
	if a.Port() != b.Port() || a.Port() == 0 || !a.Addr().IsValid() || !b.Addr().IsValid() {
		return false
	}
	if a.Addr() == b.Addr() {
		return true
	}
	covers := func(one, other netip.Addr) bool {
		return one.IsUnspecified() && (one.Is6() || other.Is4()) // [::] takes IPv4 too
	}
	return covers(a.Addr(), b.Addr()) || covers(b.Addr(), a.Addr())
}

// checkLoops refuses a pool that is this proxy itself.
func (l *loader) checkLoops(c *Config) {
	for i, p := range c.Pools {
		to, err := dial.Parse(p.URL)
		if err != nil {
			continue
		}
		if strings.EqualFold(to.Host, "localhost") {
			to.Host = "127.0.0.1"
		}
		addr, err := netip.ParseAddr(to.Host)
		if err != nil {
			continue
		}
		pool := netip.AddrPortFrom(addr, to.Port)
		for j, one := range c.Listeners {
			listen, err := parseListen(one.Address)
			reaches := pool.Addr().IsLoopback() || pool.Addr().IsUnspecified() || pool.Addr() == listen.Addr()
			if err == nil && reaches && overlap(pool, listen) {
				l.add(join(index("pool", i), "url"), "%q is this proxy's own address, %s; write the pool's",
					p.URL, l.fileKey(join(index("listener", j), "address")))
			}
		}
	}
}

// isHostName says whether a text can be a DNS name.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

// checkURL checks a pool's URL. A URL with credentials in it is not echoed.
func (l *loader) checkURL(path, text string) {
	const advice = `write it like "stratum+tcp://pool.example.com:3333"`
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	}
	switch scheme = strings.ToLower(scheme); {
	case text == "":
		l.missing(path, "no url; "+advice)
	case strings.Contains(rest, "@"):
		l.add(path, "credentials do not belong in the url; write them as username and password")
	case strings.HasPrefix(scheme, "stratum2+"):
		l.add(path, "%q is Stratum V2, which is not available in this version; use the pool's stratum+tcp:// or stratum+ssl:// address", text)
	case scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss":
		l.add(path, "%q is a web address; use the pool's stratum address: %s", text, advice)
	default:
		if _, err := dial.Parse(text); err != nil {
			l.add(path, "%s; %s", err, advice)
		}
	}
}
