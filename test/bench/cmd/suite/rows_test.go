package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	r := readText(t, head+"BenchmarkA 1 20 x_json 1.6 x_bare 5300 B/miner NaN x_p99 0 x_burst\nBenchmarkA 1 10 x_json 1.4 x_bare 5300 B/miner NaN x_p99 0 x_burst\nBenchmarkA 1 19 x_json 1.5 x_bare 5300 B/miner NaN x_p99 0 x_burst\n")
	of := func(w row) row {
		w.Package, w.Benchmark = "internal/app", "A"
		return w
	}
	for _, c := range []struct {
		name    string
		row     row
		want    string
		median  float64
		printed string
	}{
		{"a part of another's time", of(row{Unit: "x_json", Inverse: true, Bound: 1.0 / 18, In: "× json"}), passes, 1.0 / 19, "≤ 1/18 × json"},
		{"just not", of(row{Unit: "x_json", Inverse: true, Bound: 1.0 / 20}), fallsShort, 1.0 / 19, "≤ 1/20 "},
		{"a rate from costs", of(row{Unit: "x_bare", Inverse: true, Least: true, Bound: 0.65}), passes, 1 / 1.5, "≥ 0.65 "},
		{"a rate that is too low", of(row{Unit: "x_bare", Inverse: true, Least: true, Bound: 0.7}), fallsShort, 1 / 1.5, "≥ 0.7 "},
		{"scaled", of(row{Unit: "B/miner", Scale: 1e-3, Bound: 4, In: "kB"}), fallsShort, 5.3, "≤ 4 kB"},
		{"the bound itself", of(row{Unit: "B/miner", Bound: 5300}), passes, 5300, "≤ 5300 "},
		{"no number", of(row{Unit: "x_p99", Bound: 1.3}), notMeasured, 0, "≤ 1.3 "},
		{"divided by nothing", of(row{Unit: "x_burst", Inverse: true, Least: true, Bound: 1.3}), notMeasured, 0, "≥ 1.3 "},
		{"another unit", of(row{Unit: "x_cpu", Bound: 1}), notMeasured, 0, "≤ 1 "},
		{"another package", row{Package: "work", Benchmark: "A", Unit: "x_json", Bound: 1}, notMeasured, 0, "≤ 1 "},
	} {
		got := judge([]row{c.row}, r)[0]
		if got.Verdict != c.want || got.BoundText() != c.printed {
			t.Errorf("%s: %s, %q; want %s, %q", c.name, got.Verdict, got.BoundText(), c.want, c.printed)
		}
		if got.Measured == nil {
			if c.want != notMeasured {
				t.Errorf("%s: not measured", c.name)
			}
			continue
		}
		if m := got.Measured.Median; math.Abs(m-c.median) > 1e-9 {
			t.Errorf("%s: median %v, want %v", c.name, m, c.median)
		}
	}
}

// A row whose benchmark is not in the tree could never pass, and one whose unit
// nobody reports neither.
func TestRowsAreInTheTree(t *testing.T) {
	for _, w := range rows() {
		if w.Name == "" || w.In == "" || w.From == "" || w.Bound < 0 {
			t.Errorf("row %+v lacks something", w)
		}
		if !declared(t, w.Package, w.Benchmark, w.Unit) {
			t.Errorf("%s: nothing in %s reports %s of Benchmark%s", w.Name, w.Package, w.Unit, w.Benchmark)
		}
	}
}

// Every unit that a benchmark reports is known, so that a change of it is judged.
func TestUnitsAreKnown(t *testing.T) {
	n := 0
	for name, where := range reportedUnits(t) {
		n++
		if unitOf(name).name == nil {
			t.Errorf("%s reports %s, of which units.go does not say which way is better", where, name)
		}
	}
	if n < 30 {
		t.Errorf("only %d units were found", n)
	}
}

// How many times ours is to be low, how many times another's is to be high.
func TestUnitsOfTurns(t *testing.T) {
	ways := map[string]direction{"Of": lower, "Than": higher}
	for _, text := range benchmarkSources(t) {
		for _, m := range compared(text) {
			if got := unitOf(m[2]).better; got != ways[m[1]] {
				t.Errorf("turns.%s reports %s, of which units.go says that %q is better", m[1], m[2], got)
			}
		}
	}
}

func TestUnits(t *testing.T) {
	got := make(map[string]string)
	for _, name := range []string{"ns/op", "MB/s", "allocs/op", "x_bare", "x_encoding/json", "x_json_at_once", "times-quicker", "times-write", "p99-us", "bare-ms", "KiB/tls", "shares/s", "ms", "furlongs", "cpu-ms/op", "msgs/s"} {
		got[name] = unitOf(name).better.String()
	}
	want := map[string]string{
		"ns/op": "lower", "MB/s": "higher", "allocs/op": "lower", "x_bare": "lower", "x_encoding/json": "higher", "x_json_at_once": "higher", "times-quicker": "higher", "times-write": "lower",
		"p99-us": "lower", "bare-ms": "", "KiB/tls": "lower", "shares/s": "higher", "ms": "lower", "furlongs": "", "cpu-ms/op": "lower", "msgs/s": "higher",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The table in the documents is this one.
func TestRowsAreDocumented(t *testing.T) {
	const begin, end = "<!-- generated: cd test/bench && go test ./cmd/suite -update -->\n", "<!-- end of generated -->"
	file := filepath.Join(tree, "docs", "BENCHMARKS.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the rows", file)
	}
	var want strings.Builder
	want.WriteString("\n| row | bound | why | read from |\n|---|---|---|---|\n")
	for _, one := range judge(rows(), &results{}) {
		_, _ = fmt.Fprintf(&want, "| %s | %s | %s | `%s` |\n", one.Name, one.BoundText(), one.From, one.Benchmark)
	}
	want.WriteString("\n")
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want.String(), table); d != "" {
		t.Errorf("%s (go test -update rewrites it): %s", file, d)
	}
}
