package stratum_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/loka/stratum"

// floors is the plan of docs/ARCHITECTURE.md: a package imports packages of
// lower floors only, or of its own floor where sameFloor says so. A package
// that is not listed here is an error, so that the plan stays whole.
var floors = map[string]int{
	"work": 0,
	"sv1":  1,

	"internal/mining": 2, "internal/jobbook": 2, "internal/extranonce": 2, "internal/steer": 2, "internal/pace": 2, "internal/vardiff": 2, "internal/atomics": 2, "internal/quality": 2, "internal/payout": 2, "internal/profile": 2, "internal/figures": 2,
	"internal/watch": 3, "internal/store": 3, "internal/downstream": 3, "internal/upstream": 3, "internal/pipeline": 3, "internal/events": 3,
	"internal/wire": 4, "internal/guard": 4, "internal/turns": 4, "internal/ledger": 4, "internal/atomicfile": 4, "internal/auth": 4, "internal/audit": 4, "internal/certs": 4, "internal/sim": 4, "internal/testkit": 4, "internal/linefile": 4, "internal/alert": 4, "internal/guard/bans": 4, "internal/recorder": 4, "internal/telemetry": 4,
	"internal/alert/sink": 5, "internal/guard/kernel": 5,
	"internal/alert/lookout":    8,
	"internal/store/relational": 4, "internal/store/migrations": 4, "internal/store/storetest": 4, "internal/store/sqlite": 8, "internal/store/postgres": 8,
	"internal/journal": 5, "internal/listen": 5, "internal/dial": 5, "internal/serve": 5, "internal/link": 5,
	"internal/hub":     6,
	"internal/load":    6,
	"internal/view":    7,
	"internal/bench":   7,
	"internal/metrics": 8, "internal/httpapi": 8, "internal/web": 8, "internal/config": 8,
	"internal/app": 9, "internal/client": 9, "internal/top": 9,
	"internal/cli": 10,
	"cmd/loka":     11,

	"docs": 0, "docs/examples/middleware": 4,
}

// sameFloor lists the imports within one floor that are part of the plan:
// everybody may use the vocabulary, and a page is served by the API.
var sameFloor = map[string][]string{
	"internal/jobbook":    {"internal/mining", "internal/vardiff"},
	"internal/extranonce": {"internal/mining"},
	"internal/vardiff":    {"internal/mining"},
	"internal/quality":    {"internal/mining"},
	"internal/auth":       {"internal/atomicfile"},
	"internal/audit":      {"internal/linefile"},
	"internal/link":       {"internal/dial"},
	"internal/recorder":   {"internal/atomicfile"},
	"internal/certs":      {"internal/atomicfile"},
	"internal/httpapi":    {"internal/web"},
	"internal/top":        {"internal/client"},
}

// forbidden lists imports that a floor, or a single package, does without.
var forbidden = []struct {
	what  string
	in    func(pkg string) bool
	paths []string
}{
	{
		"the public libraries neither log nor do I/O",
		func(pkg string) bool { return pkg == "work" || pkg == "sv1" },
		[]string{"log", "net", "net/http", "database/sql", "os", "github.com/prometheus"},
	},
	{
		"bans know no socket",
		func(pkg string) bool { return pkg == "internal/guard/bans" },
		[]string{"net", "net/http", "os", "database/sql", "github.com/prometheus"},
	},
	{
		"alerts are evaluated, not told",
		func(pkg string) bool { return pkg == "internal/alert" },
		[]string{"net", "net/http", "os", "log", "database/sql", "github.com/prometheus"},
	},
	{
		"the domain does no I/O",
		func(pkg string) bool { f, ok := floorOf(pkg); return ok && f >= 2 && f <= 3 },
		[]string{"net", "net/http", "os", "log", "database/sql", "github.com/prometheus"},
	},
	{
		"the door knows addresses, no sockets",
		func(pkg string) bool { return pkg == "internal/guard" },
		[]string{"net", "net/http", "os", "log"},
	},
}

// TestWalls holds the tree to its plan.
func TestWalls(t *testing.T) {
	for _, v := range violations(t, os.DirFS(".")) {
		t.Error(v)
	}
}

// TestWallsRefuse plants violations in a made-up tree: each must be named.
func TestWallsRefuse(t *testing.T) {
	for _, c := range []struct{ file, imports, want string }{
		{"work/a.go", "log/slog", "work imports log/slog"},
		{"sv1/a.go", module + "/internal/mining", "sv1 imports internal/mining"},
		{"internal/downstream/a.go", "net", "internal/downstream imports net"},
		{"internal/pipeline/validate/a.go", "os", "internal/pipeline/validate imports os"},
		{"internal/upstream/a.go", module + "/internal/wire", "internal/upstream imports internal/wire"},
		{"internal/guard/bans/a.go", "net", "internal/guard/bans imports net"},
		{"internal/serve/a.go", module + "/internal/link", "internal/serve imports internal/link"},
		{"internal/hub/a.go", module + "/internal/config", "internal/hub imports internal/config"},
		{"internal/view/a.go", module + "/internal/config", "internal/view imports internal/config"},
		{"internal/metrics/a.go", module + "/internal/httpapi", "internal/metrics imports internal/httpapi"},
		{"internal/guard/a.go", "net", "internal/guard imports net"},
		{"internal/alert/a.go", "net/http", "internal/alert imports net/http"},
		{"internal/top/a.go", module + "/internal/app", "internal/top imports internal/app"},
		{"internal/client/a.go", module + "/internal/app", "internal/client imports internal/app"},
		{"internal/bench/a.go", module + "/internal/app", "internal/bench imports internal/app"},
		{"internal/load/a.go", module + "/internal/hub", "internal/load imports internal/hub"},
		{"internal/stranger/a.go", "fmt", "internal/stranger is on no floor"},
	} {
		src := fmt.Sprintf("package p\n\nimport _ %q\n", c.imports)
		got := violations(t, fstest.MapFS{c.file: {Data: []byte(src)}})
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s importing %s: got %q, want one violation saying %q", c.file, c.imports, got, c.want)
		}
	}
	clean := fstest.MapFS{"internal/hub/a.go": {Data: []byte("package hub\n\nimport _ \"" + module + "/internal/mining\"\n")}}
	if got := violations(t, clean); len(got) != 0 {
		t.Errorf("a lawful import is refused: %q", got)
	}
}

// violations reads every import of the tree, tests aside (they may look
// anywhere), and returns what breaks the plan, as FILE: what.
func violations(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || name == "test" || d.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(name)
		if _, ok := floorOf(pkg); !ok {
			found = append(found, fmt.Sprintf("%s: %s is on no floor of deps_test.go", name, pkg))
			return nil
		}
		for _, spec := range file.Imports {
			if why := offence(pkg, strings.Trim(spec.Path.Value, `"`)); why != "" {
				found = append(found, name+": "+why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// floorOf finds a package's floor; a package under a listed one shares it.
func floorOf(pkg string) (int, bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if f, ok := floors[p]; ok {
			return f, true
		}
	}
	return 0, false
}

// offence says what is wrong with pkg importing imported, or nothing.
func offence(pkg, imported string) string {
	for _, rule := range forbidden {
		if rule.in(pkg) && slices.ContainsFunc(rule.paths, func(p string) bool {
			return imported == p || p != "net" && strings.HasPrefix(imported, p+"/")
		}) {
			return fmt.Sprintf("%s imports %s: %s", pkg, imported, rule.what)
		}
	}
	ours, ok := strings.CutPrefix(imported, module+"/")
	if !ok {
		return ""
	}
	from, _ := floorOf(pkg)
	to, ok := floorOf(ours)
	switch {
	case !ok:
		return fmt.Sprintf("%s imports %s, which is on no floor", pkg, ours)
	case to > from:
		return fmt.Sprintf("%s imports %s: a higher floor", pkg, ours)
	case ours == "internal/config" && from < 9:
		return fmt.Sprintf("%s imports %s: only app and cli read the configuration", pkg, ours)
	case to == from && !related(pkg, ours):
		return fmt.Sprintf("%s imports %s: the same floor", pkg, ours)
	}
	return ""
}

// related allows parent and child packages, and what sameFloor lists.
func related(pkg, ours string) bool {
	return strings.HasPrefix(pkg, ours+"/") || strings.HasPrefix(ours, pkg+"/") || slices.Contains(sameFloor[pkg], ours)
}
