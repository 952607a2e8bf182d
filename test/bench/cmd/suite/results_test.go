package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const head = "cpu: some cpu\ncommit: abc\npkg: github.com/loka/stratum/internal/app\n"

func readText(t *testing.T, text string) *results {
	t.Helper()
	r, err := read(strings.NewReader(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Names come without the processors, units as the benchmark wrote them, and runs in
// order.
func TestRead(t *testing.T) {
	r := readText(t, head+"BenchmarkA/miners=5-2 \t 10 \t 12.5 ns/op \t 3 wire-ns/line\t 7 B/op\nok some line\nBenchmarkA/miners=5-2 \t 10 \t 11 ns/op \t 4 wire-ns/line \t 7 B/op\n"+
		"pkg: other.org/x\nBenchmarkB \t 1 \t 2 MB/s 9 ns/op\n")
	want := map[id][]float64{
		{"internal/app", "A/miners=5", "ns/op"}:        {12.5, 11},
		{"internal/app", "A/miners=5", "wire-ns/line"}: {3, 4},
		{"internal/app", "A/miners=5", "B/op"}:         {7, 7},
		{"other.org/x", "B", "MB/s"}:                   {2},
		{"other.org/x", "B", "ns/op"}:                  {9},
	}
	if d := cmp.Diff(want, r.values); d != "" {
		t.Error(d)
	}
	if r.facts.Machine != "some cpu" || r.facts.Commit != "abc" {
		t.Errorf("facts %+v", r.facts)
	}
}

// What testing counts by a loop that has no meaning is left out.
func TestReadWithoutLoop(t *testing.T) {
	r := readText(t, head+"BenchmarkA-2 \t 1 \t 1.2 x_bare \t 5000 B/op \t 70 allocs/op\n")
	if len(r.values) != 1 || r.values[id{"internal/app", "A", "x_bare"}] == nil {
		t.Errorf("got %v", r.values)
	}
}

// A benchmark that failed or was skipped leaves half a line, which is no reason to
// lose the others.
func TestReadFailed(t *testing.T) {
	text := head + "BenchmarkA-2 \t--- FAIL: BenchmarkA-2\n    x_test.go:1: no\nBenchmarkB-2 \t--- SKIP: BenchmarkB-2\n    x_test.go:1: no haproxy\nBenchmarkC-2 \t 1 \t 5 ns/op\n"
	r := readText(t, text)
	if len(r.values) != 1 {
		t.Errorf("got %v", r.values)
	}
	if got := skipped([]byte(text)); !slices.Equal(got, []string{"BenchmarkB-2"}) {
		t.Errorf("skipped %q", got)
	}
}

// A baseline is read back as it was written.
func TestWrite(t *testing.T) {
	was, err := readFile("testdata/before.txt")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := was.write(&text); err != nil {
		t.Fatal(err)
	}
	is := readText(t, text.String())
	if d := cmp.Diff(was.values, is.values); d != "" {
		t.Error(d)
	}
	if was.facts != is.facts {
		t.Errorf("facts were %+v, are %+v", was.facts, is.facts)
	}
}

func TestSpread(t *testing.T) {
	if d := cmp.Diff(spread{[]float64{3, 1, 2}, 2, 1, 3}, spreadOf([]float64{3, 1, 2})); d != "" {
		t.Error(d)
	}
}
