package mining_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/loka/stratum/internal/mining"
)

var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// declared returns the string constants of a type as the file declares them,
// name to value.
func declared(t *testing.T, file, typeName string) map[string]string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if ident, ok := spec.Type.(*ast.Ident); !ok || ident.Name != typeName {
			return true
		}
		for i, name := range spec.Names {
			value, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatalf("%s: %v", name.Name, err)
			}
			found[name.Name] = value
		}
		return true
	})
	return found
}

// TestEveryReasonIsListed: no reason can be declared without a metric series,
// and none is listed that is not declared.
func TestEveryReasonIsListed(t *testing.T) {
	constants := declared(t, "reason.go", "Reason")
	if len(constants) < 20 {
		t.Fatalf("only %d reasons found in the source", len(constants))
	}
	listed := map[mining.Reason]bool{}
	for _, side := range []mining.Side{mining.Downstream, mining.Upstream} {
		for _, reason := range mining.Reasons(side) {
			listed[reason] = true
		}
	}
	spelled := map[string]string{}
	for name, text := range constants {
		if !listed[mining.Reason(text)] {
			t.Errorf("%s is in no side's list", name)
		}
		if other, taken := spelled[text]; taken {
			t.Errorf("%s and %s are both spelled %s", name, other, text)
		}
		spelled[text] = name
	}
	if len(listed) != len(constants) {
		t.Errorf("%d reasons are listed, %d declared", len(listed), len(constants))
	}
}

func TestReasonsAreUniqueWords(t *testing.T) {
	for _, side := range []mining.Side{mining.Downstream, mining.Upstream} {
		seen := map[mining.Reason]bool{}
		for _, reason := range mining.Reasons(side) {
			if !word.MatchString(string(reason)) {
				t.Errorf("%s: %q is not in snake case", side, reason)
			}
			if seen[reason] {
				t.Errorf("%s: %s is listed twice", side, reason)
			}
			seen[reason] = true
		}
	}
}

// TestReasonsKeepTheirOrder: who appends to one list does not change another.
func TestReasonsKeepTheirOrder(t *testing.T) {
	down := mining.Reasons(mining.Downstream)
	want := slices.Clone(down)
	_ = append(down[:1], "overwritten")
	_ = mining.Reasons(mining.Upstream)
	if got := mining.Reasons(mining.Downstream); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReasonsOfASide(t *testing.T) {
	for _, c := range []struct {
		reason   mining.Reason
		down, up bool
	}{
		{mining.PeerClosed, true, true},
		{mining.Shutdown, true, true},
		{mining.IdleTimeout, true, false},
		{mining.PoolDisconnected, true, false},
		{mining.PoolSilent, false, true},
		{mining.MinerGone, false, true},
	} {
		down := slices.Contains(mining.Reasons(mining.Downstream), c.reason)
		up := slices.Contains(mining.Reasons(mining.Upstream), c.reason)
		if down != c.down || up != c.up {
			t.Errorf("%s: downstream %t, upstream %t", c.reason, down, up)
		}
	}
}

// TestEveryVerdictIsListed goes through all values a verdict can have.
func TestEveryVerdictIsListed(t *testing.T) {
	listed := mining.Verdicts()
	seen := map[string]bool{}
	for i := range 256 {
		v := mining.Verdict(i)
		text := v.String()
		if known := text != "unknown"; known != (v == mining.Pending || slices.Contains(listed, v)) {
			t.Errorf("verdict %d: named %s, listed %t", i, text, slices.Contains(listed, v))
			continue
		} else if !known {
			continue
		}
		if !word.MatchString(text) || seen[text] {
			t.Errorf("verdict %d: %q is no word of its own", i, text)
		}
		seen[text] = true
	}
	if slices.Contains(listed, mining.Pending) {
		t.Error("pending is no final verdict")
	}
	if slices.Sort(listed); len(slices.Compact(listed)) != 9 {
		t.Errorf("%v: want nine verdicts", listed)
	}
}

// TestVerdictSpelling pins the words that dashboards and alerts are built on.
func TestVerdictSpelling(t *testing.T) {
	for v, want := range map[mining.Verdict]string{
		mining.Pending:       "pending",
		mining.Accepted:      "accepted",
		mining.Stale:         "stale",
		mining.Duplicate:     "duplicate",
		mining.LowDifficulty: "low_difficulty",
		mining.JobNotFound:   "job_not_found",
		mining.Invalid:       "invalid",
		mining.Unauthorized:  "unauthorized",
		mining.Unpaid:        "unpaid",
		mining.Unanswered:    "unanswered",
	} {
		if v.String() != want {
			t.Errorf("%s, want %s", v, want)
		}
	}
	if mining.Verdict(0) != mining.Pending {
		t.Error("the zero verdict must not grant anything")
	}
}

func TestRequestKindNames(t *testing.T) {
	for kind, want := range map[mining.RequestKind]string{
		0:                  "unknown",
		mining.Negotiate:   "negotiate",
		mining.Open:        "open",
		mining.Authorize:   "authorize",
		mining.Submit:      "submit",
		mining.Suggest:     "suggest",
		mining.Suggest + 1: "unknown",
	} {
		if kind.String() != want {
			t.Errorf("%d is named %s, want %s", kind, kind, want)
		}
	}
}
