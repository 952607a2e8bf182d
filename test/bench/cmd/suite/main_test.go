package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs the program with a directory for what it keeps.
func call(t *testing.T, out string, args ...string) (code int, stdout string, err error) {
	t.Helper()
	var text, said bytes.Buffer
	code, err = suite(t.Context(), append([]string{"-out", out}, args...), &text, &said)
	if t.Failed() || testing.Verbose() {
		t.Log(said.String())
	}
	return code, text.String(), err
}

// A regression fails the run, and the same figures do not.
func TestCompareFiles(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want int
		say  string
	}{
		{"no baseline", []string{"-from", "testdata/after.txt"}, 0, "falls short"},
		{"itself", []string{"-from", "testdata/before.txt", "-compare", "testdata/before.txt"}, 0, "0 worse, 0 better"},
		{"worse", []string{"-from", "testdata/after.txt", "-compare", "testdata/before.txt"}, 1, "test/bench Parsers/submit/sv1 ns/op"},
		{"worse, but that much may be", []string{"-from", "testdata/after.txt", "-compare", "testdata/before.txt", "-threshold", "1000"}, 1, "Parsers/submit/sv1 allocs/op"},
		{"rows strictly", []string{"-from", "testdata/after.txt", "-strict"}, 1, "were not measured"},
	} {
		code, text, err := call(t, t.TempDir(), c.args...)
		if err != nil || code != c.want || !strings.Contains(text, c.say) {
			t.Errorf("%s: %d, %v, want %d and %q in\n%s", c.name, code, err, c.want, c.say, text)
		}
	}
}

// A baseline is found again by its name; one that is not there, or has too few
// runs, is an error before anything runs.
func TestBaselines(t *testing.T) {
	out := t.TempDir()
	if _, _, err := call(t, out, "-from", "testdata/before.txt", "-save", "mine"); err != nil {
		t.Fatal(err)
	}
	if code, text, err := call(t, out, "-from", "testdata/after.txt", "-compare", "mine"); err != nil || code != 1 {
		t.Errorf("%d, %v\n%s", code, err, text)
	}
	// One that was saved to be committed is found by its name, too.
	root := t.TempDir()
	committed := filepath.Join(root, "test", "bench", "baselines", "epyc.txt")
	if _, _, err := call(t, t.TempDir(), "-from", "testdata/before.txt", "-save", committed); err != nil {
		t.Fatal(err)
	}
	if code, text, err := call(t, t.TempDir(), "-root", root, "-from", "testdata/after.txt", "-compare", "epyc"); err != nil || code != 1 {
		t.Errorf("%d, %v\n%s", code, err, text)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-compare", "nobody's"}, "no baseline nobody's"},
		{[]string{"-compare", "testdata/after.txt"}, "too few"},
		{[]string{"-group", "nano"}, "no group"},
		{[]string{"-count", "0"}, "count of at least 1"},
		{[]string{"-from", "testdata/none.txt"}, "no such file"},
		{[]string{"-soak", "testdata/none.jsonl"}, "no such file"},
	} {
		if _, _, err := call(t, out, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
}

// smallTree makes a tree as ours, with a package whose benchmarks are quick, fail or
// are skipped.
func smallTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":            "module github.com/loka/stratum\n\ngo 1.26\n",
		"test/bench/go.mod": "module github.com/loka/stratum/test/bench\n\ngo 1.26\n",
		"work/a_test.go": `package work
import ("os"; "testing")
func BenchmarkShareCheck(b *testing.B) { b.ReportMetric(0, "ns/op"); b.ReportMetric(1.01, "x_sha256") }
func BenchmarkOther(b *testing.B) { b.Run("part", func(b *testing.B) { for b.Loop() {} }); b.Run("rest", func(b *testing.B) { for b.Loop() {} }) }
func BenchmarkFails(b *testing.B) { if os.Getenv("LOKA_TEST_FAIL") != "" { b.Fatal("as asked") } }
func BenchmarkPlanted(b *testing.B) { ns := 100.0; if os.Getenv("LOKA_TEST_SLOW") != "" { ns *= 1.2 }; b.ReportMetric(0, "ns/op"); b.ReportMetric(ns, "ns/line") }
func BenchmarkSkips(b *testing.B) { b.Skip("nothing here") }
`,
		"internal/wire/a_test.go": "package wire\nimport \"testing\"\nfunc BenchmarkIdle(b *testing.B) { b.ReportMetric(0, \"ns/op\"); b.ReportMetric(5000, \"B/conn\") }\n",
		"internal/mute/a.go":      "package mute\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRunsATree(t *testing.T) {
	root := smallTree(t)
	out := filepath.Join(root, ".bench")
	args := []string{"-root", root, "-benchtime", "1x", "-count", "2"}

	code, text, err := call(t, out, append(args, "-save", "whole")...)
	if err != nil || code != 0 {
		t.Fatalf("%d, %v\n%s", code, err, text)
	}
	is, err := readFile(filepath.Join(out, "whole.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []id{{"work", "ShareCheck", "x_sha256"}, {"work", "Other/part", "ns/op"}, {"internal/wire", "Idle", "B/conn"}} {
		if len(is.values[i]) != 2 {
			t.Errorf("%s: %v, want two runs", i, is.values[i])
		}
	}
	for _, want := range []string{"skipped: BenchmarkSkips", "1 rows pass", "rounds  2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}

	// Which of them run is the groups' and the expression's choice.
	for _, c := range []struct {
		choice    []string
		want, not string
	}{
		{[]string{"-group", "memory"}, "internal/wire BenchmarkIdle", "work"},
		{[]string{"-group", "quick"}, "work BenchmarkShareCheck", "BenchmarkOther"},
		{[]string{"-bench", "Idle"}, "internal/wire BenchmarkIdle", "work"},
	} {
		_, text, err := call(t, out, append(append([]string{"-list"}, c.choice...), args...)...)
		if err != nil || !strings.Contains(text, c.want) || strings.Contains(text, c.not) {
			t.Errorf("%q: %v, want %q and no %q in\n%s", c.choice, err, c.want, c.not, text)
		}
	}
	_, _, err = call(t, out, append(args, "-bench", "Other/rest|Idle", "-group", "micro", "-save", "part")...)
	if err != nil {
		t.Fatal(err)
	}
	if is, err = readFile(filepath.Join(out, "part.txt")); err != nil || len(is.values[id{"work", "Other/rest", "ns/op"}]) != 2 {
		t.Errorf("%v, %v", err, is)
	}
	for _, i := range is.order {
		if i.Benchmark != "Other/rest" {
			t.Errorf("%s ran, too", i)
		}
	}
	if _, _, err := call(t, out, append(args, "-bench", "Nothing")...); err == nil || !strings.Contains(err.Error(), "no benchmark matches") {
		t.Errorf("nothing to run: %v", err)
	}
}

// A benchmark that is a fifth slower than the baseline fails the run, and passes
// where that much may be.
func TestRegressionFails(t *testing.T) {
	root := smallTree(t)
	out := filepath.Join(root, ".bench")
	args := []string{"-root", root, "-benchtime", "1x", "-count", "4", "-bench", "Planted"}
	if code, text, err := call(t, out, append(args, "-save", "before")...); err != nil || code != 0 {
		t.Fatalf("%d, %v\n%s", code, err, text)
	}
	if code, text, err := call(t, out, append(args, "-compare", "before")...); err != nil || code != 0 {
		t.Errorf("nothing changed: %d, %v\n%s", code, err, text)
	}
	t.Setenv("LOKA_TEST_SLOW", "1")
	code, text, err := call(t, out, append(args, "-compare", "before")...)
	if err != nil || code != 1 || !strings.Contains(text, "+20.0 %") || !strings.Contains(text, "work Planted ns/line") {
		t.Errorf("planted: %d, %v\n%s", code, err, text)
	}
	if code, text, err := call(t, out, append(args, "-compare", "before", "-threshold", "25")...); err != nil || code != 0 {
		t.Errorf("within the threshold: %d, %v\n%s", code, err, text)
	}
}

// What fails is said, costs the exit code, and is no baseline; the others' figures
// are there.
func TestRunFails(t *testing.T) {
	root := smallTree(t)
	t.Setenv("LOKA_TEST_FAIL", "1")
	out := filepath.Join(root, ".bench")
	args := []string{"-root", root, "-benchtime", "1x", "-count", "1"}
	code, text, err := call(t, out, args...)
	if err != nil || code != 2 || !strings.Contains(text, "FAILED: work, round 1") || !strings.Contains(text, "1 rows pass") {
		t.Errorf("%d, %v\n%s", code, err, text)
	}
	if _, _, err := call(t, out, append(args, "-save", "broken")...); err == nil || !strings.Contains(err.Error(), "not saved") {
		t.Errorf("saved: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "work", "b_test.go"), []byte("package work\nvar _ = nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text, err = call(t, out, args...); err != nil || code != 2 || !strings.Contains(text, "work does not compile") {
		t.Errorf("%d, %v\n%s", code, err, text)
	}
}

// Who stops it gets what is there, as a failure.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &runner{goTool: "go", pattern: ".", rounds: 1, say: &bytes.Buffer{}}
	_, failed := r.run(ctx, []target{{pkg: "work", dir: ".", in: "."}}, t.TempDir())
	if len(failed) == 0 || failed[len(failed)-1] != "stopped before the end" {
		t.Errorf("failed: %q", failed)
	}
}

func TestMayMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, function string
		want              bool
	}{
		{".", "Echo", true},
		{"Echo", "Echo", true},
		{"BenchmarkEcho$", "Echo", true},
		{"Echo/16", "Echo", true},
		{"Other|Echo/16", "Echo", true},
		{"Other/Echo", "Echo", false},
		{"Fanout", "Echo", false},
		{"(Fan|Echo)/(1|16)$|Other/a", "Echo", true},
		{"Shared/(closed|paced)/miners=(1|5)000$", "Echo", false},
		{"[/|]cho", "Echo", false},
		{"(Fan|Echo", "Echo", true}, // no expression: the test binary says so
	} {
		if got := mayMatch(c.pattern, c.function); got != c.want {
			t.Errorf("%q, %s: %v", c.pattern, c.function, got)
		}
	}
}

func TestGroups(t *testing.T) {
	for name, want := range map[string]string{
		"internal/app SharedIdle": "memory", "internal/wire Idle": "memory", "internal/app SharedShares": "e2e", "internal/app SharedFanout": "fanout", "internal/app Failover": "fanout",
		"internal/wire Fanout": "fanout", "internal/wire Echo": "wire", "internal/guard/bans Asked": "wire", "internal/store/sqlite Apply": "storage", "work ShareCheck": "micro", "internal/app SharedReaders": "observed",
	} {
		pkg, function, _ := strings.Cut(name, " ")
		if got := groupOf(pkg, function); got != want {
			t.Errorf("%s is in %q, want %q", name, got, want)
		}
	}
	if got, err := parseGroups(" micro, e2e,"); err != nil || strings.Join(got, " ") != "micro e2e" {
		t.Errorf("%q, %v", got, err)
	}
}
