package web

import (
	"cmp"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

// alertPage is all about alerts.
type alertPage struct {
	Firing, Pending, Resolved []view.Alert
	Silences                  []view.Silence
	// Lively are the rules that say something, have failed or are of the operator's own;
	// Calm are all others.
	Lively, Calm []view.AlertRule
	// Past is what was last, Before what was before that.
	Past, Before []view.AlertEvent
	Sinks        []view.AlertSink
	// Known says that there are rules at all.
	Known bool
}

const (
	// alertsShown is how much of the past is shown, and alertsAtOnce how much of it
	// without being asked for.
	alertsShown  = 50
	alertsAtOnce = 8
)

func (s *Server) alertPage() *alertPage {
	p := &alertPage{}
	all := s.deps.Model.Alerts()
	p.Firing, p.Pending, p.Resolved = firing(all), inState(all, "pending"), inState(all, "resolved")
	desk := s.deps.Alerts
	if desk == nil {
		return p
	}
	p.Known = true
	p.Silences, p.Sinks = desk.Silences(), desk.Sinks()
	past := desk.History(alertsShown)
	cut := min(alertsAtOnce, len(past))
	p.Past, p.Before = past[:cut], past[cut:]
	for _, r := range desk.Rules() {
		if r.Firing > 0 || r.Pending > 0 || r.Error != "" || !r.Builtin {
			p.Lively = append(p.Lively, r)
		} else {
			p.Calm = append(p.Calm, r)
		}
	}
	slices.SortStableFunc(p.Lively, func(a, b view.AlertRule) int {
		return cmp.Or(cmp.Compare(b.Firing, a.Firing), cmp.Compare(b.Pending, a.Pending), cmp.Compare(len(b.Error), len(a.Error)))
	})
	return p
}

// Rules counts them.
func (p *alertPage) Rules() int { return len(p.Lively) + len(p.Calm) }

// shownAlert is an alert and what may be done about it.
type shownAlert struct {
	Alert view.Alert
	May   bool
	// Path is where the page has what it is about; empty: nowhere.
	Path string
	// Runbook is where to read what to do; empty: it is no address.
	Runbook string
	// Payee says that it is of whom a pool pays, which can be accepted.
	Payee bool
}

func (s *Server) shownAlert(a view.Alert, may bool) shownAlert {
	return shownAlert{a, may, subjectPath(a.Kind, a.Subject), s.runbookLink(a.Runbook), a.Kind == "pool" && ofPayee(a.Name)}
}

// ofPayee says whether a signal is about whom a pool pays, or how it signs.
func ofPayee(name string) bool {
	return name == string(watch.PayoutChanged) || name == string(watch.TagChanged)
}

// said is what is told elsewhere as it is for who is on the page already: what names a
// command elsewhere is a button here.
func said(text string) template.HTML {
	for _, one := range payeeWords() {
		text = strings.ReplaceAll(text, one.elsewhere, one.here)
	}
	return prose(text)
}

// wording is how something is said elsewhere and here.
type wording struct{ elsewhere, here string }

func payeeWords() []wording {
	return []wording{
		{watch.Describe(watch.PayoutChanged).Do, "Ask the pool, by another way than its own page. If it has changed its address itself, accept the payee; if it has not, disable the pool: somebody may be taking your work."},
		{watch.Describe(watch.TagChanged).Do, "Ask the pool, and look at whom it pays. If the change is its own, accept the payee."},
		{"`loka pool accept-payout` says that this is right", "its payee is accepted here"},
	}
}

// subjectPath is where the page has what an alert is about; empty: nowhere.
func subjectPath(kind, subject string) string {
	switch kind {
	case "pool":
		return poolPath(subject)
	case "route":
		return "/routes#route-" + url.PathEscape(subject)
	case "user":
		return "/workers?" + url.Values{"q": {subject}}.Encode()
	case "worker":
		return workerPath(subject)
	case "check":
		return "/#health"
	}
	return ""
}
