package config

import (
	"slices"
	"strings"
)

// What a route may refuse of its miners.
const (
	// RefuseWithoutTLS lets nobody log in whose connection is not encrypted.
	RefuseWithoutTLS = "without_tls"
	// RefuseVersionRolling grants no version bits.
	RefuseVersionRolling = "version_rolling"
	// RefuseSuggestDifficulty gives no weight to what miners suggest.
	RefuseSuggestDifficulty = "suggest_difficulty"
	// RefusePasswordOptions gives none to what their passwords ask for.
	RefusePasswordOptions = "password_options"
)

// Refusable lists what a route may refuse.
func Refusable() []string {
	return []string{RefuseWithoutTLS, RefuseVersionRolling, RefuseSuggestDifficulty, RefusePasswordOptions}
}

// checkPolicy checks what a route refuses, and whom it takes.
func (l *loader) checkPolicy(at string, r Route) {
	l.checkWords(join(at, "refuse"), r.Refuse, Refusable(), "nothing that can be refused")
	l.checkGlobs(join(at, "workers"), r.Workers)
	if !slices.Contains(r.Refuse, RefusePasswordOptions) {
		return
	}
	for _, key := range []string{"pool", "group"} {
		if path := join(join(at, "match"), key); l.given[path] {
			l.add(path, "asks for an option of the password, which the route's refuse gives no weight to; take one of them out")
		}
	}
}

// checkWords checks that each of a list of words is one of those that are known, and is
// there once; none is what one that is not known is.
func (l *loader) checkWords(at string, words, known []string, none string) {
	for i, word := range words {
		switch {
		case slices.Contains(words[:i], word):
			l.add(index(at, i), "%q is named twice; once is enough", word)
		case slices.Contains(known, word):
		default:
			if meant := nearest(word, known); meant != "" {
				l.add(index(at, i), none+" is called %q, did you mean %q?", word, meant)
				continue
			}
			l.add(index(at, i), none+" is called %q; write some of %s", word, quoteAll(known))
		}
	}
}

// notePolicy remarks on a route that lets nobody in.
func (l *loader) notePolicy(at string, r Route, c *Config) {
	if i := slices.Index(r.Refuse, RefuseWithoutTLS); i >= 0 && !c.hasTLSFor(r) {
		l.note(index(join(at, "refuse"), i), "nobody can log in: no listener that miners of this route may come in by speaks TLS")
	}
}

// policyMeanings is the documentation of what a route refuses.
func policyMeanings() map[string]meaning {
	return map[string]meaning{
		"route[].refuse":  {"What this route's miners may not: any of `" + strings.Join(Refusable(), "`, `") + "`. See [what a route allows](#what-a-route-allows).", ""},
		"route[].workers": {"Globs on logins: this route's miners log in by what one of them matches; `[\"*.?*\"]` has a worker's name in each. Empty is any. See there, too.", ""},
	}
}

// policyReference is the part of docs/CONFIG.md on what a route allows.
func policyReference() string {
	return `
## What a route allows

Logins are 1 to 128 bytes of visible ASCII without spaces, on every route; others are refused. Beyond that a route may forbid something to its miners with
` + "`refuse`" + `, and take some logins only with ` + "`workers`" + `:

` + "```toml" + `
[[route]]
name = "rented"
refuse = ["without_tls", "password_options"]
workers = ["acme.?*", "acme2.?*"]
` + "```" + `

| | who asks is answered |
|---|---|
| ` + "`refuse = [\"without_tls\"]`" + `: a login by a connection that is not encrypted to here | ` + "`\"result\":false,\"error\":[24,\"TLS required\",null]`" + ` |
| ` + "`refuse = [\"version_rolling\"]`" + `: ` + "`mining.configure`" + ` with ` + "`version-rolling`" + ` | ` + "`\"result\":{\"version-rolling\":false},\"error\":null`" + ` |
| ` + "`refuse = [\"suggest_difficulty\"]`" + `: ` + "`mining.suggest_difficulty`" + ` and ` + "`mining.suggest_target`" + ` | ` + "`\"result\":true,\"error\":null`" + ` as ever, for firmware counts anything else as a refused share; it has no effect |
| ` + "`refuse = [\"password_options\"]`" + `: a login whose password has [options](#passwords) | as any login; the options have no effect |
| ` + "`workers`" + `: a login that no glob matches | ` + "`\"result\":false,\"error\":[24,\"Unauthorized worker\",null]`" + ` |

A miner's route is known with its connection, its subscribe or its first login, by what the ` + "`match`" + ` of the routes asks for. Until then several may be left: a login
before the subscribe is refused where any of them refuses it, all else, as ` + "`mining.configure`" + ` mostly is, where every one does. So let a route that forbids version rolling
be found by address, listener or name of TLS, not by worker. A load balancer that ends TLS makes connections that are not encrypted to here. After a reload all this holds for what is asked
from then on; who is logged in stays so.
`
}
