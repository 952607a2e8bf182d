package config

import (
	"slices"
	"time"
)

// IsZero says whether a match takes every miner.
func (m Match) IsZero() bool {
	all := func(s string) bool { return s == "" || s == "*" }
	return all(m.Listen) && all(m.Worker) && all(m.UserAgent) && len(m.CIDR) == 0 &&
		m.ServerName == "" && m.Connect == "" && m.Pool == "" && m.Group == ""
}

// VardiffFor returns what holds for a miner that came in by a listener, named
// by its address, and is on a route, an index of c.Routes: [vardiff], over it
// what the listener sets, over that what the route sets. Where a bound of the
// route's crosses one of the listener's, the route's holds for both. A
// listener or route that is not there sets nothing.
func (c *Config) VardiffFor(listener string, route int) Vardiff {
	v := c.Vardiff
	for _, one := range c.Listeners {
		if one.Address == listener {
			v = v.With(one.Vardiff)
			break
		}
	}
	if route < 0 || route >= len(c.Routes) {
		return v
	}
	over := c.Routes[route].Vardiff
	v = v.With(over)
	if v.Max > 0 && v.Min > v.Max {
		if over.Min == nil {
			v.Min = v.Max
		} else {
			v.Max = v.Min
		}
	}
	v.Start = v.bounded(v.Start)
	return v
}

// With returns v with what over sets put in. A start that over does not set
// is moved between the bounds that it does.
func (v Vardiff) With(over VardiffOverride) Vardiff {
	set := func(dst, from *float64) {
		if from != nil {
			*dst = *from
		}
	}
	set(&v.SharesPerMinute, over.SharesPerMinute)
	set(&v.Start, over.Start)
	set(&v.Min, over.Min)
	set(&v.Max, over.Max)
	set(&v.Fixed, over.Fixed)
	if over.Start == nil {
		v.Start = v.bounded(v.Start)
	}
	return v
}

// bounded moves a difficulty between min and max.
func (v Vardiff) bounded(d float64) float64 {
	if v.Max > 0 {
		d = min(d, v.Max)
	}
	return max(d, v.Min)
}

// EveryPool lists the pools that a route may use, in order, repeated if the
// file repeats them.
func (r Route) EveryPool() []string {
	all := append([]string(nil), r.Pools...)
	for _, part := range r.Split {
		all = append(all, part.All()...)
	}
	return all
}

func (l *loader) checkRoutes(c *Config) {
	known := make([]string, len(c.Pools))
	for i, p := range c.Pools {
		known[i] = p.Name
	}
	first := map[string]int{}
	for i, r := range c.Routes {
		at := index("route", i)
		l.checkName(join(at, "name"), r.Name)
		if other, dup := first[r.Name]; dup {
			l.add(join(at, "name"), "%q is the name of route[%d] already; give each route a name of its own", r.Name, other)
		} else {
			first[r.Name] = i
		}
		pools := join(at, "pools")
		switch {
		case len(r.Split) > 0 && l.given[pools]:
			l.add(join(at, "split"), "a route has either pools or a split; take one of them out")
		case len(r.Split) == 0 && len(r.Pools) == 0 && len(c.Pools) > 0 && !l.bad[join(at, "split")]:
			l.add(pools, "no pool named; name at least one, or leave pools out for all in file order")
		}
		l.checkPoolNames(pools, r.Pools, known)
		l.checkSplit(join(at, "split"), r, known)
		if n := r.Extranonce2Size; n < 0 || n > maxExtranonce2 {
			l.add(join(at, "extranonce2_size"), "%d is out of range; write 1 to %d bytes, or leave it out", n, maxExtranonce2)
		}
		if n := r.MaxMinersPerConnection; n < 1 || n > maxMinersPerLink {
			l.add(join(at, "max_miners_per_connection"), "%d is out of range; write a number from 1 to %d", n, maxMinersPerLink)
		}
		l.checkTimeout(join(at, "outage_grace"), r.OutageGrace, time.Hour)
		l.checkTimeout(join(at, "return_after"), r.ReturnAfter, 24*time.Hour)
		l.checkPassword(join(at, "password"), r.Password)
		if !isPrintable(r.Worker.String()) {
			l.add(join(at, "worker"), "%q has spaces or characters that no pool takes; use visible ASCII characters only", r.Worker)
		}
	}
}

// checkPoolNames checks that each name is a pool's and named once.
func (l *loader) checkPoolNames(path string, names, known []string) {
	seen := map[string]bool{}
	for i, name := range names {
		at := index(path, i)
		if seen[name] {
			l.add(at, "%q is named twice; once is enough", name)
		}
		seen[name] = true
		l.checkPoolName(at, name, known)
	}
}

func (l *loader) checkPoolName(path, name string, known []string) {
	if slices.Contains(known, name) {
		return
	}
	switch meant := nearest(name, known); {
	case l.bad["pool"]:
		// The pools could not be read; nothing is known of their names.
	case meant != "":
		l.missing(path, "no pool has the name %q, did you mean %q?", name, meant)
	case len(known) == 0:
		l.missing(path, "no pool has the name %q; add a [[pool]] with name = %q", name, name)
	default:
		l.missing(path, "no pool has the name %q; pools are %s", name, quoteAll(known))
	}
}
