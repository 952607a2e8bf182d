package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/alert/sink"
	"github.com/loka/stratum/internal/mining"
)

// Alerts is the [alerts] table: what is told when something is wrong, and where.
type Alerts struct {
	// Enabled says that anything is looked at.
	Enabled bool `toml:"enabled"`
	// Interval is the time between two looks, Repeat how often what goes on is told
	// again; 0 is never.
	Interval time.Duration `toml:"interval"`
	Repeat   time.Duration `toml:"repeat"`
	// Runbooks is the document that the default rules' runbooks are in.
	Runbooks string `toml:"runbooks"`
	// Rules are the file's; [Alerts.Every] has the default ones, too.
	Rules []AlertRule `toml:"rule"`
	Sinks []AlertSink `toml:"sink"`
}

// AlertRule is one rule. One that has the name of a default rule is that, but for what
// it sets.
type AlertRule struct {
	Name     string         `toml:"name"`
	Enabled  bool           `toml:"enabled"`
	On       alert.Kind     `toml:"on"`
	Expr     string         `toml:"expr"`
	Value    string         `toml:"value"`
	For      time.Duration  `toml:"for"`
	Cooldown time.Duration  `toml:"cooldown"`
	Severity alert.Severity `toml:"severity"`
	// Labels are "NAME=VALUE".
	Labels  []string `toml:"labels"`
	Message string   `toml:"message"`
	Runbook string   `toml:"runbook"`
}

// AlertSink is a place where alerts are told.
type AlertSink struct {
	Name    string `toml:"name"`
	Enabled bool   `toml:"enabled"`
	// URL lets in whoever has it.
	URL      mining.Secret  `toml:"url"`
	Severity alert.Severity `toml:"severity"`
	Rules    []string       `toml:"rules"`
	// Resolved says that ends are told, too.
	Resolved bool          `toml:"resolved"`
	Every    time.Duration `toml:"every"`
}

func defaultAlerts() Alerts {
	return Alerts{Enabled: true, Interval: 5 * time.Second, Repeat: 4 * time.Hour, Runbooks: alert.Runbooks}
}

func defaultAlertRule() AlertRule {
	return AlertRule{Enabled: true, On: alert.OnPool, Severity: alert.Warning, Cooldown: 5 * time.Minute}
}

func defaultAlertSink() AlertSink {
	return AlertSink{Enabled: true, Severity: alert.Warning, Resolved: true, Every: sink.DefaultEvery}
}

const (
	maxAlertRules, maxAlertSinks, maxAlertLabels = 500, 50, 20
	minInterval, maxInterval                     = time.Second, time.Hour
	maxAlertTime                                 = 30 * 24 * time.Hour
)

// completeAlerts fills in what rules with a default rule's name leave out.
func (l *loader) completeAlerts(a *Alerts) {
	if len(a.Rules) == 0 {
		return
	}
	known := make(map[string]alert.Rule)
	for _, r := range alert.Defaults(a.Runbooks) {
		known[r.Name] = r
	}
	for i := range a.Rules {
		r := &a.Rules[i]
		d, ok := known[r.Name]
		if !ok {
			continue
		}
		at := index("alerts.rule", i)
		for key, take := range map[string]func(){
			"on": func() { r.On = d.On }, "expr": func() { r.Expr = d.Expr }, "value": func() { r.Value = d.Value },
			"for": func() { r.For = d.For }, "cooldown": func() { r.Cooldown = d.Cooldown }, "severity": func() { r.Severity = d.Severity },
			"message": func() { r.Message = d.Message }, "runbook": func() { r.Runbook = d.Runbook },
		} {
			if !l.given[join(at, key)] {
				take()
			}
		}
	}
}

// Every is all rules that hold: the default ones as the file has them, and the file's.
func (a *Alerts) Every() []alert.Rule {
	own := make(map[string]*AlertRule, len(a.Rules))
	for i := range a.Rules {
		own[a.Rules[i].Name] = &a.Rules[i]
	}
	var all []alert.Rule
	for _, d := range alert.Defaults(a.Runbooks) {
		r, ok := own[d.Name]
		switch {
		case !ok:
			all = append(all, d)
		case r.Enabled:
			changed := r.rule()
			changed.Builtin = true
			all = append(all, changed)
		}
		delete(own, d.Name)
	}
	for i := range a.Rules {
		if r := &a.Rules[i]; own[r.Name] == r && r.Enabled {
			all = append(all, r.rule())
		}
	}
	return all
}

func (r *AlertRule) rule() alert.Rule {
	out := alert.Rule{
		Name: r.Name, On: r.On, Severity: r.Severity, Expr: r.Expr, Value: r.Value, For: r.For, Cooldown: r.Cooldown,
		Message: r.Message, Runbook: r.Runbook,
	}
	for _, text := range r.Labels {
		name, value, _ := strings.Cut(text, "=")
		out.Labels = append(out.Labels, alert.Label{Name: name, Value: value})
	}
	return out
}

// checkAlerts checks the [alerts] table.
func (l *loader) checkAlerts(a *Alerts) {
	if a.Interval < minInterval || a.Interval > maxInterval {
		l.add("alerts.interval", `%s is out of range; write a duration from %q to %q`, l.quote("alerts.interval", a.Interval), formatDuration(minInterval), formatDuration(maxInterval))
	}
	if a.Repeat < 0 || a.Repeat > maxAlertTime || a.Repeat > 0 && a.Repeat < time.Minute {
		l.add("alerts.repeat", `%s is out of range; write "0s" for never, or a duration from "1m" to %q`, l.quote("alerts.repeat", a.Repeat), formatDuration(maxAlertTime))
	}
	if len(a.Rules) > maxAlertRules {
		l.add("alerts.rule", "%d rules; at most %d are allowed", len(a.Rules), maxAlertRules)
		return
	}
	compiler, first := alert.NewCompiler(), map[string]int{}
	for i := range a.Rules {
		at := index("alerts.rule", i)
		l.checkNamed(at, "rule", a.Rules[i].Name, i, first)
		l.checkRule(at, &a.Rules[i], compiler)
	}
	l.checkSinks(a)
}

// checkNamed checks a name that must be there, and be the only one of its kind.
func (l *loader) checkNamed(at, what, name string, i int, first map[string]int) {
	l.checkName(join(at, "name"), name)
	if other, dup := first[name]; dup {
		l.add(join(at, "name"), "%q is the name of %s[%d] already; give each %s a name of its own", name, what, other, what)
		return
	}
	first[name] = i
}

func (l *loader) checkRule(at string, r *AlertRule, compiler *alert.Compiler) {
	for key, d := range map[string]time.Duration{"for": r.For, "cooldown": r.Cooldown} {
		if d < 0 || d > maxAlertTime {
			l.add(join(at, key), `%s is out of range; write a duration from "0s" to %q`, l.quote(join(at, key), d), formatDuration(maxAlertTime))
		}
	}
	if len(r.Labels) > maxAlertLabels {
		l.add(join(at, "labels"), "%d labels; at most %d are allowed", len(r.Labels), maxAlertLabels)
	}
	for i, text := range r.Labels {
		name, _, ok := strings.Cut(text, "=")
		if !ok || !labelName(name) {
			l.add(index(join(at, "labels"), i), `%q is no label; write "NAME=VALUE", the name of letters, digits and "_"`, text)
		} else if slices.Contains([]string{"alertname", "name", "severity", "kind", "subject", "loka"}, name) {
			l.add(index(join(at, "labels"), i), "%q is a label that every alert has already; choose another name", name)
		}
	}
	if r.Expr == "" {
		l.missing(join(at, "expr"), `no condition; write one such as expr = "pool.reject_rate > 0.02", or the name of a default rule to change`)
		return
	}
	if r.Message == "" {
		l.missing(join(at, "message"), `no message; write one such as message = "{{.%s.name}} …"`, r.On)
		return
	}
	_, err := compiler.Compile(r.rule())
	wrong, _ := err.(alert.Errors) //nolint:errorlint // it is one, by its contract
	for _, e := range wrong {
		key := join(at, e.Key)
		l.report(key, l.where.within(key, e.Line, e.Column), e.Text+"; docs/ALERTS.md has all that a "+string(r.On)+" knows")
	}
}

func labelName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return name != "" && len(name) <= maxNameLength && strings.Trim(name, letters+"0123456789") == "" && strings.Contains(letters, name[:1])
}

// checkSinks checks where alerts are told. Of a URL no part is repeated.
func (l *loader) checkSinks(a *Alerts) {
	if len(a.Sinks) > maxAlertSinks {
		l.add("alerts.sink", "%d sinks; at most %d are allowed", len(a.Sinks), maxAlertSinks)
		return
	}
	first := map[string]int{}
	for i := range a.Sinks {
		s, at := &a.Sinks[i], index("alerts.sink", i)
		l.checkNamed(at, "sink", s.Name, i, first)
		if s.URL == "" {
			l.missing(join(at, "url"), `no url; write where alerts are told, such as url = "${SLACK_URL}"`)
		} else if err := sink.Check(s.URL.Reveal()); err != nil {
			l.add(join(at, "url"), "%v", err)
		}
		if s.Every < minInterval || s.Every > maxInterval {
			l.add(join(at, "every"), `%s is out of range; write a duration from %q to %q`, l.quote(join(at, "every"), s.Every), formatDuration(minInterval), formatDuration(maxInterval))
		}
	}
}

// alertMeanings is the documentation of the keys.
func alertMeanings() map[string]meaning {
	builtin := "that of the default rule of that name, else "
	return map[string]meaning{
		"alerts.enabled":  {"Whether rules are evaluated. See [alerts](#alerts).", ""},
		"alerts.interval": {"Time between two evaluations, 1 s to 1 h.", ""},
		"alerts.repeat":   {"How often people are told again of an alert that goes on; `\"0s\"` is never.", ""},
		"alerts.runbooks": {"The document, or the URL of one, that the default rules' runbooks are in: `#alert-NAME` is put behind it.", ""},

		"alerts.rule[].name":     {"The rule's name: made like a pool's, unique. With that of a default rule it changes that one: what is not set here stays.", "required"},
		"alerts.rule[].enabled":  {"`false` turns the rule off, a default one too.", ""},
		"alerts.rule[].on":       {"What it is evaluated for; each pool, route and so on is an alert of its own.", builtin + "`\"pool\"`"},
		"alerts.rule[].expr":     {"The condition, in [CEL](https://cel.dev), such as `\"pool.reject_rate > 0.02 && pool.shares_1h > 100\"`. [ALERTS.md](ALERTS.md) has all that can be asked.", builtin + "required"},
		"alerts.rule[].value":    {"A figure that is told with it, in CEL, such as `\"pool.reject_rate\"`.", builtin + "none"},
		"alerts.rule[].for":      {"How long the condition has to hold before anybody is told.", builtin + "`\"0s\"`"},
		"alerts.rule[].cooldown": {"For how long after its end nobody is told if it begins again.", builtin + "`\"5m\"`"},
		"alerts.rule[].severity": {"How bad it is. One that is critical also has what led to it kept for analysis.", builtin + "`\"warning\"`"},
		"alerts.rule[].labels":   {"Labels of its alerts, `\"NAME=VALUE\"`, for silences and an Alertmanager.", ""},
		"alerts.rule[].message":  {"What is told: a template of Go's with the same facts, such as `\"{{.pool.name}} refuses {{percent .value}}\"`.", builtin + "required"},
		"alerts.rule[].runbook":  {"Where it is written what to do.", builtin + "none"},

		"alerts.sink[].name":     {"The sink's name; unique, made like a pool's.", "required"},
		"alerts.sink[].enabled":  {"`false` tells nothing there.", ""},
		"alerts.sink[].url":      {"Where it is: a secret, better kept in the environment (`\"${SLACK_URL}\"`). See [alerts](#alerts).", "required"},
		"alerts.sink[].severity": {"The least that is told there.", ""},
		"alerts.sink[].rules":    {"Globs of the rules that are told there.", "all"},
		"alerts.sink[].resolved": {"Whether it is told there when an alert is over.", ""},
		"alerts.sink[].every":    {"Least time between two messages, 1 s to 1 h; what comes meanwhile is put together into one.", ""},
	}
}

// alertReference is the part of docs/CONFIG.md on alerts.
func alertReference() string {
	return fmt.Sprintf(`
## Alerts

Every few seconds rules are evaluated over what is known of the farm. [ALERTS.md](ALERTS.md) has the default rules, and the facts that a rule of your own can ask for. All of this changes with `+"`loka reload`"+`;
an alert that fires goes on where its rule is still there.

`+"```toml"+`
[[alerts.rule]]                        # one of your own
name = "many_rejects"
on = "pool"
expr = "pool.reject_rate > 0.02 && pool.shares_1h > 100"
value = "pool.reject_rate"
for = "5m"
severity = "critical"
labels = ["team=night"]
message = "{{.pool.name}} refuses {{percent .value}} of the shares"

[[alerts.rule]]                        # a default rule, changed
name = "worker_silent"
severity = "info"

[[alerts.sink]]
name = "night"
url = "${TELEGRAM_URL}"                # telegram://TOKEN@telegram?chats=@channel
severity = "critical"
`+"```"+`

A mistake in an expression or a template is a mistake of the file, with its line and column. Where facts are compared by `+"`==`"+` or calculated with, numbers are written with a point: `+"`pool.miners == 0.0`"+`.

| a sink's url | tells |
|---|---|
| `+"`webhook+https://HOST/PATH`"+` | any program, in JSON: `+"`title`, `text`"+` and all `+"`alerts`"+` with their fields |
| `+"`alertmanager+http://HOST:9093`"+` | an Alertmanager, all that fires every minute; it groups, silences and repeats by itself |
| `+"`slack://…`, `telegram://…`, `discord://…`, `smtp://…`"+` and others | people; the forms of these URLs are those of [shoutrrr](https://shoutrrr.nickfedor.com/). To Slack, Telegram and Discord loka speaks itself: `+"`title`, `parsemode`, `splitLines`, `json`"+` and the colours of Discord change nothing there |

Services: %s.

A sink that cannot be reached is tried again after 1 s, then ever later up to 5 min; up to 1,000 alerts wait for it for up to 6 h, of each the latest word. `+"`loka alerts test`"+` tries them. One that says when to come again (`+"`Retry-After`"+`) is left alone until then, for an hour at the most; what does not mend itself, such as a token that was
revoked, is tried every 5 min; what alerts say is left out where a service does not take that. Of several chats or recipients of one sink each is told by itself. Mail goes by TLS where the server has it; `+"`requirestarttls=yes`"+` sends none without. An alert that begins a fourth time
within an hour is held until it has been calm for 15 min, so that nobody is told again and again. A [silence](API.md#silence) keeps alerts from being told for a while: `+"`loka alerts silence subject=rack7.* --for 2h`"+`.
`, "`"+strings.Join(sink.Services(), "`, `")+"`")
}
