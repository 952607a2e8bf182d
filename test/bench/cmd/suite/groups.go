package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// group is benchmarks that are run together.
type group struct {
	Name string
	What string
	of   *regexp.Regexp // package and benchmark; nil for what no other group has
}

// groups is read from the top: a benchmark belongs to the first that it matches.
func groups() []group {
	of := func(expression string) *regexp.Regexp { return regexp.MustCompile(expression) }
	return []group{
		{"memory", "what a message and a miner that says nothing take", of(`Idle|Memory$`)},
		{"e2e", "shares and connections through a whole proxy and real sockets", of(`^internal/app (SharedShares|SharedStorm|Dedicated)`)},
		{"fanout", "a new block's way to all miners", of(`^internal/(app|wire) \w*(Fanout|Failover)`)},
		{"wire", "one connection, and coming in", of(`^internal/(wire|listen|guard)`)},
		{"observed", "what looking costs: pages, profiles, traces, recorder", of(`^internal/(app (FlightRecorder|SharedReaders)|httpapi|telemetry|serve)`)},
		{"storage", "books, log and warehouse", of(`^internal/(journal|store|ledger)`)},
		{"micro", "arithmetic and protocol within one process: all others", nil},
	}
}

// quick is the group of what rows are read from and a few seconds are enough for.
const quick = "quick"

// groupOf finds the group of a benchmark's function, without its "Benchmark".
func groupOf(pkg, function string) string {
	for _, g := range groups() {
		if g.of == nil || g.of.MatchString(pkg+" "+function) {
			return g.Name
		}
	}
	return ""
}

// within says whether a function is in one of the groups that were asked for; none
// means all.
func within(asked []string, pkg, function string) bool {
	if len(asked) == 0 {
		return true
	}
	g := groupOf(pkg, function)
	return slices.Contains(asked, g) || slices.Contains(asked, quick) && g != "e2e" && g != "fanout" && g != "memory" && readByRow(pkg, function)
}

func readByRow(pkg, function string) bool {
	return slices.ContainsFunc(rows(), func(w row) bool {
		top, _, _ := strings.Cut(w.Benchmark, "/")
		return w.Package == pkg && top == function
	})
}

// parseGroups reads names with commas between.
func parseGroups(list string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		known := name == quick || slices.ContainsFunc(groups(), func(g group) bool { return g.Name == name })
		switch {
		case name == "":
		case !known:
			return nil, fmt.Errorf("no group %q: %s", name, groupNames())
		default:
			names = append(names, name)
		}
	}
	return names, nil
}

func groupNames() string {
	names := make([]string, 0, len(groups())+1)
	for _, g := range groups() {
		names = append(names, g.Name)
	}
	return strings.Join(append(names, quick), ", ")
}
