package metrics

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "rewrite the generated documents")

func newRegistry(t *testing.T) *prometheus.Registry {
	t.Helper()
	m, _ := newMetrics(t)
	return m.registry
}

const docHead = `# Metrics

Generated from the code (` + "`make generate`" + `); a test compares.

` + "`GET /metrics`" + ` and ` + "`GET /metrics/prometheus`" + ` serve the Prometheus text format, OpenMetrics to a scraper that asks for it, or the binary format, which has native histograms besides. On loopback they are open; elsewhere
the scraper needs a token, for which ` + "`loka token add --role viewer --name prometheus`" + ` is enough:

` + "```yaml" + `
scrape_configs:
  - job_name: loka
    static_configs: [{targets: ["127.0.0.1:9090"]}]
    # off loopback:
    # authorization: {credentials_file: /etc/prometheus/loka.token}
` + "```" + `

Every series exists at 0 from the start, ` + "`loka_pool_quality`" + ` at 1. Values of ` + "`pool`" + ` are the configured pools' names; shares that belong to no pool are under ` + "`(none)`" + `. Values of ` + "`reason`" + ` and
` + "`verdict`" + ` are in [REASONS.md](REASONS.md). Besides these there are the Go runtime's ` + "`go_*`" + ` and the process' ` + "`process_*`" + `.

Series of each worker, ` + "`loka_worker_*`" + `, there are with ` + "`[metrics] per_worker = true`" + ` only; ` + "`max_workers`" + ` and ` + "`top`" + ` bound them.

Both verdicts are counted: ` + "`loka_shares_total`" + ` is ours, ` + "`loka_pool_shares_total`" + ` the pool's. What a pool really pays is
` + "`rate(loka_pool_work_accepted_total[10m]) * 2^32`" + ` hashes a second.

| name | type | labels | what it says |
|---|---|---|---|
`

func TestDocs(t *testing.T) {
	m := withWorkers(t, WorkerSeries{On: true, Most: 1}, brief("alice", 1, 1))
	of, err := m.workers.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families, err := newRegistry(t).Gather()
	families = append(families, of...)
	slices.SortStableFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(docHead)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), namespace+"_") {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), labels(f), f.GetHelp())
	}
	const path = "../../docs/METRICS.md"
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
		t.Errorf("docs/METRICS.md is not what the code says; run make generate (-file +code):\n%s", diff)
	}
}

// labels lists a family's labels, with the values of those that are few.
func labels(f *dto.MetricFamily) string {
	values := make(map[string][]string)
	var names []string
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			if !slices.Contains(names, l.GetName()) {
				names = append(names, l.GetName())
			}
			if v := "`" + l.GetValue() + "`"; !slices.Contains(values[l.GetName()], v) {
				values[l.GetName()] = append(values[l.GetName()], v)
			}
		}
	}
	for i, name := range names {
		names[i] = "`" + name + "`"
		if name == "side" || name == "middleware" || name == "direction" || name == "kind" {
			names[i] += " (" + strings.Join(values[name], ", ") + ")"
		}
	}
	return strings.Join(names, ", ")
}
