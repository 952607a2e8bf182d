package top

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// alertColumns are those of alerts.
func (m *model) alertColumns() []column[view.Alert] {
	return []column[view.Alert]{
		{title: "SEVERITY", width: 8, cell: func(a *view.Alert) string { return shown(a.Severity) }, style: alertStyle},
		{title: "ALERT", width: 20, rank: 1, cell: func(a *view.Alert) string { return shown(a.Name) }},
		{title: "ABOUT", width: 14, rank: 3, cell: func(a *view.Alert) string { return shown(a.Subject) }},
		{title: "FOR", width: 6, right: true, rank: 2, cell: m.lasting},
		{title: "WHAT", width: 24, wide: true, rank: 4, cell: alertWords, style: alertStyle},
	}
}

// alertStyle is that of how bad it is; one that is not told is faint.
func alertStyle(a *view.Alert) style {
	if a.Silenced {
		return faint
	}
	return severityStyle(a.Severity)
}

// alertWords is what it says, and that it is not told.
func alertWords(a *view.Alert) string {
	if a.Silenced {
		return "(silenced) " + shown(a.Message)
	}
	return shown(a.Message)
}

// lasting is for how long it has been so.
func (m *model) lasting(a *view.Alert) string {
	if a.Since == nil {
		return "–"
	}
	return brief(m.now.Sub(*a.Since))
}

// foundAlerts are those that have in them what is searched for, the worst first.
func (m *model) foundAlerts() []*view.Alert {
	text := strings.ToLower(m.at[alertsTab].search)
	some := make([]*view.Alert, 0, len(m.alerts))
	for i := range m.alerts {
		a := &m.alerts[i]
		if strings.Contains(strings.ToLower(strings.Join([]string{a.Severity, a.Name, a.Kind, a.Subject, a.Message}, "\n")), text) {
			some = append(some, a)
		}
	}
	return some
}

// oneAlert is an alert at length.
func (m *model) oneAlert(a *view.Alert) []string {
	lines := []string{
		strong.of(strings.TrimSpace(shown(a.Name) + " " + shown(a.Subject))), "",
		label("Severity", severityStyle(a.Severity).of(shown(a.Severity))), label("About", strings.TrimSpace(shown(a.Kind)+" "+shown(a.Subject))),
		label("For", m.lasting(a)), "", shown(a.Message), "",
	}
	if a.Runbook != "" {
		lines = append(lines, label("What to do", shown(a.Runbook)))
	}
	if a.Flapping {
		lines = append(lines, "It came and went so often that it is held until it has been calm for a while.")
	}
	if a.Silenced {
		lines = append(lines, label("Silenced by", shown(strings.Join(a.SilencedBy, ", "))))
	}
	return lines
}

// alertChoice asks whether to keep an alert from being told, or to have it told again.
func alertChoice(name string, a *view.Alert) *choice {
	if name != "z" {
		return nil
	}
	word := "alert " + strings.TrimSpace(shown(a.Name)+" "+shown(a.Subject))
	if a.Silenced {
		ids := a.SilencedBy
		return yes(fmt.Sprintf("End what keeps %s from being told (%d silences)?", word, len(ids)), deed{word + " is told again", func(ctx context.Context, api *client.Client) error {
			for _, id := range ids {
				if err := api.Unsilence(ctx, id); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	order := httpapi.NewSilence{Matchers: []view.AlertMatcher{{Label: "name", Glob: a.Name}}, Comment: "loka top"}
	if a.Subject != "" {
		// A name may have a star in it, and means no other for that.
		order.Matchers = append(order.Matchers, view.AlertMatcher{Label: "subject", Glob: strings.ReplaceAll(a.Subject, "*", "?")})
	}
	silence := func(term time.Duration) func(ctx context.Context, api *client.Client) error {
		order := order
		order.For = term.String()
		return func(ctx context.Context, api *client.Client) error {
			_, err := api.Silence(ctx, order)
			return err
		}
	}
	return &choice{"Silence " + word + "?  h an hour, d a day, any other key no", map[string]deed{
		"h": {word + " is silenced for an hour", silence(time.Hour)},
		"d": {word + " is silenced for a day", silence(24 * time.Hour)},
	}}
}
