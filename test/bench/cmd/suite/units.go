package main

import "regexp"

// direction says which way a figure is better.
type direction int

const (
	neither direction = iota // what others took, how large a thing was
	lower
	higher
)

func (d direction) String() string {
	switch d {
	case lower:
		return "lower"
	case higher:
		return "higher"
	case neither:
	}
	return ""
}

// unit is what is known of the figures of some unit.
type unit struct {
	name   *regexp.Regexp
	better direction
	// ratio is set for what stands against something measured in the same run;
	// portable for that and for counts: they can be compared across machines.
	ratio, portable bool
	// least is the change that matters at all: what is counted in whole bytes and
	// allocations and divided by the runs of a loop moves by parts of one.
	least float64
}

// units is read from the top; the first that matches is it.
func units() []unit {
	of := func(name string, better direction) unit {
		return unit{name: regexp.MustCompile("^(?:" + name + ")$"), better: better}
	}
	ratio := func(name string, better direction) unit {
		u := of(name, better)
		u.ratio, u.portable = true, true
		return u
	}
	counted := func(name string, least float64) unit {
		u := of(name, lower)
		u.portable, u.least = true, least
		return u
	}
	return []unit{
		// What stands beside ours: how the machine was.
		of(`(bare|relay|write|load|haproxy|direct)-.*|ms/vectors|ns/share-untimed|ms-scan|ms-totals|%core-idle|B/notify|bytes|totals`, neither),
		// How many times longer others take for the same.
		ratio(`x_(encoding/)?json\w*|x_sonic|x_fastjson|x_prometheus|x_client_golang|times-faster|times-quicker|×faster-than-scan|x_burst|x_rate`, higher),
		// How many times as long as something bare ours takes.
		ratio(`x_.*|×.*|times-write|headers/op`, lower),
		counted(`allocs/.*`, 0.01),
		counted(`B/op`, 16),
		of(`.*/s|.*/s/core`, higher),
		of(`.*(ns|us|µs|ms|sec|B|KiB|MB)(/.*)?|(.+-)?(ns|us|µs|ms)(-.*)?|%core`, lower),
	}
}

// unitOf finds what is known of a unit; of one that nobody listed nothing is
// judged.
func unitOf(name string) unit {
	for _, u := range units() {
		if u.name.MatchString(name) {
			return u
		}
	}
	return unit{}
}

// others matches the benchmarks, and the parts of them, that measure what is not
// ours and stands beside it. Nothing of theirs gets worse by our doing.
func others() *regexp.Regexp {
	return regexp.MustCompile(`/(encoding/json|json\w*|sonic|fastjson|client_golang|prometheus|bare|direct|haproxy|relay|atomic|mutex)(/|$)`)
}

// byLoop are the units that testing counts by the loop.
func byLoop(name string) bool {
	return name == "B/op" || name == "allocs/op" || name == "MB/s"
}
