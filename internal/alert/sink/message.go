package sink

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/loka/stratum/internal/alert"
)

const (
	// longText bounds what is told of alerts in one message, in bytes: a little less than
	// the chat with the tightest limit takes.
	longText = 1800
	// longTitle is the same of a title.
	longTitle = 200
	// together is from how many alerts of one rule on they are one line, and named is
	// how many of their subjects are named then.
	together, named = 4, 5
)

// message is what is sent: the same for people and for machines.
type message struct {
	instance string
	at       time.Time
	notices  []alert.Notice
	// dropped is how many there was no room for.
	dropped int
	// test says that it only tries the sink, plain that nothing of what alerts say is in
	// it, for the service did not take that.
	test, plain bool
}

// worst is the severity of the worst alert that is not over, [alert.Info] where all
// are.
func (m *message) worst() alert.Severity {
	worst := alert.Info
	for i := range m.notices {
		if n := &m.notices[i]; n.State != alert.Resolved && n.Severity.AtLeast(worst) {
			worst = n.Severity
		}
	}
	return worst
}

// title is one line of at most longTitle bytes.
func (m *message) title() string {
	return cut(strings.ReplaceAll(printable(m.heading()), "\n", " "), longTitle)
}

func (m *message) heading() string {
	if m.test {
		return "loka " + m.instance + ": a test"
	}
	if len(m.notices) == 1 && !m.plain {
		return word(&m.notices[0]) + " " + m.notices[0].ID
	}
	firing, over := 0, 0
	for i := range m.notices {
		if m.notices[i].State == alert.Resolved {
			over++
		} else {
			firing++
		}
	}
	switch {
	case firing == 0:
		return "OVER: " + many(over)
	case over == 0:
		return fmt.Sprintf("%s: %s", strings.ToUpper(string(m.worst())), many(firing))
	}
	return fmt.Sprintf("%s: %s, %d over", strings.ToUpper(string(m.worst())), many(firing), over)
}

func many(n int) string {
	if n == 1 {
		return "1 alert"
	}
	return fmt.Sprintf("%d alerts", n)
}

// text is all of it, in at most longText bytes and what is said at its end.
func (m *message) text() string {
	if m.plain {
		return "What these alerts say was not taken here; see the page, or `loka alerts list`.\nloka " + m.instance
	}
	if m.test {
		return "This is a test of the alerts of loka " + m.instance + ". Nothing is wrong."
	}
	groups := m.groups()
	var b strings.Builder
	left := len(m.notices)
	for _, g := range groups {
		line := printable(g.text())
		if b.Len()+len(line) > longText && b.Len() > 0 {
			break
		}
		line = cut(line, longText)
		b.WriteString(line)
		b.WriteByte('\n')
		left -= len(g)
	}
	if left > 0 {
		fmt.Fprintf(&b, "… and %d more; see the page, or `loka alerts list`.\n", left)
	}
	if m.dropped > 0 {
		fmt.Fprintf(&b, "%d alerts before these were not told: too many waited.\n", m.dropped)
	}
	fmt.Fprintf(&b, "loka %s", m.instance)
	return b.String()
}

// cut leaves at most so many bytes of a text, and a mark where there were more.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// printable has no characters in it that move what is around them: names come from
// whoever may connect. Lines stay lines, and empty ones go.
func printable(text string) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	for i, line := range lines {
		lines[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
				return ' '
			}
			return r
		}, line)
	}
	return strings.Join(lines, "\n")
}

// group is what is told in one line.
type group []*alert.Notice

// groups puts alerts of one rule and state together where they are many; the worst
// first, what is over last.
func (m *message) groups() []group {
	type kind struct {
		name  string
		state alert.State
	}
	by := make(map[kind]group)
	var order []kind
	for i := range m.notices {
		n := &m.notices[i]
		k := kind{n.Name, n.State}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], n)
	}
	rank := func(k kind) int {
		if k.state == alert.Resolved {
			return len(alert.Severities())
		}
		return len(alert.Severities()) - 1 - slices.Index(alert.Severities(), by[k][0].Severity)
	}
	slices.SortStableFunc(order, func(a, b kind) int { return rank(a) - rank(b) })
	var all []group
	for _, k := range order {
		if g := by[k]; len(g) >= together {
			all = append(all, g)
			continue
		}
		for _, n := range by[k] {
			all = append(all, group{n})
		}
	}
	return all
}

func (g group) text() string {
	first := g[0]
	if len(g) == 1 {
		return single(first)
	}
	subjects := make([]string, 0, named)
	for _, n := range g[:min(named, len(g))] {
		subjects = append(subjects, n.Subject)
	}
	text := fmt.Sprintf("%s %s: %d of them: %s", word(first), first.Name, len(g), strings.Join(subjects, ", "))
	if len(g) > named {
		text += " …"
	}
	if first.State != alert.Resolved {
		text += "\n" + first.Message + runbook(first)
	}
	return text
}

// single is a single alert's text.
func single(n *alert.Notice) string {
	if n.State == alert.Resolved {
		return fmt.Sprintf("%s %s after %s", word(n), n.ID, n.ResolvedAt.Sub(n.Since).Round(time.Second))
	}
	text := fmt.Sprintf("%s %s since %s", word(n), n.ID, n.Since.UTC().Format("15:04:05Z"))
	if n.Again {
		text += ", still"
	}
	if n.Flapping {
		text += ", again and again"
	}
	return text + "\n" + n.Message + runbook(n)
}

func runbook(n *alert.Notice) string {
	if n.Runbook == "" {
		return ""
	}
	return "\n" + n.Runbook
}

// word is what a line begins with.
func word(n *alert.Notice) string {
	if n.State == alert.Resolved {
		return "OVER"
	}
	return strings.ToUpper(string(n.Severity))
}

// labels are the rule's own and what else an alert is known by.
func labels(a *alert.Alert, instance string) map[string]string {
	all := make(map[string]string, len(a.Labels)+5)
	for _, l := range a.Labels {
		all[l.Name] = l.Value
	}
	all["alertname"], all["severity"], all["kind"], all["loka"] = a.Name, string(a.Severity), string(a.Kind), instance
	if a.Subject != "" {
		all[string(a.Kind)] = a.Subject
	}
	return all
}
