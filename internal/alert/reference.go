package alert

import (
	"fmt"
	"regexp"
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

// runbooks is the part of docs/OPERATIONS.md that is made of the default rules.
func runbooks() string {
	var b strings.Builder
	for _, r := range Defaults(Runbooks) {
		after := "as soon as"
		if r.For > 0 {
			after = "once for " + lasting(r.For)
		}
		fmt.Fprintf(&b, "\n### Alert `%s`\n\n*%s, for each %s; fires %s `%s`.*\n\n%s\n", r.Name, r.Severity, r.On, after, r.Expr, plain(r.Message))
		fmt.Fprintf(&b, "\n%s\n", lookAt(r.On))
	}
	return b.String()
}

// figures are what a template puts in.
var figures = regexp.MustCompile(`\{\{[^}]*\}\}`)

// plain is a message as it is written for people who read of it.
func plain(message string) string {
	return figures.ReplaceAllStringFunc(message, func(action string) string {
		switch {
		case strings.HasPrefix(action, "{{if"), strings.HasPrefix(action, "{{with"):
			return " ("
		case strings.HasPrefix(action, "{{else"):
			return ", or "
		case strings.HasPrefix(action, "{{end"):
			return ")"
		}
		return "…"
	})
}

// lookAt says where there is more to see of a kind.
func lookAt(k Kind) string {
	switch k {
	case OnPool:
		return "Look at `loka status`, at the pool in `GET /api/v1/pools` (`state`, `error`, `quality`, `signals`, `reconciliation`) and at the log. `loka pool drain NAME` sends its miners to the next pool, without a new connection; `loka pool undrain NAME` takes that back."
	case OnRoute:
		return "Look at `loka status`, at the route in `GET /api/v1/routes` and at its pools. `loka pool pin` prefers one of them."
	case OnWorker, OnUser:
		return "Look at the worker's page or `GET /api/v1/workers/NAME`, which has its connections, and at `GET /api/v1/workers/NAME/history`. If it is known: `loka alerts silence subject=NAME --for 12h --comment WHY`."
	case OnListener:
		return "Look at `GET /api/v1/listeners` and at the check `tls` of `/health`. A certificate is read again within 30 s of its file's change."
	case OnFarm:
		return "Look at `loka status`, and at the alerts of pools, routes and users, which say where it is."
	case OnProxy:
		return "Look at `/health`, which has advice for each check, and at the log."
	case OnCheck:
		return "Look at `/health`: the check has advice of its own."
	}
	return ""
}
