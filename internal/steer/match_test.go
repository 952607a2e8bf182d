package steer_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/steer"
)

var lan = netip.MustParsePrefix("10.0.0.0/8")

func TestMatchAsFactsArrive(t *testing.T) {
	rules := steer.Compile([]steer.Rule{
		{Worker: "vip.*"},
		{UserAgent: "NiceHash/*", Listener: "*:3334"},
		{CIDR: []netip.Prefix{lan}},
		{},
	})
	at := func(listener, addr string) steer.Facts {
		return steer.Facts{Listener: listener, Remote: netip.MustParseAddr(addr)}
	}
	opened := func(f steer.Facts, ua string) steer.Facts { f.Opened, f.UserAgent = true, ua; return f }
	named := func(f steer.Facts, worker string) steer.Facts { f.Authorized, f.Worker = true, worker; return f }

	for _, c := range []struct {
		name       string
		facts      steer.Facts
		candidates []int
		match      int
	}{
		{"a stranger from outside", at("0.0.0.0:3333", "198.51.100.7"), []int{0, 3}, 3},
		{"a stranger at the rental port", at("0.0.0.0:3334", "198.51.100.7"), []int{0, 1, 3}, 3},
		{"a rental", opened(at("0.0.0.0:3334", "198.51.100.7"), "NiceHash/1.0.0"), []int{0, 1}, 1},
		{"a rental at the wrong port", opened(at("0.0.0.0:3333", "198.51.100.7"), "NiceHash/1.0.0"), []int{0, 3}, 3},
		{"the farm", at("0.0.0.0:3333", "10.1.2.3"), []int{0, 2}, 2},
		{"a named worker wins over all", named(opened(at("0.0.0.0:3334", "10.1.2.3"), "NiceHash/1.0.0"), "vip.1"), []int{0}, 0},
		{"another worker", named(opened(at("0.0.0.0:3333", "10.1.2.3"), "x"), "bob.1"), []int{2}, 2},
		{"authorized before subscribe", named(at("0.0.0.0:3334", "198.51.100.7"), "bob"), []int{1, 3}, 3},
	} {
		if got := rules.Candidates(c.facts); !slices.Equal(got, c.candidates) {
			t.Errorf("%s: candidates %v, want %v", c.name, got, c.candidates)
		}
		got, ok := rules.Match(c.facts)
		if !ok || got != c.match {
			t.Errorf("%s: matches %d (%t), want %d", c.name, got, ok, c.match)
		}
	}
}

func TestNoRuleMatches(t *testing.T) {
	rules := steer.Compile([]steer.Rule{{Listener: "[::1]:1"}})
	if got := rules.Candidates(steer.Facts{Listener: "x"}); got != nil {
		t.Errorf("candidates %v, want none", got)
	}
	if _, ok := rules.Match(steer.Facts{Listener: "x"}); ok {
		t.Error("a rule for another listener matches")
	}
	if _, ok := rules.Match(steer.Facts{Listener: "[::1]:1"}); !ok {
		t.Error("a glob's special characters are not taken literally")
	}
}

// A CONNECT leads to routes that have its target among their pools or ask for it,
// and to the one that it names.
func TestMatchByConnect(t *testing.T) {
	rules := steer.Compile([]steer.Rule{
		{Route: "asked", Connect: "VIP.*:3333", Targets: []string{"a:1"}},
		{Route: "a", Targets: []string{"a:1", "b:2"}},
		{Route: "b", Targets: []string{"b:2"}},
		{Route: "any", Connect: "*"},
		{Route: "lan", CIDR: []netip.Prefix{lan}, Targets: []string{"c:3"}},
	})
	for _, c := range []struct {
		name, connect, route, addr string
		want                       []int
	}{
		{"no CONNECT", "", "", "192.0.2.1", []int{1}},
		{"a pool of two routes", "b:2", "", "192.0.2.1", []int{1}},
		{"the route that it names", "b:2", "b", "192.0.2.1", []int{2}},
		{"a route that asks for something else", "a:1", "asked", "192.0.2.1", nil},
		{"a target that is asked for", "vip.example.com:3333", "", "192.0.2.1", []int{0}},
		{"no pool", "x:9", "", "192.0.2.1", []int{3}},
		{"no pool of the route that it names", "x:9", "a", "192.0.2.1", nil},
		{"a route that is not there", "a:1", "x", "192.0.2.1", nil},
		{"from elsewhere", "c:3", "lan", "192.0.2.1", nil},
		{"from the lan", "c:3", "lan", "10.1.2.3", []int{4}},
	} {
		facts := steer.Facts{Connect: c.connect, Route: c.route, Remote: netip.MustParseAddr(c.addr)}
		if got := rules.Candidates(facts); !slices.Equal(got, c.want) {
			t.Errorf("%s: candidates %v, want %v", c.name, got, c.want)
		}
	}
}

// A route by server name is for those who asked for one that matches, whatever its
// case in the file.
func TestMatchByServerName(t *testing.T) {
	rules := steer.Compile([]steer.Rule{{ServerName: "*.Farm.example.com"}, {ServerName: "*", Worker: "vip"}, {}})
	for name, want := range map[string][]int{
		"": {2}, "a.farm.example.com": {0}, "farm.example.com": {1, 2}, "other": {1, 2},
	} {
		if got := rules.Candidates(steer.Facts{ServerName: name}); !slices.Equal(got, want) {
			t.Errorf("%q: candidates %v, want %v", name, got, want)
		}
	}
}

// What a password asks for is not known before the worker is, and a route that
// goes by it is not for those who ask for nothing.
func TestMatchByPassword(t *testing.T) {
	rules := steer.Compile([]steer.Rule{{Pool: "main"}, {Group: "barn*"}, {Group: "*", Pool: "?*"}, {}})
	for _, c := range []struct {
		facts steer.Facts
		want  []int
	}{
		{steer.Facts{}, []int{0, 1, 2, 3}},
		{steer.Facts{Pool: "main", Group: "barn"}, []int{0, 1, 2, 3}},
		{steer.Facts{Authorized: true}, []int{3}},
		{steer.Facts{Authorized: true, Pool: "main"}, []int{0}},
		{steer.Facts{Authorized: true, Pool: "Main"}, []int{3}},
		{steer.Facts{Authorized: true, Group: "barn2"}, []int{1}},
		{steer.Facts{Authorized: true, Group: "shed", Pool: "backup"}, []int{2}},
		{steer.Facts{Authorized: true, Group: "shed"}, []int{3}},
	} {
		if got := rules.Candidates(c.facts); !slices.Equal(got, c.want) {
			t.Errorf("%+v: candidates %v, want %v", c.facts, got, c.want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	for _, text := range []string{"h:1", "[::1]:3333", "192.0.2.1:80", "H.:08", ":1", "a:b:c", "[::ffff:1.2.3.4]:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, ok := steer.Target(text)
		if !ok {
			if target != "" {
				t.Fatalf("%q is no target and is %q", text, target)
			}
			return
		}
		if again, ok := steer.Target(target); !ok || again != target || len(target) > 260 {
			t.Fatalf("%q is %q, which is %q (%t)", text, target, again, ok)
		}
		if upper, ok := steer.Target(strings.ToUpper(text)); !ok || upper != target {
			t.Fatalf("%q is %q, in upper case %q", text, target, upper)
		}
	})
}

// What a miner matches once all is known was among its candidates all along.
func TestMatchStaysAmongCandidates(t *testing.T) {
	texts := rapid.SampledFrom([]string{"", "*", "a*", "*b", "ab", "?b", "b"})
	words := rapid.SampledFrom([]string{"", "a", "b", "ab", "aab"})
	rapid.Check(t, func(t *rapid.T) {
		list := make([]steer.Rule, rapid.IntRange(1, 5).Draw(t, "rules"))
		for i := range list {
			r := steer.Rule{Listener: texts.Draw(t, "l"), UserAgent: texts.Draw(t, "ua"), Worker: texts.Draw(t, "w"), Pool: texts.Draw(t, "p"), Group: texts.Draw(t, "g")}
			if rapid.Bool().Draw(t, "cidr") {
				r.CIDR = []netip.Prefix{lan}
			}
			list[i] = r
		}
		rules := steer.Compile(list)
		addr := netip.MustParseAddr(rapid.SampledFrom([]string{"10.0.0.1", "192.0.2.1"}).Draw(t, "addr"))
		facts := steer.Facts{Listener: words.Draw(t, "listener"), Remote: addr}
		seen := make([][]int, 0, 3)
		seen = append(seen, rules.Candidates(facts))
		facts.Opened, facts.UserAgent = true, words.Draw(t, "agent")
		seen = append(seen, rules.Candidates(facts))
		facts.Authorized, facts.Worker = true, words.Draw(t, "worker")
		facts.Pool, facts.Group = words.Draw(t, "pool"), words.Draw(t, "group")
		seen = append(seen, rules.Candidates(facts))
		got, ok := rules.Match(facts)
		for step, candidates := range seen {
			if ok && !slices.Contains(candidates, got) {
				t.Fatalf("matched %d, which was no candidate at step %d: %v", got, step, candidates)
			}
		}
		if last := seen[2]; ok != (len(last) == 1) {
			t.Fatalf("with all facts known there are candidates %v, matched %t", last, ok)
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*", "abc")
	f.Add("[x?", "[xy")
	f.Add("\xff", "\xff")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		_, ok := steer.Compile([]steer.Rule{{Listener: pattern}}).Match(steer.Facts{Listener: text})
		if utf8.ValidString(pattern) && !strings.ContainsAny(pattern, "*?") && pattern != "" && ok != (pattern == text) {
			t.Fatalf("glob %q against %q: %t", pattern, text, ok)
		}
	})
}
