package view

import "time"

// AlertSeverities are how bad what an alert says is, the least first.
func AlertSeverities() []string { return []string{"info", "warning", "critical"} }

// AlertSubjects are what an alert may be about.
func AlertSubjects() []string {
	return []string{"farm", "proxy", "pool", "route", "listener", "user", "worker", "check"}
}

// Alert is an element of GET /api/v1/alerts: one rule's word about one thing.
type Alert struct {
	ID       string `json:"id" doc:"Names it as long as rule and subject are the same: NAME/SUBJECT"`
	Name     string `json:"name" doc:"Which rule; GET /api/v1/alerts/rules lists them"`
	Severity string `json:"severity" enum:"info,warning,critical"`
	State    string `json:"state" enum:"pending,firing,resolved" doc:"pending: it is so, but not yet for as long as the rule asks; resolved: it was, within the last 15 minutes"`
	// Kind and Subject say what it is about.
	Kind    string            `json:"kind" enum:"farm,proxy,pool,route,listener,user,worker,check" doc:"What it is about"`
	Subject string            `json:"subject" doc:"Which of them: the name of the pool, route, listener, user, worker or check; empty for farm and proxy"`
	Pool    string            `json:"pool" doc:"The subject if that is a pool, else empty"`
	Labels  map[string]string `json:"labels" nullable:"false" doc:"The rule's own"`
	Since   *time.Time        `json:"since" doc:"When it began to be so"`
	// FiringSince and ResolvedAt are null before.
	FiringSince *time.Time `json:"firing_since" doc:"When it had been so for as long as the rule asks; null: not yet"`
	ResolvedAt  *time.Time `json:"resolved_at" doc:"When it was over; null: it is not"`
	Message     string     `json:"message" doc:"What it means and what to do, in words"`
	Value       float64    `json:"value" doc:"What the rule's value expression gave last; 0 where it has none"`
	Runbook     string     `json:"runbook" doc:"Where it is written what to do: a URL, or a path in the documentation"`
	Silenced    bool       `json:"silenced" doc:"A silence keeps it from being told"`
	SilencedBy  []string   `json:"silenced_by" nullable:"false" doc:"The ids of those silences"`
	Flapping    bool       `json:"flapping" doc:"It came and went so often that it is held until it has been calm for a while"`
}

// AlertRule is an element of GET /api/v1/alerts/rules: a rule and how it does.
type AlertRule struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind" enum:"farm,proxy,pool,route,listener,user,worker,check" doc:"What it is evaluated for, each by itself"`
	Expr     string            `json:"expr" doc:"The condition, in CEL"`
	Value    string            `json:"value" doc:"The figure that is told with it, in CEL; empty: none"`
	For      float64           `json:"for_seconds" doc:"How long it has to be so before it is told"`
	Cooldown float64           `json:"cooldown_seconds" doc:"How long after its end it is not told again"`
	Severity string            `json:"severity" enum:"info,warning,critical"`
	Labels   map[string]string `json:"labels" nullable:"false"`
	Message  string            `json:"message" doc:"The template of the message"`
	Runbook  string            `json:"runbook"`
	Builtin  bool              `json:"builtin" doc:"It is one of the default rules, perhaps changed by the file"`
	Pending  int               `json:"pending" doc:"Subjects for which it is pending"`
	Firing   int               `json:"firing" doc:"Subjects for which it is firing"`
	Error    string            `json:"error" doc:"Why it could not be evaluated for a subject when it was last tried; empty: it was"`
}

// AlertMatcher says which alerts a [Silence] is for: a label and a glob on its value.
type AlertMatcher struct {
	Label string `json:"label" doc:"name, severity, kind, subject, or a label of the rule" example:"subject"`
	Glob  string `json:"glob" doc:"What it has to be; * is any text, ? any character" example:"alice.*"`
}

// Silence is an element of GET /api/v1/silences.
type Silence struct {
	ID       string         `json:"id"`
	Matchers []AlertMatcher `json:"matchers" nullable:"false" doc:"All of them have to match"`
	Since    time.Time      `json:"since"`
	Until    time.Time      `json:"until"`
	By       string         `json:"by" doc:"Who made it"`
	Comment  string         `json:"comment" doc:"Why"`
	Matches  int            `json:"matches" doc:"How many alerts that are pending or firing now it keeps from being told"`
}

// AlertEvent is an element of GET /api/v1/alerts/history: an alert that began to fire,
// or was over.
type AlertEvent struct {
	At       time.Time         `json:"at"`
	Event    string            `json:"event" enum:"firing,resolved"`
	ID       string            `json:"id" doc:"As in /api/v1/alerts"`
	Name     string            `json:"name"`
	Severity string            `json:"severity" enum:"info,warning,critical"`
	Kind     string            `json:"kind" enum:"farm,proxy,pool,route,listener,user,worker,check"`
	Subject  string            `json:"subject"`
	Labels   map[string]string `json:"labels" nullable:"false"`
	Since    time.Time         `json:"since" doc:"When it began to be so"`
	Lasted   float64           `json:"lasted_seconds" doc:"How long it was so till then"`
	Message  string            `json:"message"`
	Value    float64           `json:"value"`
	Silenced bool              `json:"silenced" doc:"It was not told, for a silence"`
}

// AlertSink is an element of GET /api/v1/alerts/sinks: where alerts are told, and how
// that goes.
type AlertSink struct {
	Name     string     `json:"name"`
	Service  string     `json:"service" doc:"Of what kind it is: the scheme of its url"`
	Severity string     `json:"severity" enum:"info,warning,critical" doc:"The least that it is told"`
	Up       bool       `json:"up" doc:"The last attempt went well, or there was none yet"`
	Error    string     `json:"error" doc:"What went wrong with the last attempt; empty: nothing"`
	Since    *time.Time `json:"since" doc:"Since when it has been up or not; null: nothing was sent yet"`
	Pending  int        `json:"pending" doc:"Messages that wait to be sent"`
	Sent     uint64     `json:"sent" doc:"Messages sent since the start"`
	Failed   uint64     `json:"failed" doc:"Attempts that went wrong"`
	Dropped  uint64     `json:"dropped" doc:"Alerts that were given up: too many waited, or it was tried for too long"`
}
