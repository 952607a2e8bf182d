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
