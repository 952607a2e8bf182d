package steer

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Rule says which miners one route takes. All that is set must hold; an
// empty field holds always. Texts are globs: * is any text, ? one character.
type Rule struct {
	// Route is the route's name.
	Route    string
	Listener string
	// ServerName is a glob on the name that a miner asked for in its TLS hello,
	// whatever its case. A miner that asked for none does not match it.
	ServerName string
	// Connect is a glob on the target of an HTTP CONNECT, whatever its case. A
	// miner that came without one does not match it. Where it is empty, a miner
	// that came by a CONNECT matches if its target is one of Targets, which are
	// as [Target] writes them.
	Connect   string
	Targets   []string
	UserAgent string
	Worker    string
	// Pool and Group are globs on what the password of the miner's first worker
	// asks for. A miner that asks for nothing does not match them.
	Pool, Group string
	CIDR        []netip.Prefix
}

// Facts is what is known of a miner so far.
type Facts struct {
	Listener string
	Remote   netip.Addr
	// ServerName is what the miner asked for in its TLS hello, in lower case;
	// empty is nothing.
	ServerName string
	// Connect is the target of the miner's HTTP CONNECT as [Target] writes it,
	// empty without one. Route is the route that it named there; then it matches
	// no other.
	Connect, Route string
	// UserAgent counts once Opened is true, Worker, Pool and Group once
	// Authorized is.
	UserAgent  string
	Worker     string
	Pool       string
	Group      string
	Opened     bool
	Authorized bool
}

// Rules is a list of rules in order: the first that matches wins.
type Rules struct{ rules []compiled }

type compiled struct {
	route   string
	targets []string
	cidr    []netip.Prefix
	// What is nil holds always.
	listener, serverName, connect, userAgent, worker, pool, group *regexp.Regexp
}

// Compile prepares rules for matching.
func Compile(rules []Rule) Rules {
	var rs Rules
	for _, r := range rules {
		rs.rules = append(rs.rules, compiled{
			route:      r.Route,
			targets:    r.Targets,
			cidr:       r.CIDR,
			listener:   glob(r.Listener),
			serverName: globOfSome(strings.ToLower(r.ServerName)),
			connect:    globOfSome(strings.ToLower(r.Connect)),
			userAgent:  glob(r.UserAgent),
			worker:     glob(r.Worker),
			pool:       globOfSome(r.Pool),
			group:      globOfSome(r.Group),
		})
	}
	return rs
}

// glob compiles a glob; nil for one that every text matches.
func glob(text string) *regexp.Regexp {
	if strings.Trim(text, "*") == "" {
		return nil
	}
	return expression(text)
}

// globOfSome compiles a glob on what not every miner has; nil for no glob. One
// that every text matches is not nil.
func globOfSome(text string) *regexp.Regexp {
	if text == "" {
		return nil
	}
	return expression(text)
}

func expression(text string) *regexp.Regexp {
	expr := regexp.QuoteMeta(strings.ToValidUTF8(text, "\ufffd"))
	expr = strings.ReplaceAll(expr, `\*`, `.*`)
	expr = strings.ReplaceAll(expr, `\?`, `.`)
	return regexp.MustCompile(`(?s)\A` + expr + `\z`)
}

// Match returns the index of the first rule that the facts satisfy, taking
// what is not known yet as not satisfying a rule that asks for it.
func (rs Rules) Match(f Facts) (rule int, ok bool) {
	for i, r := range rs.rules {
		if matches, known := r.test(f); matches && known {
			return i, true
		}
	}
	return 0, false
}

// Candidates returns the indexes of the rules that the miner can still
// match, in order, up to and including the first that it surely matches.
func (rs Rules) Candidates(f Facts) []int {
	var all []int
	for i, r := range rs.rules {
		matches, known := r.test(f)
		if !matches {
			continue
		}
		all = append(all, i)
		if known {
			break
		}
	}
	return all
}

// test says whether the facts satisfy the rule, and whether that is settled:
// a match that is not known hangs on facts that are still to come.
func (r compiled) test(f Facts) (matches, known bool) {
	if r.listener != nil && !r.listener.MatchString(f.Listener) {
		return false, true
	}
	if len(r.cidr) > 0 && !within(r.cidr, f.Remote) {
		return false, true
	}
	if r.serverName != nil && !has(r.serverName, f.ServerName) || !r.takes(f) {
		return false, true
	}
	known = true
	for _, late := range [...]struct {
		glob  *regexp.Regexp
		known bool
		text  string
	}{
		{r.userAgent, f.Opened, f.UserAgent},
		{r.worker, f.Authorized, f.Worker},
		{r.pool, f.Authorized, f.Pool},
		{r.group, f.Authorized, f.Group},
	} {
		switch {
		case late.glob == nil:
		case !late.known:
			known = false
		case !has(late.glob, late.text):
			return false, true
		}
	}
	return true, known
}

// has says whether there is a text, and it matches.
func has(glob *regexp.Regexp, text string) bool { return text != "" && glob.MatchString(text) }

// takes says whether the rule takes miners that came by the HTTP CONNECT that
// this one came by, or by none.
func (r compiled) takes(f Facts) bool {
	switch {
	case f.Route != "" && f.Route != r.route:
		return false
	case r.connect != nil:
		return has(r.connect, f.Connect)
	default:
		return f.Connect == "" || slices.Contains(r.targets, f.Connect)
	}
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
