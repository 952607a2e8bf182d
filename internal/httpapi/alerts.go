package httpapi

import (
	"github.com/loka/stratum/internal/view"
)

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
// DELETE /api/v1/silences/{id} ends it.
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

// SinkTested is an element of the answer to that.
type SinkTested struct {
	Sink    string  `json:"sink"`
	OK      bool    `json:"ok"`
	Error   string  `json:"error" doc:"What went wrong; empty: nothing"`
	Seconds float64 `json:"seconds" doc:"How long it took"`
}

// SinkTests is the answer to POST /api/v1/alerts/test.
type SinkTests struct {
	Results []SinkTested `json:"results" nullable:"false"`
}
