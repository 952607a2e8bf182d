package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// ruleFile is a file of rules, as much as is needed of it.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// rules are all rules of deploy/prometheus.
func rules(t *testing.T) (all []rule) {
	t.Helper()
	for _, name := range []string{"loka-rules.yml", "loka-alerts.yml"} {
		var file ruleFile
		if err := yaml.Unmarshal(read(t, "prometheus", name), &file); err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Groups {
			all = append(all, group.Rules...)
		}
	}
	if len(all) < 50 {
		t.Fatalf("%d rules", len(all))
	}
	return all
}

// alerts are those of them that are alerts.
func alerts(t *testing.T) []rule {
	t.Helper()
	return slices.DeleteFunc(rules(t), func(r rule) bool { return r.Alert == "" })
}

// Prometheus takes the files.
func TestRulesAreRight(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder, "prometheus")
	said(t, dir, promtool(t), "check", "config", "prometheus.yml")
	said(t, dir, promtool(t), "check", "rules", "loka-rules.yml", "loka-alerts.yml")
}

// Each alert fires by what causes it, and not before: the file that is shipped.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	said(t, filepath.Join(folder, "prometheus"), promtool(t), "test", "rules", "loka-alerts_test.yml")
}

// cases is the file of promtool's that has the cases.
type cases struct {
	RuleFiles []string `yaml:"rule_files"`
	Interval  string   `yaml:"evaluation_interval"`
	Tests     []test
}

type test struct {
	Name     string
	Interval string
	Series   []input   `yaml:"input_series"`
	Alerts   []expects `yaml:"alert_rule_test"`
}

type input struct{ Series, Values string }

type expects struct {
	Alert  string      `yaml:"alertname"`
	At     string      `yaml:"eval_time"`
	Alerts []expectOne `yaml:"exp_alerts,omitempty"`
}

type expectOne struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// Among all that a real loka says while it is well, each cause makes its own alert
// fire, and no other; and without a cause there is none.
func TestAlertsAmongRealFigures(t *testing.T) {
	t.Parallel()
	tool := promtool(t)
	farm.start(t)
	var file cases
	if err := yaml.Unmarshal(read(t, "prometheus", "loka-alerts_test.yml"), &file); err != nil {
		t.Fatal(err)
	}
	healthy := goOn(farm.first, farm.second, 120)
	healthy["up{"+scrapedLabels+"}"] = "1x120"
	asked := askedFor(t)
	maps.DeleteFunc(healthy, func(name, _ string) bool { return !asked[strings.SplitN(name, "{", 2)[0]] })
	var names []string
	for _, r := range alerts(t) {
		names = append(names, r.Alert)
	}
	seen := make(map[string]bool)
	for i := range file.Tests {
		one := &file.Tests[i]
		seen[one.Name] = true
		one.amongst(t, healthy, names)
	}
	for _, name := range names {
		if !seen[name] {
			t.Errorf("%s has no case", name)
		}
	}
	well := test{Name: "all is well", Interval: "1m"}
	well.Alerts = append(well.Alerts, expects{Alert: "none", At: "1h10m"})
	well.amongst(t, healthy, names)
	file.Tests = append(file.Tests, well)

	dir := t.TempDir()
	for _, name := range file.RuleFiles {
		if err := os.WriteFile(filepath.Join(dir, name), read(t, "prometheus", name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "all.yml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	said(t, dir, tool, "test", "rules", "all.yml")
}

// amongst adds all series but its own to a case, which have to be series of loka's, and
// that no alert is expected but its own.
func (c *test) amongst(t *testing.T, healthy map[string]string, names []string) {
	t.Helper()
	all := maps.Clone(healthy)
	for _, own := range c.Series {
		metric, err := parser.NewParser(parser.Options{}).ParseMetric(own.Series)
		if err != nil {
			t.Fatal(err)
		}
		name := series(metric.Get(labels.MetricName), metric.MatchLabels(false, labels.MetricName).Map())
		if _, ok := healthy[name]; !ok {
			t.Errorf("%s: loka has no series %s", c.Name, name)
		}
		delete(all, name)
		if histogram := metric.Get(labels.MetricName); strings.HasSuffix(histogram, "_bucket") {
			// Buckets are of one count, and make sense together only.
			maps.DeleteFunc(all, func(name, _ string) bool { return strings.HasPrefix(name, histogram+"{") })
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c.Series = append(c.Series, input{name, all[name]})
	}
	expected := make(map[string]bool)
	for _, e := range c.Alerts {
		expected[e.Alert] = true
	}
	at := c.Alerts[len(c.Alerts)-1].At
	for _, name := range names {
		if !expected[name] {
			c.Alerts = append(c.Alerts, expects{Alert: name, At: at})
		}
	}
}

// Every selector of every rule selects series that a real loka has, or that another
// rule makes.
func TestRulesAskForWhatIsThere(t *testing.T) {
	t.Parallel()
	farm.start(t)
	for _, r := range rules(t) {
		for _, missing := range missing(t, r.Expr) {
			t.Errorf("%s%s: nothing is %s", r.Alert, r.Record, missing)
		}
	}
}

// askedFor are the names of all series that rules ask for: no others change what
// becomes of an alert.
func askedFor(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, r := range rules(t) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		if err != nil {
			t.Fatalf("%s: %v", r.Expr, err)
		}
		parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok {
				all[s.Name] = true
			}
			return nil
		})
	}
	return all
}

// missing are the selectors of an expression that select nothing.
func missing(t *testing.T, expr string) (all []string) {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	made := map[string]bool{"up": true, "ALERTS": true}
	for _, r := range rules(t) {
		made[r.Record] = true
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		s, ok := n.(*parser.VectorSelector)
		if !ok || made[s.Name] {
			return nil
		}
		for name := range farm.second.values {
			metric, err := parser.NewParser(parser.Options{}).ParseMetric(name)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return !m.Matches(metric.Get(m.Name)) }) {
				return nil
			}
		}
		all = append(all, s.String())
		return nil
	})
	return all
}

// Each alert has one of three severities, a summary, and a runbook that is there.
func TestAlertsHaveRunbooks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	const book = "https://github.com/loka/stratum/blob/main/docs/OPERATIONS.md#"
	for _, r := range alerts(t) {
		if !slices.Contains([]string{"info", "warning", "critical"}, r.Labels["severity"]) {
			t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" {
			t.Errorf("%s: it says nothing", r.Alert)
		}
		anchor := strings.ToLower(r.Alert)
		if r.Annotations["runbook_url"] != book+anchor {
			t.Errorf("%s: its runbook is %s, not %s", r.Alert, r.Annotations["runbook_url"], book+anchor)
		}
		if n := len(headed(anchor).FindAll(text, -1)); n != 1 {
			t.Errorf("docs/OPERATIONS.md has %d headings \"### %s\"", n, r.Alert)
		}
	}
}

// headed are the headings that an anchor leads to.
func headed(anchor string) *regexp.Regexp {
	return regexp.MustCompile(`(?mi)^#+ ` + regexp.QuoteMeta(anchor) + `$`)
}
