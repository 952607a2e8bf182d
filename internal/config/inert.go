package config

import (
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
		if caught != "" {
			l.note(index("route", i), "no miner gets here: route "+caught+" before it takes them all; put the route without a match last")
		}
		if r.Match.IsZero() {
			caught = r.Name
		}
		l.noteInertShared(index("route", i), r)
		l.noteWindows(join(index("route", i), "split"), r)
	}
	for i, p := range c.Pools {
		for _, key := range []string{"ca", "fingerprints"} {
			if at := join(index("pool", i), key); l.given[at] && !isTLS(p.URL) {
				l.note(at, "has no effect without stratum+ssl:// in url")
			}
		}
		if !used[p.Name] {
			l.note(index("pool", i), "no route uses this pool")
		}
	}
	l.noteInertVardiff(c)
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
	if r.OnOutage == OutageHold {
		l.note(join(at, "on_outage"), `"hold" has no effect in dedicated mode; its miners are closed after outage_grace`)
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
			break // it takes all that the listener has
		}
	}
	return dedicated
}

// takes says whether a miner that comes in by a listener may match.
func (m Match) takes(listener string) bool {
	_, ok := steer.Compile([]steer.Rule{{Listener: m.Listen}}).Match(steer.Facts{Listener: listener})
	return ok
}
