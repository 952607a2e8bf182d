package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the files in testdata that show reports")

// example is the report of made-up results.
func example(t *testing.T) *report {
	t.Helper()
	was, err := readFile("testdata/before.txt")
	if err != nil {
		t.Fatal(err)
	}
	is, err := readFile("testdata/after.txt")
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSoak("testdata/soak.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	r := newReport(is)
	r.Rows = judge(exampleRows(), is)
	r.Comparison = compare("before", was, is, 10)
	r.Soaks = []soak{s}
	r.Skipped = []string{"BenchmarkDedicated"}
	return r
}

// exampleRows do not change with the table.
func exampleRows() []row {
	return []row{
		{Name: "decode a simple request", Package: "test/bench", Benchmark: "Ratios/subscribe", Unit: "x_encoding/json", Inverse: true, Bound: 1.0 / 18, In: "× encoding/json", From: "a prototype"},
		{Name: "allocations of a submit", Package: "test/bench", Benchmark: "Parsers/submit/sv1", Unit: "allocs/op", In: "allocations", From: "decoded in place"},
		{Name: "shares <over> TCP", Package: "internal/app", Benchmark: "SharedShares/closed/miners=18000", Unit: "x_bare", Inverse: true, Least: true, Bound: 0.65, In: "× rate of a bare echo", From: "the same run"},
		{Name: "an idle miner", Package: "internal/app", Benchmark: "SharedIdle/miners=18000", Unit: "B/miner", Scale: 1e-3, Bound: 4, In: "kB", From: "two stacks"},
		{Name: "beside haproxy", Package: "internal/app", Benchmark: "Dedicated/paced", Unit: "x_cpu", Bound: 1.05, In: "× haproxy", From: "the same run"},
	}
}

func TestReports(t *testing.T) {
	r := example(t)
	for name, write := range map[string]func(io.Writer) error{"report.txt": r.writeText, "report.json": r.writeJSON, "report.html": r.writeHTML} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Errorf("%s (go test -update rewrites it): %s", name, d)
		}
	}
}

// The page asks nobody for anything, runs nothing, and shows what it is given as
// text.
func TestPageIsSelfContained(t *testing.T) {
	var page bytes.Buffer
	if err := example(t).writeHTML(&page); err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`(?i)<(script|link|img|iframe)|\b(src|href)=|url\(|https?://|@import`).FindString(page.String()); m != "" {
		t.Errorf("the page has %q", m)
	}
	for _, want := range []string{"shares &lt;over&gt; TCP", "prefers-color-scheme: dark", "heap_bytes", "not measured", "falls short", "2222222", "go1.26.8", "Linux 6.18.0"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// JSON has every fact and no number that is none.
func TestJSON(t *testing.T) {
	var text bytes.Buffer
	if err := example(t).writeJSON(&text); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Facts map[string]string
		Rows  []struct{ Verdict string }
	}
	if err := json.Unmarshal(text.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"date", "commit", "go", "kernel", "cpu", "cores", "memory", "load", "rounds", "took", "others"} {
		if back.Facts[f] == "" {
			t.Errorf("no %s in %v", f, back.Facts)
		}
	}
	if len(back.Rows) != len(exampleRows()) {
		t.Errorf("%d rows", len(back.Rows))
	}
}

// A unit that nobody listed is named, so that it does not go unjudged for ever.
func TestUnknownUnits(t *testing.T) {
	r := newReport(readText(t, head+"BenchmarkA 1 3 furlongs\nBenchmarkA 1 4 furlongs 5 ns/op\n"))
	if d := cmp.Diff([]string{"furlongs"}, r.Unknown); d != "" {
		t.Error(d)
	}
	var text bytes.Buffer
	if err := r.writeText(&text); err != nil || !strings.Contains(text.String(), "which way is better: furlongs") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

func TestOthers(t *testing.T) {
	from := usage{machine: 100 * time.Second, ours: 10 * time.Second}
	for _, c := range []struct {
		to   usage
		want string
	}{
		{usage{115 * time.Second, 24 * time.Second}, "5 % of the processors"},
		{usage{120 * time.Second, 20 * time.Second}, "50 % of the processors: too much for figures to be relied on"},
		{usage{109 * time.Second, 20 * time.Second}, "0 % of the processors"}, // ticks are coarse
	} {
		if got := othersTook(from, c.to, 10*time.Second, 2); got != c.want {
			t.Errorf("%v: %q, want %q", c.to, got, c.want)
		}
	}
	if got := othersTook(usage{}, usage{}, time.Second, 2); got != unknown {
		t.Errorf("where the kernel does not tell: %q", got)
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1.00", 12.345: "12.3", 123.4: "123", 1234567: "1,234,567", -1234: "-1,234", 0.0012345: "0.00123", 99.99: "100.0", 1e-5: "1.00e-05", 2e9: "2.00e+09"} {
		if got := digits(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	is, err := readFile("testdata/after.txt")
	if err != nil {
		t.Fatal(err)
	}
	quiet := func() *report { return &report{Rows: []reached{{Verdict: passes}}} }
	for _, c := range []struct {
		name   string
		change func(*report)
		strict bool
		want   int
	}{
		{"all is well", func(*report) {}, true, 0},
		{"a row falls short", func(r *report) { r.Rows[0].Verdict = fallsShort }, false, 0},
		{"a row falls short, strictly", func(r *report) { r.Rows[0].Verdict = fallsShort }, true, 1},
		{"a row was not measured, strictly", func(r *report) { r.Rows[0].Verdict = notMeasured }, true, 1},
		{"the same", func(r *report) { r.Comparison = compare("b", is, is, 10) }, false, 0},
		{"worse", func(r *report) { r.Comparison = &comparison{Changes: []change{{Verdict: worse}}} }, false, 1},
		{"cannot be told", func(r *report) { r.Comparison = &comparison{Changes: []change{{Verdict: tooFew}}} }, false, 1},
		{"better", func(r *report) { r.Comparison = &comparison{Changes: []change{{Verdict: better}}} }, false, 0},
		{"something did not run", func(r *report) { r.Failed = []string{"x"} }, false, 2},
	} {
		r := quiet()
		c.change(r)
		if got := r.code(c.strict); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
