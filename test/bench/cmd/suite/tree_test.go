package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const tree = "../../../.."

// declared says whether a package has the function of a benchmark and names the
// unit there, whole or as what it is a ratio to; what testing reports is always.
func declared(t *testing.T, pkg, benchmark, unit string) bool {
	t.Helper()
	top, _, _ := strings.Cut(benchmark, "/")
	files, err := filepath.Glob(filepath.Join(tree, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, file := range files {
		one, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(one)
	}
	all := text.String()
	quoted := func(name string) bool { return strings.Contains(all, `"`+name+`"`) }
	to, ratio := strings.CutPrefix(unit, "x_")
	named := unit == "ns/op" || byLoop(unit) || quoted(unit) || ratio && quoted("x_") && quoted(to)
	return named && strings.Contains(all, "func Benchmark"+top+"(")
}

// reportedUnits are all units in the tree's benchmarks, and where.
func reportedUnits(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for path, text := range benchmarkSources(t) {
		for _, name := range unitsIn(text) {
			all[name] = path
		}
	}
	return all
}

// benchmarkSources are the tree's test files by their paths.
func benchmarkSources(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/cmd/suite/") {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unitsIn finds the units that a source reports. One that is put together when it
// runs is left out; the report says which of those are not known.
func unitsIn(source string) []string {
	found := regexp.MustCompile(`ReportMetric\(.*, "([^"]+)"\)`).FindAllStringSubmatch(source, -1)
	names := make([]string, 0, len(found))
	for _, m := range append(found, compared(source)...) {
		names = append(names, m[len(m)-1])
	}
	return names
}

// compared finds what internal/testkit/turns reports, each with its way: Of is ours as
// a multiple of another's, Than another's of ours.
func compared(source string) [][]string {
	return regexp.MustCompile(`\bturns\.(Of|Than)\("([^"]+)"`).FindAllStringSubmatch(source, -1)
}
