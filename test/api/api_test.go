package api

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

const (
	served   = "../../docs/openapi.json"
	released = "../../docs/openapi.released.json"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// accepted are changes that scripts may notice, and why they were made nevertheless.
var accepted = map[string]string{
	"GET /api/v1/alerts: added the new `info` enum value to the `alerts/items/severity` response property for the response status `200`": "rules have severities, and info is the least; severity=warning leaves it out",
}

// breaks says what of a description is taken back by another one.
func breaks(t *testing.T, before, after []byte) (all []string) {
	t.Helper()
	info := func(text []byte, name string) *load.SpecInfo {
		s, err := load.NewSpecInfoFromData(openapi3.NewLoader(), text, name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	d, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), info(before, "released"), info(after, "served"))
	if err != nil {
		t.Fatal(err)
	}
	changes := checker.CheckBackwardCompatibilityUntilLevel(checker.NewConfig(checker.GetAllChecks()), d, sources, checker.WARN)
	for _, c := range changes {
		all = append(all, fmt.Sprintf("%s %s: %s", c.GetOperation(), c.GetPath(), c.GetUncolorizedText(checker.NewDefaultLocalizer())))
	}
	return all
}

// TestCompatible: scripts that were written for the released API work with this one.
func TestCompatible(t *testing.T) {
	found := breaks(t, read(t, released), read(t, served))
	for _, c := range found {
		if accepted[c] == "" {
			t.Error(c)
		}
	}
	for c := range accepted {
		if !slices.Contains(found, c) {
			t.Errorf("it was accepted, and is not so: %s", c)
		}
	}
}

// in is an object within a document.
func in(t *testing.T, doc map[string]any, path ...string) map[string]any {
	t.Helper()
	for _, key := range path {
		next, ok := doc[key].(map[string]any)
		if !ok {
			t.Fatalf("there is no %s of %v", key, path)
		}
		doc = next
	}
	return doc
}

// What takes something back is found.
func TestIncompatibleChangesAreFound(t *testing.T) {
	before := read(t, served)
	for what, c := range map[string]struct {
		change func(doc map[string]any)
		want   string
	}{
		"a path": {func(doc map[string]any) { delete(in(t, doc, "paths"), "/api/v1/workers") }, "GET /api/v1/workers"},
		"a field": {func(doc map[string]any) {
			delete(in(t, doc, "components", "schemas", "Worker", "properties"), "last_share_at")
		}, "last_share_at"},
		"a type": {func(doc map[string]any) {
			in(t, doc, "components", "schemas", "Worker", "properties", "best_difficulty")["type"] = "string"
		}, "best_difficulty"},
		"a parameter": {func(doc map[string]any) { delete(in(t, doc, "paths", "/api/v1/pools", "get"), "parameters") }, "offset"},
		"a meaning": {func(doc map[string]any) {
			in(t, doc, "components", "schemas", "Health", "properties", "status")["enum"] = []string{"fine"}
		}, "fine"},
	} {
		var doc map[string]any
		if err := json.Unmarshal(before, &doc); err != nil {
			t.Fatal(err)
		}
		c.change(doc)
		after, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		found := strings.Join(breaks(t, before, after), "\n")
		if !strings.Contains(found, c.want) {
			t.Errorf("%s that is taken back is not found: %q", what, found)
		}
	}
	if found := breaks(t, before, before); len(found) != 0 {
		t.Errorf("nothing was changed: %q", found)
	}
}

// TestLint: the description is valid, and says what everything is.
func TestLint(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile(served)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("it is OpenAPI %s", doc.OpenAPI)
	}
	ids := make(map[string]string)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			at := method + " " + path
			if op.OperationID == "" || op.Summary == "" || strings.HasSuffix(op.Summary, ".") {
				t.Errorf("%s: id %q, summary %q", at, op.OperationID, op.Summary)
			}
			if other, taken := ids[op.OperationID]; taken {
				t.Errorf("%s has the id of %s", at, other)
			}
			ids[op.OperationID] = at
			for _, p := range op.Parameters {
				if p.Value.Description == "" {
					t.Errorf("%s: parameter %s is not described", at, p.Value.Name)
				}
			}
			for status, r := range op.Responses.Map() {
				if r.Value.Description == nil || *r.Value.Description == "" {
					t.Errorf("%s: the answer %s is not described", at, status)
				}
				if kind := r.Value.Content["application/problem+json"]; status >= "400" && status != "default" && kind == nil && !(path == "/health" && status == "503") {
					t.Errorf("%s: the answer %s is no problem document", at, status)
				}
			}
		}
	}
	if len(ids) < 40 {
		t.Errorf("only %d operations", len(ids))
	}
}

// What is in both files is JSON that can be read again.
func TestFiles(t *testing.T) {
	for _, path := range []string{served, released} {
		if !json.Valid(read(t, path)) {
			t.Errorf("%s is no JSON", path)
		}
	}
}
