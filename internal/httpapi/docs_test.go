package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the generated documents")

// document is the part of an OpenAPI document that the tables are made of.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	Summary    string
	Role       string                `json:"x-role"`
	Security   []map[string][]string // of the least role, and of nobody
	Parameters []struct {
		Name, In, Description string
	}
	RequestBody struct{ Content content }
	Responses   map[string]struct{ Content content }
}

type content map[string]struct{ Schema schema }

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	Description, Format  string
	Enum                 []string
	Properties           map[string]schema
	Items                *schema
	AdditionalProperties any
}

const (
	docPath = "../../docs/API.md"
	begin   = "<!-- generated: make generate -->\n"
	end     = "<!-- end of generated -->\n"
)

// TestDocs compares the tables of docs/API.md with what is served.
func TestDocs(t *testing.T) {
	deps, _ := newDeps()
	w := ask{path: "/api/v1/openapi.json"}.do(t, Handler(deps, true))
	var doc document
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(file), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks its markers", docPath)
	}
	want := before + begin + tables(&doc) + end + after
	if *update {
		if err := os.WriteFile(docPath, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(file), want); diff != "" {
		t.Errorf("docs/API.md is not what the code says; run make generate (-file +code):\n%s", diff)
	}
}

// TestDocumentIsKept compares docs/openapi.json with what is served: it is what changes of
// the API are found by.
func TestDocumentIsKept(t *testing.T) {
	deps, _ := newDeps()
	w := ask{path: "/api/v1/openapi.json"}.do(t, Handler(deps, true))
	text := strings.Replace(w.Body.String(), `"version":"1.2.3"`, `"version":"v1"`, 1)
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", " "); err != nil {
		t.Fatal(err)
	}
	const path = "../../docs/openapi.json"
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	file, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(file, out.Bytes()) {
		t.Errorf("docs/openapi.json is not what is served (%v); run make generate", err)
	}
}

// TestDocsNameWhatIsServed: a path that the words name exists.
func TestDocsNameWhatIsServed(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	file, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile("`(?:GET )?(/[a-z0-9/._]*)`").FindAllStringSubmatch(string(file), -1)
	if len(paths) < 10 {
		t.Fatalf("only %d paths are named", len(paths))
	}
	for _, p := range paths {
		query := map[string]string{"/api/v1/export": "?what=hours"}[p[1]] // it cannot do without
		if w := (ask{path: p[1] + query, token: secret}).do(t, h); w.Code != http.StatusOK {
			t.Errorf("%s is documented and answers %d", p[1], w.Code)
		}
	}
}

func tables(doc *document) string {
	var b strings.Builder
	b.WriteString("\n| request | role | does | parameters | answer |\n|---|---|---|---|---|\n")
	for _, path := range sorted(doc.Paths) {
		for _, method := range sorted(doc.Paths[path]) {
			op := doc.Paths[path][method]
			params := make([]string, 0, len(op.Parameters))
			for _, p := range op.Parameters {
				params = append(params, fmt.Sprintf("`%s` (%s): %s", p.Name, p.In, p.Description))
			}
			for _, body := range op.RequestBody.Content {
				params = append(params, "body: "+kind(&body.Schema))
			}
			fmt.Fprintf(&b, "| `%s %s` | %s | %s | %s | %s |\n", strings.ToUpper(method), path, op.Role, op.Summary, strings.Join(params, "; "), answer(op))
		}
	}
	for _, name := range sorted(doc.Components.Schemas) {
		s := doc.Components.Schemas[name]
		if strings.HasPrefix(name, "Error") || len(s.Properties) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n| field | type | what it says |\n|---|---|---|\n", name)
		for _, field := range sorted(s.Properties) {
			f := s.Properties[field]
			says := f.Description
			if len(f.Enum) > 0 {
				says = strings.TrimSpace(says + " One of: " + strings.Join(f.Enum, ", "))
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", field, kind(&f), says)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func answer(op operation) string {
	for _, status := range sorted(op.Responses) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		for _, content := range op.Responses[status].Content {
			return status + ", " + kind(&content.Schema)
		}
		return status
	}
	return ""
}

// kind names a schema's type in words; objects link to their table.
func kind(s *schema) string {
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case s.Items != nil:
		return "list of " + kind(s.Items)
	}
	name := fmt.Sprint(s.Type)
	if list, ok := s.Type.([]any); ok {
		parts := make([]string, 0, len(list))
		for _, p := range list {
			parts = append(parts, fmt.Sprint(p))
		}
		name = strings.Join(parts, " or ")
	}
	if s.Format == "date-time" {
		name = strings.Replace(name, "string", "RFC 3339 time", 1)
	}
	if more, ok := s.AdditionalProperties.(map[string]any); ok {
		if ref, ok := more["$ref"].(string); ok {
			return "object of " + kind(&schema{Ref: ref})
		}
		return "object of " + fmt.Sprint(more["type"])
	}
	return name
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
