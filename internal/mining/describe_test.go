package mining

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the generated documents")

func TestEveryReasonAndVerdictIsDescribed(t *testing.T) {
	known := map[Reason]bool{}
	for _, side := range []Side{Downstream, Upstream} {
		for _, r := range Reasons(side) {
			known[r] = true
			if d := Describe(r); !sentence(d.Means) || !sentence(d.Do) {
				t.Errorf("reason %s is described by %+v", r, d)
			}
		}
	}
	for r := range describeReason {
		if !known[r] {
			t.Errorf("%s is described and is no reason of either side", r)
		}
	}
	for _, v := range Verdicts() {
		if d := DescribeVerdict(v); !sentence(d.Means) || !sentence(d.Do) {
			t.Errorf("verdict %s is described by %+v", v, d)
		}
	}
	if Describe("no such reason") != (Description{}) || DescribeVerdict(Pending) != (Description{}) {
		t.Error("what does not exist is described")
	}
}

func sentence(s string) bool { return strings.HasSuffix(s, ".") && len(s) > 5 }

// TestDocs compares docs/REASONS.md with the tables.
func TestDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Reasons and verdicts\n\nGenerated from the code (`make generate`); a test compares.\n\n" +
		"Every end of a connection has one reason and every share one verdict, spelled alike in the log, in metric labels\n" +
		"(`loka_connections_closed_total{side,reason}`, `loka_shares_total{pool,verdict}`, `loka_pool_shares_total{pool,verdict}`) and in the API.\n")
	table := func(title, column string) {
		fmt.Fprintf(&b, "\n## %s\n\n| %s | means | what to do |\n|---|---|---|\n", title, column)
	}
	up, down := Reasons(Upstream), map[Reason]bool{}
	table("Either side's connections", "reason")
	for _, r := range Reasons(Downstream) {
		down[r] = true
		for _, u := range up {
			if u == r {
				row(&b, string(r), Describe(r))
			}
		}
	}
	both := strings.Count(b.String(), "\n| `")
	table("Miners' connections (`side=\"downstream\"`)", "reason")
	for _, r := range Reasons(Downstream)[both:] {
		row(&b, string(r), Describe(r))
	}
	table("Pools' connections (`side=\"upstream\"`)", "reason")
	for _, r := range up[both:] {
		if down[r] {
			t.Errorf("%s belongs to both sides and does not come first", r)
		}
		row(&b, string(r), Describe(r))
	}
	table("Shares", "verdict")
	for _, v := range Verdicts() {
		row(&b, v.String(), DescribeVerdict(v))
	}
	const path = "../../docs/REASONS.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), b.String()); diff != "" {
		t.Errorf("docs/REASONS.md is not what the code says; run make generate (-file +code):\n%s", diff)
	}
}

func row(b *strings.Builder, name string, d Description) {
	fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, d.Means, d.Do)
}
