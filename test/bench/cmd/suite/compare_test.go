package main

import (
	"fmt"
	"strings"
	"testing"
)

// runs are results of one benchmark, with a value of a unit a run.
func runs(t *testing.T, benchmark, unit, values string) *results {
	t.Helper()
	var text strings.Builder
	text.WriteString(head)
	for v := range strings.FieldsSeq(values) {
		_, _ = fmt.Fprintf(&text, "Benchmark%s-2 1 %s %s", benchmark, v, unit)
		if unit != "ns/op" {
			text.WriteString(" 5 ns/op") // its loop has a meaning
		}
		text.WriteString("\n")
	}
	return readText(t, text.String())
}

func TestCompare(t *testing.T) {
	for _, c := range []struct{ name, benchmark, unit, was, is, want string }{
		{"slower", "A", "ns/op", "100 101 102 103 104 105", "120 121 122", worse},
		{"quicker", "A", "ns/op", "100 101 102 103 104 105", "80 81 82", better},
		{"fewer a second", "A", "shares/s", "100 101 102 103 104 105", "80 81 82", worse},
		{"more a second", "A", "shares/s", "100 101 102 103 104 105", "120 121 122", better},
		{"a higher ratio to the bare thing", "A", "x_bare", "1.00 1.01 1.02 1.03", "1.3 1.31 1.32 1.33", worse},
		{"others take fewer times as long", "A", "x_encoding/json", "20 20.1 20.2 20.3", "15 15.1 15.2 15.3", worse},
		{"significant but less than the threshold", "A", "ns/op", "100 101 102 103 104 105", "108 109 110", same},
		{"more than the threshold but chance", "A", "ns/op", "100 150 90 140 95 145", "148 92 147", same},
		{"too few", "A", "ns/op", "100 101 102", "150 151 152", tooFew},
		{"too few, but no change either", "A", "ns/op", "100 101 102", "103 104 105", same},
		{"allocations from none", "A", "allocs/op", "0 0 0 0 0 0", "1 1 1", worse},
		{"parts of an allocation", "A", "allocs/share", "0.001 0.001 0.001 0.001", "0.004 0.004 0.004 0.004", same},
		{"parts of a byte", "A", "B/op", "3 3 3 3", "5 5 5 5", same},
		{"what others take", "A", "bare-cpu-us/share", "10 10 10 10", "20 20 20 20", notAlike},
		{"another's benchmark", "A/sonic", "ns/op", "10 10 10 10", "20 20 20 20", notAlike},
		{"a unit that nobody listed", "A", "furlongs", "10 10 10 10", "20 20 20 20", notAlike},
	} {
		was, is := runs(t, c.benchmark, c.unit, c.was), runs(t, c.benchmark, c.unit, c.is)
		got := ""
		for _, one := range compare("b", was, is, 10).Changes {
			if one.Unit == c.unit {
				got = one.Verdict
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Between two machines ratios and counts are judged, times are not.
func TestCompareMachines(t *testing.T) {
	text := func(cpu string, scale float64) string {
		var b strings.Builder
		b.WriteString("cpu: " + cpu + "\n")
		for i := range 6 {
			_, _ = fmt.Fprintf(&b, "BenchmarkA-2 1 %g ns/op %g x_bare\n", scale*(100+float64(i)), scale*(1+float64(i)/100))
		}
		return b.String()
	}
	was := readText(t, text("one", 1))
	for cpu, want := range map[string]string{"one": worse, "another": notAlike} {
		c := compare("b", was, readText(t, text(cpu, 1.5)), 10)
		for _, one := range c.Changes {
			if one.Unit == "ns/op" && one.Verdict != want {
				t.Errorf("ns on %s: %s, want %s", cpu, one.Verdict, want)
			}
			if one.Unit == "x_bare" && one.Verdict != worse {
				t.Errorf("ratio on %s: %s", cpu, one.Verdict)
			}
		}
		if (len(c.Differs) > 0) != (cpu == "another") {
			t.Errorf("%s differs by %q", cpu, c.Differs)
		}
	}
}

func TestEnough(t *testing.T) {
	for _, c := range []struct {
		was, is int
		want    bool
	}{{3, 3, false}, {4, 3, false}, {4, 4, true}, {6, 3, true}, {1, 20, false}} {
		if got := enough(c.was, c.is); got != c.want {
			t.Errorf("%d and %d runs: %v", c.was, c.is, got)
		}
	}
}
