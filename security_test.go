package stratum_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each attack in docs/SECURITY.md names what shows that something is done about it,
// and all of that exists: tests, fuzz targets and scripts.
func TestSecurityTable(t *testing.T) {
	text, err := os.ReadFile("docs/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	there := evidence(t)
	rows := attacks(string(text))
	if len(rows) < 25 {
		t.Errorf("%d attacks are found; is the table another one?", len(rows))
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range rows {
		if len(row) != 4 || row[0] == "" || row[1] == "" {
			t.Errorf("a row that is not an attack, what is done, what shows it and what remains: %q", row)
			continue
		}
		named := quoted.FindAllStringSubmatch(row[2], -1)
		if rest := strings.TrimSpace(quoted.ReplaceAllString(row[2], "")); len(named) == 0 || rest != "" {
			t.Errorf("%q: shown by %q, which is not a list of tests", row[0], row[2])
		}
		for _, one := range named {
			if !there[one[1]] {
				t.Errorf("%q: %s is nowhere", row[0], one[1])
			}
		}
	}
}

// A row that names what is nowhere is seen.
func TestSecurityTableRefuses(t *testing.T) {
	rows := attacks("\n## Attacks\n\n| attack | a | b | c |\n|---|---|---|---|\n| x | y | `TestNowhere` | z |\n\n## Next\n\n| no | row | of | it |\n")
	if len(rows) != 1 || rows[0][2] != "`TestNowhere`" || evidence(t)["TestNowhere"] {
		t.Errorf("%q", rows)
	}
}

// Every fuzz target of the tree is in docs/FUZZING.md, in a row of its package, and
// nothing else is.
func TestFuzzingNamesEveryTarget(t *testing.T) {
	text, err := os.ReadFile("docs/FUZZING.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| ((?:`Fuzz\\w+` ?)+)\\| [a-zA-Z]").FindAllStringSubmatch(string(text), -1) {
		for _, name := range regexp.MustCompile(`Fuzz\w+`).FindAllString(row[2], -1) {
			listed[row[1]+" "+name] = true
		}
	}
	declaration := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declaration.FindAllStringSubmatch(string(source), -1) {
			target := filepath.ToSlash(filepath.Dir(path)) + " " + m[1]
			if !listed[target] {
				t.Errorf("docs/FUZZING.md does not list %s", target)
			}
			delete(listed, target)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for target := range listed {
		t.Errorf("docs/FUZZING.md lists %s, which is nowhere", target)
	}
}

// attacks are the rows of the table under the heading of that name.
func attacks(text string) (rows [][]string) {
	_, text, _ = strings.Cut(text, "\n## Attacks\n")
	if strings.HasPrefix(text, "## ") || text == "" {
		return nil
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| attack ") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	return rows
}

// evidence is the name of every test, fuzz target and script in the tree.
func evidence(t *testing.T) map[string]bool {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(path, ".txtar"):
			names[filepath.Base(path)] = true
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			for _, m := range declaration.FindAllStringSubmatch(string(text), -1) {
				names[m[1]] = true
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
