package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/metrics"
	"github.com/loka/stratum/internal/view"
)

// Each refusal of the API has a series.
func TestEveryRefusalIsCounted(t *testing.T) {
	refusals := make([]string, 0, len(metrics.HTTPRefusals()))
	for _, why := range httpapi.Refusals() {
		refusals = append(refusals, string(why))
	}
	if diff := cmp.Diff(metrics.HTTPRefusals(), refusals); diff != "" {
		t.Errorf("-metrics +httpapi:\n%s", diff)
	}
}

// While the record of acts cannot be written, health says so.
func TestRecordOfActsIsChecked(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	acts := audit.In(dir)
	check := checkActs(acts)
	if c := check(now); c.Status != view.OK {
		t.Errorf("%+v", c)
	}
	path := filepath.Join(dir, audit.Name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if acts.Append(audit.Act{At: now}) == nil {
		t.Fatal("no error")
	}
	if c := check(now.Add(time.Minute)); c.Status != view.Degraded || !strings.Contains(c.Detail, "since 1m0s ago") || c.Advice == "" {
		t.Errorf("%+v", c)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := acts.Append(audit.Act{At: now}); err != nil {
		t.Fatal(err)
	}
	if c := check(now); c.Status != view.OK {
		t.Errorf("%+v", c)
	}
}

// What the command line does is in the record of its data directory, if there is one.
func TestActedHere(t *testing.T) {
	dir := t.TempDir()
	if err := actedHere(dir, audit.Act{Who: "user x", What: "loka database reset"}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, audit.Name)); err != nil || !strings.Contains(string(text), "loka database reset") {
		t.Errorf("%s, %v", text, err)
	}
	gone := filepath.Join(dir, "gone")
	if err := actedHere(gone, audit.Act{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "full", audit.Name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := actedHere(filepath.Join(dir, "full"), audit.Act{}); err == nil || !strings.Contains(err.Error(), "it is done, and") {
		t.Errorf("%v", err)
	}
}
