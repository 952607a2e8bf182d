package alert

import (
	"fmt"
	"maps"
	"strings"
)

// runbook says what to do about the alerts of one rule.
type runbook struct {
	// means is what is so, costs what is lost while it is, look where to look first, do
	// what to do then, and ignore when nothing has to be done.
	means, costs, look, do, ignore string
}

// allRunbooks are those of the default rules, by name.
func allRunbooks() map[string]runbook {
	all := make(map[string]runbook)
	for _, some := range []map[string]runbook{farmRunbooks, routeRunbooks, rejectRunbooks, poolRunbooks, signalRunbooks, workerRunbooks, listenerRunbooks, proxyRunbooks} {
		maps.Copy(all, some)
	}
	return all
}

// runbooks is the part of docs/OPERATIONS.md that is made of the default rules.
func runbooks() string {
	var b strings.Builder
	all := allRunbooks()
	for _, r := range Defaults(Runbooks) {
		after := "as soon as"
		if r.For > 0 {
			after = "once for " + lasting(r.For)
		}
		of := all[r.Name]
		fmt.Fprintf(&b, "\n### Alert `%s`\n\n*%s, for each %s; fires %s `%s`.*\n\n", r.Name, r.Severity, r.On, after, r.Expr)
		fmt.Fprintf(&b, "- **It means** %s\n- **It costs** %s\n- **Look first** %s\n- **Do** %s\n- **Ignore it** %s\n", of.means, of.costs, of.look, of.do, of.ignore)
	}
	return b.String()
}
