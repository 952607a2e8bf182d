package config

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
)

func loadAlerts(t *testing.T, text string) (*Config, string) {
	t.Helper()
	c, problems := Load([]byte(minimal+"\n"+text), "loka.toml", Options{})
	return c, problems.Error()
}

// Every mistake of a rule is named where it stands: in the middle of an expression, too.
func TestAlertMistakes(t *testing.T) {
	lines := strings.Count(minimal, "\n") + 1 // of what stands before it
	at := func(line int) string { return "loka.toml:" + strconv.Itoa(lines+line) + ":" }
	rule := "[[alerts.rule]]\nname = \"mine\"\n"
	for _, c := range []struct{ text, want string }{
		{rule + "expr = \"pool.reject > 0.02\"\nmessage = \"x\"\n", at(3) + `13: alerts.rule[0].expr: undefined field 'reject'`},
		{rule + "expr = \"\"\"\ntrue\n && pool.nothing\"\"\"\nmessage = \"x\"\n", at(5) + `9: alerts.rule[0].expr: undefined field 'nothing'`},
		{rule + "expr = 'pool.name > 3'\nmessage = \"x\"\n", `found no matching overload for '_>_' applied to '(string, int)'`},
		{rule + "expr = \"pool.shares_1h\"\nmessage = \"x\"\n", "alerts.rule[0].expr: the expression is a double; want one that is a bool"},
		{rule + "expr = \"pool.shares_1h / 2 > 1\"\nmessage = \"x\"\n", "write 2.0 in place of 2"},
		{rule + "expr = \"true\"\nmessage = \"{{.pool.nam}}\"\n", at(4) + `19: alerts.rule[0].message: <.pool.nam>`},
		{rule + "expr = \"true\"\nmessage = \"{{range .pool.signals}}{{end}}\"\n", "alerts.rule[0].message: want a message, without range"},
		{rule + "expr = \"true\"\n", "alerts.rule[0].message: no message"},
		{rule, "alerts.rule[0].expr: no condition"},
		{rule + "expr = \"true\"\nmessage = \"x\"\non = \"planet\"\n", "alerts.rule[0].on"},
		{rule + "expr = \"true\"\nmessage = \"x\"\nseverity = \"bad\"\n", "alerts.rule[0].severity"},
		{rule + "expr = \"true\"\nmessage = \"x\"\nfor = \"-1s\"\n", "alerts.rule[0].for"},
		{rule + "expr = \"true\"\nmessage = \"x\"\nvalue = \"pool.name\"\n", "alerts.rule[0].value: the expression is a string; want one that is a double"},
		{rule + "expr = \"true\"\nmessage = \"x\"\nlabels = [\"team\"]\n", "alerts.rule[0].labels[0]"},
		{rule + "expr = \"true\"\nmessage = \"x\"\nlabels = [\"severity=x\"]\n", "every alert has already"},
		{rule + "expr = \"true\"\nmessage = \"x\"\n" + rule + "expr = \"true\"\nmessage = \"x\"\n", `"mine" is the name of rule[0] already`},
		{"[alerts]\ninterval = \"1ms\"\n", "alerts.interval"},
		{"[alerts]\nrepeat = \"1s\"\n", "alerts.repeat"},
		{"[[alerts.sink]]\nname = \"a\"\n", "alerts.sink[0].url: no url"},
		{"[[alerts.sink]]\nname = \"a\"\nurl = \"nowhere://" + canary + "\"\n", "alerts.sink[0].url: there is no such service"},
		{"[[alerts.sink]]\nname = \"a\"\nurl = \"T00000000/B00000000/" + canary + "\"\n", "alerts.sink[0].url: there is no such service"},
		{"[[alerts.sink]]\nname = \"a\"\nurl = \"" + canary + ":1@telegram\"\n", "alerts.sink[0].url: there is no such service"},
		{"[[alerts.sink]]\nname = \"a\"\nurl = \"webhook+ftp://" + canary + "\"\n", "alerts.sink[0].url: it is no URL of HTTP"},
		{"[[alerts.sink]]\nname = \"a\"\nurl = \"webhook+http://x/" + canary + "\"\nevery = \"0s\"\n", `alerts.sink[0].every: "0s" is out of range; write a duration from "1s" to "1h"`},
		{"[[alerts.sink]]\nname = \"a\"\nurl = \"telegram://" + canary + "\"\n", "alerts.sink[0].url"},
	} {
		cfg, said := loadAlerts(t, c.text)
		if cfg != nil || !strings.Contains(said, c.want) {
			t.Errorf("%s\nsaid %q, want %q", c.text, said, c.want)
		}
		if strings.Contains(strings.ToLower(said), strings.ToLower(canary)) {
			t.Errorf("%s\nshows the secret: %s", c.text, said)
		}
	}
}

// A rule with the name of a default rule changes that one and no other; all others are
// as they were.
func TestDefaultRulesAreChanged(t *testing.T) {
	c, said := loadAlerts(t, `
[[alerts.rule]]
name = "worker_silent"
severity = "critical"
labels = ["team=night"]
[[alerts.rule]]
name = "pool_slow"
enabled = false
[[alerts.rule]]
name = "mine"
on = "worker"
expr = "worker.miners > 3"
message = "{{.worker.name}}"
for = "1m"
`)
	if c == nil {
		t.Fatal(said)
	}
	want, got := alert.Defaults(alert.Runbooks), c.Alerts.Every()
	if len(got) != len(want) { // one less, one more
		t.Errorf("%d rules, of %d", len(got), len(want))
	}
	by := map[string]alert.Rule{}
	for _, r := range got {
		by[r.Name] = r
	}
	if _, ok := by["pool_slow"]; ok {
		t.Error("pool_slow is turned off")
	}
	for _, d := range want {
		r := by[d.Name]
		if d.Name == "worker_silent" {
			d.Severity, d.Labels = alert.Critical, []alert.Label{{Name: "team", Value: "night"}}
		}
		if d.Name != "pool_slow" && (r.Expr != d.Expr || r.Severity != d.Severity || r.Message != d.Message || r.For != d.For || r.Cooldown != d.Cooldown || len(r.Labels) != len(d.Labels) || !r.Builtin) {
			t.Errorf("%+v, want %+v", r, d)
		}
	}
	if m := by["mine"]; m.On != alert.OnWorker || m.For != time.Minute || m.Builtin || m.Cooldown != 5*time.Minute {
		t.Errorf("%+v", m)
	}
}

// What differs is named by the rule's name, and a sink's URL is stars.
func TestAlertDifferences(t *testing.T) {
	before, said := loadAlerts(t, "[[alerts.sink]]\nname = \"a\"\nurl = \"ntfy://ntfy.example/"+canary+"\"\n")
	if before == nil {
		t.Fatal(said)
	}
	after, said := loadAlerts(t, "[[alerts.sink]]\nname = \"a\"\nurl = \"ntfy://ntfy.example/other\"\n[[alerts.rule]]\nname = \"pool_slow\"\nfor = \"1h\"\n")
	if after == nil {
		t.Fatal(said)
	}
	changes := Diff(before, after)
	keys := make([]string, 0, len(changes))
	for _, c := range changes {
		keys = append(keys, c.Key)
		if strings.Contains(c.Old+c.New, canary) {
			t.Errorf("%+v shows the secret", c)
		}
	}
	all := strings.Join(keys, " ")
	if !strings.Contains(all, "alerts.sink[a].url") || !strings.Contains(all, "alerts.rule[pool_slow].for") {
		t.Errorf("differences: %s", all)
	}
	if got := Redact(before).Alerts.Sinks[0].URL.Reveal(); strings.Contains(got, canary) || before.Alerts.Sinks[0].URL.Reveal() == got {
		t.Errorf("redacted: %s", got)
	}
}
