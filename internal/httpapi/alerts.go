package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/view"
)

// Alerts says what is wrong. A lookout is one.
type Alerts interface {
	// Alerts has those of all states, the worst first.
	Alerts() []view.Alert
	Rules() []view.AlertRule
	// History is the latest first.
	History() []view.AlertEvent
}

// Silencer keeps alerts from being told.
type Silencer interface {
	Silences() []view.Silence
	// AddSilence makes one. The error is [alert.ErrSilences], [alert.ErrMatchers] or
	// [alert.ErrUntil], or else of keeping it: then it holds until the next start.
	AddSilence(s alert.Silence) (view.Silence, error)
	// RemoveSilence ends one; ok is false where there is none of that id.
	RemoveSilence(id string) (was view.Silence, ok bool, err error)
}

// AlertSinks are where alerts are told.
type AlertSinks interface {
	Sinks() []view.AlertSink
	// TestSinks sends a message by one of them, or by all where name is empty; ok is
	// false where there is none of that name.
	TestSinks(ctx context.Context, name string) (results []view.AlertSinkTest, ok bool)
}

// Alerting serves alerts; all of it is needed.
type Alerting struct {
	Alerts   Alerts
	Silencer Silencer
	Sinks    AlertSinks
	Now      func() time.Time
}

// AlertList is the body of GET /api/v1/alerts.
type AlertList struct {
	Alerts []view.Alert `json:"alerts" nullable:"false" doc:"The worst first, then by name and subject"`
	Total  int          `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// AlertRuleList is the body of GET /api/v1/alerts/rules.
type AlertRuleList struct {
	Rules []view.AlertRule `json:"rules" nullable:"false" doc:"In the order they are evaluated"`
	Total int              `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// AlertSinkList is the body of GET /api/v1/alerts/sinks.
type AlertSinkList struct {
	Sinks []view.AlertSink `json:"sinks" nullable:"false"`
	Total int              `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// AlertHistory is the body of GET /api/v1/alerts/history.
type AlertHistory struct {
	Events []view.AlertEvent `json:"events" nullable:"false" doc:"The latest first"`
	Total  int               `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// SilenceList is the body of GET /api/v1/silences.
type SilenceList struct {
	Silences []view.Silence `json:"silences" nullable:"false" doc:"Those that end first come first"`
	Total    int            `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// NewSilence is the body of POST /api/v1/silences. The answer is a [view.Silence].
type NewSilence struct {
	Matchers []view.AlertMatcher `json:"matchers" minItems:"1" maxItems:"16" doc:"All of them have to match"`
	For      string              `json:"for,omitempty" doc:"How long, such as \"2h\"; either this or until" example:"2h"`
	Until    string              `json:"until,omitempty" doc:"Until when, RFC 3339" example:"2026-01-31T12:00:00Z"`
	Comment  string              `json:"comment,omitempty" maxLength:"500" doc:"Why, for whoever looks later"`
}

// SinkTest is the body of POST /api/v1/alerts/test: a message is sent by one sink, or
// by all.
type SinkTest struct {
	Sink string `json:"sink,omitempty" doc:"The sink's name; empty: all"`
}

// SinkTests is the answer to POST /api/v1/alerts/test.
type SinkTests struct {
	Results []view.AlertSinkTest `json:"results" nullable:"false"`
}

type alertsInput struct {
	Paging

	State    []string `query:"state" enum:"pending,firing,resolved" default:"firing" doc:"Those in these states only, with commas between"`
	Severity string   `query:"severity" enum:"info,warning,critical" doc:"Those at least as bad only"`
	Name     string   `query:"name" doc:"Of this rule only"`
	Kind     string   `query:"kind" enum:"farm,proxy,pool,route,listener,user,worker,check" doc:"About such a thing only"`
	Subject  string   `query:"subject" doc:"About that one only"`
	Silenced string   `query:"silenced" enum:"true,false" doc:"Those that are silenced, or those that are not, only"`
}

type alertHistoryInput struct {
	Paging

	Name    string `query:"name" doc:"Of this rule only"`
	Kind    string `query:"kind" enum:"farm,proxy,pool,route,listener,user,worker,check" doc:"About such a thing only"`
	Subject string `query:"subject" doc:"About that one only"`
}

type silenceInput struct{ Body NewSilence }

type silencePath struct {
	ID string `path:"id" doc:"As in /api/v1/silences"`
}

type sinkTestInput struct{ Body SinkTest }

// alerting registers alerts, and what is done about them.
func alerting(api huma.API, a *Alerting) {
	huma.Register(api, get("/api/v1/alerts", "alerts", "What is wrong now", http.StatusUnprocessableEntity), a.list)
	huma.Register(api, get("/api/v1/alerts/rules", "alert_rules", "The rules that alerts come of, and how each does"), func(_ context.Context, in *Paging) (*body[AlertRuleList], error) {
		all := a.Alerts.Rules()
		return &body[AlertRuleList]{AlertRuleList{cut(*in, all), len(all)}}, nil
	})
	huma.Register(api, get("/api/v1/alerts/history", "alert_history", "Alerts that began and ended, the latest 5,000", http.StatusUnprocessableEntity), a.history)
	huma.Register(api, get("/api/v1/alerts/sinks", "alert_sinks", "Where alerts are told, and how that goes"), func(_ context.Context, in *Paging) (*body[AlertSinkList], error) {
		all := a.Sinks.Sinks()
		return &body[AlertSinkList]{AlertSinkList{cut(*in, all), len(all)}}, nil
	})
	huma.Register(api, get("/api/v1/silences", "silences", "What keeps alerts from being told"), func(_ context.Context, in *Paging) (*body[SilenceList], error) {
		all := a.Silencer.Silences()
		return &body[SilenceList]{SilenceList{cut(*in, all), len(all)}}, nil
	})
	add := write(http.MethodPost, "/api/v1/silences", "silence", "Keep alerts from being told for a while; they fire all the same",
		http.StatusUnprocessableEntity, http.StatusConflict, http.StatusInternalServerError)
	add.DefaultStatus = http.StatusOK
	huma.Register(api, add, a.silence)
	huma.Register(api, write(http.MethodDelete, "/api/v1/silences/{id}", "unsilence", "End a silence", http.StatusInternalServerError), a.unsilence)
	test := write(http.MethodPost, "/api/v1/alerts/test", "alert_test", "Send a test message by one sink or all, and say what came of it", http.StatusUnprocessableEntity)
	test.DefaultStatus = http.StatusOK
	huma.Register(api, test, a.test)
}

func (a *Alerting) list(_ context.Context, in *alertsInput) (*body[AlertList], error) {
	all := slices.DeleteFunc(a.Alerts.Alerts(), func(one view.Alert) bool {
		return !slices.Contains(in.State, one.State) ||
			in.Severity != "" && !alert.Severity(one.Severity).AtLeast(alert.Severity(in.Severity)) ||
			in.Name != "" && one.Name != in.Name || in.Kind != "" && one.Kind != in.Kind || in.Subject != "" && one.Subject != in.Subject ||
			in.Silenced != "" && one.Silenced != (in.Silenced == "true")
	})
	return &body[AlertList]{AlertList{cut(in.Paging, all), len(all)}}, nil
}

func (a *Alerting) history(_ context.Context, in *alertHistoryInput) (*body[AlertHistory], error) {
	all := slices.DeleteFunc(a.Alerts.History(), func(one view.AlertEvent) bool {
		return in.Name != "" && one.Name != in.Name || in.Kind != "" && one.Kind != in.Kind || in.Subject != "" && one.Subject != in.Subject
	})
	return &body[AlertHistory]{AlertHistory{cut(in.Paging, all), len(all)}}, nil
}

func (a *Alerting) silence(ctx context.Context, in *silenceInput) (*body[view.Silence], error) {
	now := a.Now()
	s := alert.Silence{By: identityOf(ctx).Name, Comment: in.Body.Comment}
	for _, m := range in.Body.Matchers {
		s.Matchers = append(s.Matchers, alert.Matcher(m))
	}
	switch {
	case (in.Body.For == "") == (in.Body.Until == ""):
		return nil, bodyWrong("for", "say either for, such as 2h, or until, an RFC 3339 time")
	case in.Body.For != "":
		length, err := time.ParseDuration(in.Body.For)
		if err != nil {
			return nil, bodyWrong("for", fmt.Sprintf("%q is no term; write it like 30m, 1h or 24h", in.Body.For))
		}
		s.Until = now.Add(length)
	default:
		at, err := time.Parse(time.RFC3339, in.Body.Until)
		if err != nil {
			return nil, bodyWrong("until", fmt.Sprintf("%q is no RFC 3339 time such as 2026-01-31T12:00:00Z", in.Body.Until))
		}
		s.Until = at
	}
	made, err := a.Silencer.AddSilence(s)
	switch {
	case errors.Is(err, alert.ErrSilences):
		return nil, huma.Error409Conflict(err.Error())
	case errors.Is(err, alert.ErrMatchers):
		return nil, bodyWrong("matchers", err.Error())
	case errors.Is(err, alert.ErrUntil):
		return nil, bodyWrong("until", err.Error())
	}
	changed(ctx, nil, made)
	return &body[view.Silence]{made}, kept(err)
}

func (a *Alerting) unsilence(ctx context.Context, in *silencePath) (*struct{}, error) {
	was, ok, err := a.Silencer.RemoveSilence(in.ID)
	if !ok {
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no silence %q; /api/v1/silences lists them", in.ID))
	}
	changed(ctx, was, nil)
	return nil, kept(err)
}

func (a *Alerting) test(ctx context.Context, in *sinkTestInput) (*body[SinkTests], error) {
	results, ok := a.Sinks.TestSinks(ctx, in.Body.Sink)
	if !ok {
		sinks := a.Sinks.Sinks()
		names := make([]string, 0, len(sinks))
		for _, s := range sinks {
			names = append(names, s.Name)
		}
		return nil, huma.Error404NotFound(fmt.Sprintf("there is no sink %q; there are: %s", in.Body.Sink, strings.Join(names, ", ")))
	}
	changed(ctx, nil, results) // it has changed what others have read
	return &body[SinkTests]{SinkTests{results}}, nil
}
