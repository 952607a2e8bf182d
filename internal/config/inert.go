package config

import (
	"slices"
	"strings"

	"github.com/loka/stratum/internal/steer"
)

// noteInert remarks on what is valid but does nothing.
func (l *loader) noteInert(c *Config) {
	used := map[string]bool{}
	caught := ""
	for i, r := range c.Routes {
		for _, name := range r.EveryPool() {
			used[name] = true
		}
		if caught != "" && r.Match.Connect == "" {
			l.note(index("route", i), "no miner gets here but by HTTP CONNECT: route "+caught+" before it takes all others; put the route without a match last")
		}
		if r.Match.IsZero() {
			caught = r.Name
		}
		l.noteInertRoute(index("route", i), r, c)
		l.noteInertShared(index("route", i), r)
		if !c.serves(r) {
			l.note(index("route", i), "no pool of this route is enabled; its miners get no work")
		}
		l.noteWindows(join(index("route", i), "split"), r)
	}
	l.noteInertPools(c, used)
	l.noteInertTLS(c)
	l.noteInertVardiff(c)
	l.noteInertAccess(c.Access)
	l.noteInertStorage(c.Storage)
	l.noteInertBans(c.Bans)
	l.noteInertMetrics(c.Metrics)
	l.noteLogins(c)
}

// noteInertPools remarks on what of pools has no effect; used are those that a route
// has.
func (l *loader) noteInertPools(c *Config, used map[string]bool) {
	for i, p := range c.Pools {
		for _, key := range []string{"ca", "fingerprints"} {
			if at := join(index("pool", i), key); l.given[at] && !isTLS(p.URL) {
				l.note(at, "has no effect without stratum+ssl:// in url")
			}
		}
		if p.Reconnect == ReconnectOff && len(p.ReconnectHosts) > 0 {
			l.note(join(index("pool", i), "reconnect_hosts"), `has no effect with reconnect = "off"`)
		}
		l.noteInertPayout(index("pool", i), &p)
		if !used[p.Name] {
			l.note(index("pool", i), "no route uses this pool")
		}
	}
}

// noteInertRoute remarks on what of a route has no effect, or lets no miner in.
func (l *loader) noteInertRoute(at string, r Route, c *Config) {
	if !targetable(r.Match.Connect) {
		l.note(join(join(at, "match"), "connect"), "no HTTP CONNECT matches this; write HOST:PORT, or HOST:* for any port")
	}
	if r.Match.ServerName != "" && !c.hasTLSFor(r) {
		l.note(join(join(at, "match"), "server_name"), "no miner gets here: no listener that it may come in by speaks TLS")
	}
	l.notePolicy(at, r, c)
	if r.Password != "" && !slices.ContainsFunc(r.EveryPool(), c.lacksPassword) {
		l.note(join(at, "password"), "has no effect: each of the route's pools has a password of its own")
	}
}

// hasTLSFor says that a listener that a route's miners may come in by speaks TLS.
func (c *Config) hasTLSFor(r Route) bool {
	return slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.TLS != TLSOff && r.Match.takes(l.Address) })
}

// lacksPassword says that a pool has no password of its own.
func (c *Config) lacksPassword(pool string) bool {
	p, _ := c.Pool(pool)
	return p.Password == ""
}

// targetable says whether a glob can match the target of an HTTP CONNECT, which
// ends with a port; none at all is no such glob.
func targetable(glob string) bool {
	if _, ok := steer.Target(glob); ok || glob == "" {
		return true
	}
	return strings.ContainsAny(glob, "*?") && strings.ContainsAny(glob[len(glob)-1:], "*?0123456789")
}

// serves says whether a route has a pool that is enabled.
func (c *Config) serves(r Route) bool {
	return slices.ContainsFunc(c.Pools, func(p Pool) bool { return p.Enabled && slices.Contains(r.EveryPool(), p.Name) })
}

// isTLS says whether a pool's URL asks for an encrypted connection.
func isTLS(url string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(url)), "://")
	return ok && (strings.HasSuffix(scheme, "ssl") || strings.HasSuffix(scheme, "tls"))
}

// noteInertShared remarks on what only shared routes have, on one that is not.
func (l *loader) noteInertShared(at string, r Route) {
	if r.Mode != Dedicated {
		return
	}
	if at := join(at, "max_miners_per_connection"); l.given[at] {
		l.note(at, "has no effect in dedicated mode, where each miner has a pool connection of its own")
	}
}

// noteInertVardiff remarks on vardiff tables all of whose miners are on
// dedicated routes.
func (l *loader) noteInertVardiff(c *Config) {
	const text = "has no effect in dedicated mode, where the pool sets the difficulty"
	shared := false
	for i, r := range c.Routes {
		shared = shared || r.Mode == Shared
		if r.Mode == Dedicated && (r.Vardiff != VardiffOverride{}) {
			l.note(join(index("route", i), "vardiff"), text)
		}
	}
	for i, one := range c.Listeners {
		if (one.Vardiff != VardiffOverride{}) && c.dedicatedOnly(one.Address) {
			l.note(join(index("listener", i), "vardiff"), text)
		}
	}
	if l.given["vardiff"] && !shared {
		l.note("vardiff", text)
	}
}

// dedicatedOnly says whether miners that come in by a listener get to dedicated
// routes and to no other.
func (c *Config) dedicatedOnly(listener string) bool {
	dedicated := false
	for _, r := range c.Routes {
		if !r.Match.takes(listener) {
			continue
		}
		if r.Mode == Shared {
			return false
		}
		dedicated = true
		rest := r.Match
		rest.Listen = ""
		if rest.IsZero() {
			break // it takes all that the listener has, but for an HTTP CONNECT
		}
	}
	return dedicated
}

// takes says whether a miner that comes in by a listener may match.
func (m Match) takes(listener string) bool {
	_, ok := steer.Compile([]steer.Rule{{Listener: m.Listen}}).Match(steer.Facts{Listener: listener})
	return ok
}
