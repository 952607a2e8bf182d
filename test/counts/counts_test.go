package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// printed is what tests print, as far as it is of interest.
const printed = `=== RUN   TestCounted
{"Counted":"share","Counts":[{"N":200,"Mallocs":1000,"Bytes":67200,"Writes":200},{"N":800,"Mallocs":4600,"Bytes":308000,"Writes":800}]}
{"Counted":"line","Counts":[{"N":1,"Mallocs":5,"Bytes":10,"Writes":0},{"N":3,"Mallocs":5,"Bytes":10,"Writes":0}]}
{"Counted":"share over TCP","Calls":[{"N":100,"Mallocs":3,"By":{"read":103,"write":100,"futex":9}},{"N":500,"Mallocs":3,"By":{"read":503,"write":900,"futex":5}}]}
PASS
`

func TestCounts(t *testing.T) {
	all, err := parseCounted([]byte(printed))
	if err != nil || len(all) != 3 {
		t.Fatalf("%v: %+v", err, all)
	}
	var got []row
	for _, c := range all[:2] {
		got = append(got, c.seen()...)
	}
	got = append(got, all[2].called()...)
	want := []row{
		{"share", allocations, 6},
		{"share", allocated, 401.333},
		{"share", writes, 1},
		{"line", allocations, 0},
		{"line", allocated, 0},
		{"share over TCP", allocations, 0},
		{"share over TCP", "read(2)", 1},
		{"share over TCP", "write(2)", 2},
		{"share over TCP", "epoll_pwait(2)", 0},
		{"share over TCP", "futex(2)", -0.01},
		{"share over TCP", "other system calls", 0},
	}
	if got = rounded(got); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	parts := []profile{{}, {1000, 3000}, {5, 5}, {7000, 6600}, {9, 9}, {0, 10}, {0, 1}, {0, 30}}
	rows, err := instructed(all[:2], parts)
	if want := []row{{"share", instructions, 6}, {"share", hashing, 10}, {"line", instructions, 10}}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("%v: %v, want %v", err, rows, want)
	}
	if _, err := instructed(all, parts); err == nil {
		t.Error("a profile that is too short is taken")
	}
	for _, bad := range []string{`{"Counted":"x","Counts":[{"N":1}]}`, `{"Counted":"x"}`, `{"Counted":7}`} {
		if _, err := parseCounted([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func TestProfile(t *testing.T) {
	const text = `version: 1
positions: line
events: Ir
summary: 180

fl=(1) a.go
fn=(1) crypto/internal/fips140/sha256.blockGeneric
16 100
+4 10
fn=(2) work.Hash
* 20
cfn=(1)
calls=3 16
+1 5000
* 7
cfi=(1)
cfn=(3) runtime.memmove
calls=1 2
-3 90
fn=(3)
2 40
totals: 180
`
	if got, err := parseProfile([]byte(text)); err != nil || got != (profile{hashing: 110, rest: 67}) {
		t.Errorf("%v: %+v", err, got)
	}
	if _, err := parseProfile([]byte("fn=(1) a\n16 x\n")); err == nil {
		t.Error("a cost that is no number is taken")
	}
}

// What has grown beyond its tolerance fails, and so does what cannot be compared.
func TestJudge(t *testing.T) {
	base := baseline{Go: "go1", Arch: "cpu", Tolerances: []tolerance{
		{Unit: allocations, Part: 0.01, More: 0.5}, {Unit: instructions, Part: 0.1}, {Unit: "read(2)"},
	}}
	for _, c := range []struct {
		what      string
		base, now row
		other     bool // another Go version
		want      verdict
		well      bool
	}{
		{"the same", row{"a", allocations, 100}, row{"a", allocations, 100}, false, same, true},
		{"within its tolerance", row{"a", allocations, 100}, row{"a", allocations, 101.4}, false, same, true},
		{"beyond it", row{"a", allocations, 100}, row{"a", allocations, 101.6}, false, grown, false},
		{"from nothing", row{"a", allocations, 0}, row{"a", allocations, 1}, false, grown, false},
		{"less", row{"a", allocations, 100}, row{"a", allocations, 90}, false, less, true},
		{"more instructions", row{"a", instructions, 1000}, row{"a", instructions, 1101}, false, grown, false},
		{"more of another Go's", row{"a", instructions, 1000}, row{"a", instructions, 2000}, true, unjudged, true},
		{"allocations of another Go's", row{"a", allocations, 1}, row{"a", allocations, 2}, true, grown, false},
		{"without a tolerance", row{"a", writes, 1}, row{"a", writes, 1}, false, unknown, false},
	} {
		m := measured{rows: []row{c.now}, goes: "go1", arch: "cpu"}
		if c.other {
			m.goes = "go2"
		}
		base.Rows = []row{c.base}
		wantJudged(t, c.what, base.judge(m), c.want, c.well)
	}
	base.Rows = nil
	wantJudged(t, "new", base.judge(measured{rows: []row{{"a", allocations, 1}}}), unknown, false)
	base.Rows = []row{{"a", "read(2)", 1}}
	wantJudged(t, "not counted", base.judge(measured{}), missing, false)
	wantJudged(t, "skipped", base.judge(measured{skipping: map[unit]bool{"read(2)": true}}), skipped, true)
}

func wantJudged(t *testing.T, what string, got []judged, want verdict, well bool) {
	t.Helper()
	if len(got) != 1 || got[0].Verdict != want {
		t.Errorf("%s: %+v, want %s", what, got, want)
		return
	}
	var out strings.Builder
	told, err := printTable(&out, got)
	if err != nil || told != well || !strings.Contains(out.String(), string(want)) {
		t.Errorf("%s: %v, well %t, want %t:\n%s", what, err, told, well, out.String())
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		j           judged
		count, more string
	}{
		{judged{row: row{Count: 0.0639}, Base: 0.063}, "0.064", "+0.001"},
		{judged{row: row{Count: 36644}, Base: 30000}, "36644", "+22.1 %"},
		{judged{row: row{Count: 1}, Base: math.NaN()}, "1.000", "-"},
	} {
		if n, g := figure(c.j.Count), growth(c.j); n != c.count || g != c.more {
			t.Errorf("%+v is %s, %s", c.j, n, g)
		}
	}
}

// The committed baseline has a tolerance, and its reason, for each of its rows.
func TestBaseline(t *testing.T) {
	b, err := read("baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Rows {
		i := slices.IndexFunc(b.Tolerances, func(t tolerance) bool { return t.Unit == r.Unit })
		if i < 0 || b.Tolerances[i].Why == "" {
			t.Errorf("%s, %s: no tolerance, or no reason for it", r.Name, r.Unit)
		}
	}
	if len(b.Rows) == 0 || b.Go == "" {
		t.Error("it is empty")
	}
}
