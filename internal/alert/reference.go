package alert

import (
	"fmt"
	"strings"
	"time"
)

// Reference is docs/ALERTS.md: the default rules, and what rules can ask for.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, r := range Defaults(Runbooks) {
		fmt.Fprintf(&b, "| [`%s`](OPERATIONS.md%s) | %s | %s | `%s` | %s | %s |\n",
			r.Name, Anchor(r.Name), r.On, r.Severity, strings.ReplaceAll(r.Expr, "|", `\|`), lasting(r.For), lasting(r.Cooldown))
	}
	b.WriteString(referenceFacts)
	for _, k := range Kinds() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| fact | type | unit | what it says |\n|---|---|---|---|\n", k, kindMeans(k))
		for _, f := range fieldsOf(k) {
			fmt.Fprintf(&b, "| `%s.%s` | %s | %s | %s |\n", k, f.name, f.typ, f.unit, f.doc)
		}
	}
	return b.String()
}

func lasting(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

func kindMeans(k Kind) string {
	switch k {
	case OnFarm:
		return "All together. Every expression may ask for it."
	case OnProxy:
		return "This process, and what it stands on. Every expression may ask for it."
	case OnPool:
		return "One pool, by its own word where shares are counted."
	case OnRoute:
		return "One route."
	case OnListener:
		return "One address that miners connect to."
	case OnUser:
		return "What stands before the first dot of its workers' logins: in a farm that hosts others' machines, their owner."
	case OnWorker:
		return "One login. There may be ten thousand, and a rule is evaluated for each."
	case OnCheck:
		return "One check of `/health`."
	}
	return ""
}

const referenceHead = `# Alerts

<!-- Generated from internal/alert by "go test ./internal/alert -update"; edit the tables there. -->

Every ` + "`alerts.interval`" + ` each rule is evaluated for each thing that it is about, and makes one alert of each: *pending* while its condition has not held for long enough, *firing* once it has,
*resolved* for 15 minutes after. [CONFIG.md](CONFIG.md#alerts) says how to change rules, write others, and where they are told; [OPERATIONS.md](OPERATIONS.md#runbooks) what to do.

- What fires is in ` + "`GET /api/v1/alerts`" + `, in the log (but for single workers), in the history and on the page, whoever is told; [how many fire, and how sinks do](METRICS.md), is in ` + "`/metrics`" + `.
- A restart forgets what fires, and keeps silences and the history: what is still so is told anew, and what is not is not told as over.
- A *baseline* is a thing's own mean hashrate of the last day, once it is an hour old: a drop is one against that. By chance alone the number of shares varies by its square root, so that a
  drop counts only where it is by several standard deviations (` + "`hashrate_sigma`" + `). A drop that lasts becomes usual: one to a half is told for some 14 hours.
- Where the whole farm has dropped that is told once, and not of each route, user and worker.

## Default rules

| rule | for each | severity | condition | has to last | cooldown |
|---|---|---|---|---|---|
`

const referenceFacts = `
## What a rule can ask for

Conditions are in [CEL](https://cel.dev): ` + "`&&`, `||`, `!`, comparisons, arithmetic, `in`, `startsWith`, `matches`, `exists`" + ` and so on. An expression asks for its own kind, for ` + "`farm` and for `proxy`" + `. Facts are
numbers with a point (double), texts (string), true or false (bool) and maps by name. A part is from 0 to 1. What cannot be evaluated (a name that is not in a map) is no alert; ` + "`GET /api/v1/alerts/rules`" + ` says why.

In a message the same facts are written ` + "`{{.pool.name}}`" + `; besides there are ` + "`{{.value}}`, `{{.name}}`, `{{.severity}}`, `{{.runbook}}` and `{{.labels.NAME}}`" + `, and the words ` + "`hashrate`, `percent`, `bytes`, `duration` (of seconds) and `number`" + `
that print a figure: ` + "`{{percent .value}}`" + `.
`
