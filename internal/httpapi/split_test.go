package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What is wrong with a split is told with what would
// be right, to people and to machines.
func TestSplitThatIsRefused(t *testing.T) {
	deps, hub := newDeps()
	put := ask{method: "PUT", path: "/api/v1/routes/farm/split", body: `{}`, token: secret}
	hub.refuse = InvalidError{[]Mistake{{"split[0].weight", "-1 is out of range"}, {"", "no good"}}}
	doc := wantProblem(t, "invalid", put.do(t, Handler(deps, true)), http.StatusBadRequest)
	if doc["detail"] != "body.split[0].weight: -1 is out of range; body: no good" {
		t.Errorf("the detail is %v", doc["detail"])
	}
	if errs, _ := doc["errors"].([]any); len(errs) != 2 || errs[0].(map[string]any)["location"] != "body.split[0].weight" {
		t.Errorf("the errors are %v", doc["errors"])
	}
	if text := hub.refuse.Error(); text != "split[0].weight: -1 is out of range; no good" {
		t.Errorf("the error is %q", text)
	}

	hub.refuse = InvalidError{make([]Mistake, maxMistakes+5)}
	doc = wantProblem(t, "very invalid", put.do(t, Handler(deps, true)), http.StatusBadRequest)
	if errs, _ := doc["errors"].([]any); len(errs) != maxMistakes+1 || !strings.HasSuffix(fmt.Sprint(doc["detail"]), "and 5 mistakes more") {
		t.Errorf("%d errors, the detail is %v", len(errs), doc["detail"])
	}
}

// A split is JSON and nothing else.
func TestSplitOfAnotherType(t *testing.T) {
	deps, hub := newDeps()
	w := ask{method: "PUT", path: "/api/v1/routes/farm/split", body: `split: []`, kind: "application/yaml", token: secret}.do(t, Handler(deps, true))
	wantProblem(t, "yaml", w, http.StatusUnsupportedMediaType)
	if len(hub.said) != 0 {
		t.Errorf("done: %v", hub.said)
	}
}
