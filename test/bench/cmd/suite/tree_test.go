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

// declared says whether a package has the function of a benchmark and reports the
// unit there; what testing itself reports is always.
func declared(t *testing.T, pkg, benchmark, unit string) bool {
	t.Helper()
	top, _, _ := strings.Cut(benchmark, "/")
	files, err := filepath.Glob(filepath.Join(tree, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	function, reported := false, unit == "ns/op" || byLoop(unit)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		function = function || strings.Contains(string(text), "func Benchmark"+top+"(")
		for _, name := range unitsIn(string(text)) {
			// The end of a name may be put together from what is measured.
			reported = reported || name == unit || strings.HasSuffix(name, "_") && strings.HasPrefix(unit, name)
		}
	}
	return function && reported
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

// unitsIn finds the units that a source reports. Of one that is put together the
// last piece that stands there is taken.
func unitsIn(source string) []string {
	found := regexp.MustCompile(`ReportMetric\(.*,\s*(?:[\w.]+\s*\+\s*)?"([^"]+)"(?:\s*\+\s*[\w.]+(?:\s*\+\s*"([^"]+)")?)?\)`).FindAllStringSubmatch(source, -1)
	names := make([]string, 0, len(found))
	for _, m := range found {
		name := m[1]
		if m[2] != "" {
			name += "it" + m[2]
		}
		names = append(names, strings.TrimPrefix(name, "-"))
	}
	for _, m := range compared(source) {
		names = append(names, m[2])
	}
	return names
}

// compared finds what internal/testkit/turns reports, each with its way: Of is ours as
// a multiple of another's, Than another's of ours.
func compared(source string) [][]string {
	return regexp.MustCompile(`\bturns\.(Of|Than)\("([^"]+)"`).FindAllStringSubmatch(source, -1)
}
