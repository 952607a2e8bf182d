package alert

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the documents anew")

const (
	alertsPath, operationsPath = "../../docs/ALERTS.md", "../../docs/OPERATIONS.md"
	begin                      = "<!-- generated from internal/alert: make generate -->\n"
	end                        = "<!-- end of generated -->\n"
)

// docs/ALERTS.md and the runbooks are what the code says: each default rule has one, at
// the anchor that it names.
func TestReferenceIsCurrent(t *testing.T) {
	operations, err := os.ReadFile(operationsPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(operations), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks its markers", operationsPath)
	}
	want := before + begin + runbooks() + "\n" + end + after
	if *update {
		for path, text := range map[string]string{alertsPath: Reference(), operationsPath: want} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	if diff := cmp.Diff(want, string(operations)); diff != "" {
		t.Errorf("docs/OPERATIONS.md is not what the code says; run make generate\n%s", diff)
	}
	got, err := os.ReadFile(alertsPath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Reference(), string(got)); diff != "" {
		t.Errorf("docs/ALERTS.md is not what the code says; run make generate\n%s", diff)
	}
}

// Each default rule has a runbook of its own, which says all that somebody needs at night,
// and nothing is written for a rule that there is not.
func TestRunbooksAreWhole(t *testing.T) {
	all := allRunbooks()
	said := make(map[string]string)
	for _, r := range Defaults(Runbooks) {
		of, ok := all[r.Name]
		if !ok {
			t.Errorf("%s has no runbook", r.Name)
			continue
		}
		delete(all, r.Name)
		for part, text := range map[string]string{"means": of.means, "costs": of.costs, "look": of.look, "do": of.do, "ignore": of.ignore} {
			least := 40
			if part == "costs" || part == "ignore" {
				least = len("never.")
			}
			if len(text) < least || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, "`") && !strings.HasSuffix(text, ")") {
				t.Errorf("%s: %s: %q", r.Name, part, text)
			}
		}
		for part, text := range map[string]string{"means": of.means, "do": of.do} {
			if other := said[text]; other != "" {
				t.Errorf("%s says in %s what %s does", r.Name, part, other)
			}
			said[text] = r.Name
		}
		if !strings.Contains(of.look+of.do, "`") {
			t.Errorf("%s: it names no command, figure or key", r.Name)
		}
	}
	for name := range all {
		t.Errorf("there is a runbook for %s, which is no default rule", name)
	}
}
