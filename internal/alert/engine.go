package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultMost bounds the alerts that are followed at a time.
	DefaultMost = 20_000
	// remembered is how long an alert that is over is shown, and flapWindow for how
	// long it is known how often it came; flapsAt is how often it may come within that
	// before it is held until it has been calm for flapCalm.
	remembered = 15 * time.Minute
	flapWindow = time.Hour
	flapsAt    = 3
	flapCalm   = 15 * time.Minute
	// reworded is how old the message of an alert that goes on may be.
	reworded = time.Minute
	// longError bounds what is told of an evaluation that went wrong.
	longError = 300
)

// Config is what an engine goes by.
type Config struct {
	Rules []*Program
	// Repeat is how often an alert that goes on is told again; 0 is never.
	Repeat time.Duration
	// Most bounds the alerts that are followed at a time; 0 is [DefaultMost].
	Most int
}

// State is where an alert is.
type State string

// The states.
const (
	Pending  State = "pending"
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Alert is one rule's word about one thing, as it is at a time.
type Alert struct {
	// ID is the rule's name and the subject.
	ID, Name string
	Severity Severity
	State    State
	Kind     Kind
	Subject  string
	Labels   []Label
	// Since is when it began to be so, Fired when it was so for as long as the rule
	// asks, Resolved when it was over; zero: not yet.
	Since, Fired, ResolvedAt time.Time
	Message, Runbook         string
	Value                    float64
	SilencedBy               []string
	Flapping                 bool
}

// Step is what one evaluation has changed.
type Step struct {
	// Began and Ended are for the record, whoever is told.
	Began, Ended []Alert
	// Tell are what people are to be told: alerts that fire, those that go on (they
	// were told before), and those that are over.
	Tell []Notice
}

// Notice is what is to be told of an alert.
type Notice struct {
	Alert

	// Again says that it was told before and goes on.
	Again bool
}

// RuleState is how a rule does.
type RuleState struct {
	Rule

	Pending, Firing int
	// Error is why it could not be evaluated for the latest subject that it could not
	// be evaluated for at the last step.
	Error string
}

// Engine follows alerts. It is for one goroutine at a time.
type Engine struct {
	cfg       Config
	instances map[key]*instance
	silences  silences
	errors    map[string]string // by rule
	// overflow counts those that there was no room for at the last step.
	overflow int
	latest   time.Time
}

// key names an instance.
type key struct {
	rule    string
	kind    Kind
	subject string
}

// instance is a rule for one subject.
type instance struct {
	key

	of    *Program
	state State
	// seen is when there was a rule and a subject for it.
	seen time.Time
	// since, fired and ended are as in [Alert]; calm is since when the condition does
	// not hold while it fires, zero while it does.
	since, fired, ended, calm time.Time
	value                     float64
	message                   string
	worded                    time.Time
	// last is what it was when it last ended: it is shown as over, and again so once it
	// was pending for too short a time.
	last occasion
	// told says that it was told and its end was not; toldAt is when it was last.
	told   bool
	toldAt time.Time
	// quiet is until when it is not told, for it was over a moment ago.
	quiet time.Time
	// fires are when it began to fire, the latest ones.
	fires    []time.Time
	flapping bool
	// silencedBy is as of silences of that version.
	silencedBy []string
	version    uint64
	looked     bool
}

// occasion is what is told of one time that an alert fired.
type occasion struct {
	since, fired time.Time
	value        float64
	message      string
}

// label is a label's value, for silences.
func (a *instance) label(name string) (string, bool) {
	switch name {
	case "name", "alertname":
		return a.of.Name, true
	case "severity":
		return string(a.of.Severity), true
	case "kind":
		return string(a.of.On), true
	case "subject", string(a.of.On):
		return a.subject, true
	}
	for _, l := range a.of.Labels {
		if l.Name == name {
			return l.Value, true
		}
	}
	return "", false
}

// New makes an engine that knows of nothing yet.
func New(cfg Config) *Engine {
	e := &Engine{instances: make(map[key]*instance), errors: make(map[string]string)}
	e.Reconfigure(cfg)
	return e
}

// Reconfigure goes on with other rules. An alert goes on if there is a rule of its name
// for its kind, by that rule's word; one that fires and has none ends at the next step.
func (e *Engine) Reconfigure(cfg Config) {
	if cfg.Most <= 0 {
		cfg.Most = DefaultMost
	}
	e.cfg = cfg
	e.silences.version++
	rules := make(map[string]*Program, len(cfg.Rules))
	for _, p := range cfg.Rules {
		rules[p.Name] = p
	}
	for k, a := range e.instances {
		now, ok := rules[k.rule]
		switch {
		case ok && now.On == k.kind:
			a.of = now
		case a.state != Firing:
			delete(e.instances, k)
		}
	}
	clear(e.errors)
}

// Step evaluates all rules. The time does not go back: a step of an earlier time than
// the last counts as of that.
func (e *Engine) Step(now time.Time, facts *Facts) Step {
	if now.Before(e.latest) {
		now = e.latest
	}
	e.latest = now
	e.silences.expire(now)
	clear(e.errors)
	e.overflow = 0
	t := turn{engine: e, now: now, facts: facts}
	for _, p := range e.cfg.Rules {
		t.rule(p)
	}
	t.sweep()
	return t.step
}

// turn is one step on its way.
type turn struct {
	engine *Engine
	now    time.Time
	facts  *Facts
	step   Step
}

// rule evaluates a rule for all of its subjects.
func (t *turn) rule(p *Program) {
	s := &scope{kind: p.On, facts: t.facts}
	each := func(subject string, object any) {
		s.object = object
		t.subject(p, s, subject)
	}
	switch p.On {
	case OnFarm:
		each("", &t.facts.Farm)
	case OnProxy:
		each("", &t.facts.Proxy)
	case OnPool:
		visit(t.facts.Pools, func(x *Pool) string { return x.Name }, each)
	case OnRoute:
		visit(t.facts.Routes, func(x *Route) string { return x.Name }, each)
	case OnListener:
		visit(t.facts.Listeners, func(x *Listener) string { return x.Name }, each)
	case OnUser:
		visit(t.facts.Users, func(x *User) string { return x.Name }, each)
	case OnWorker:
		visit(t.facts.Workers, func(x *Worker) string { return x.Name }, each)
	case OnCheck:
		visit(t.facts.Checks, func(x *Check) string { return x.Name }, each)
	}
}

func visit[T any](all []T, name func(*T) string, each func(string, any)) {
	for i := range all {
		each(name(&all[i]), &all[i])
	}
}

// subject evaluates a rule for one subject.
func (t *turn) subject(p *Program, s *scope, subject string) {
	e := t.engine
	holds, err := p.holds(s)
	if err != nil {
		text := err.Error()
		if subject != "" {
			text = subject + ": " + text
		}
		if len(text) > longError {
			text = strings.ToValidUTF8(text[:longError], "") + "…"
		}
		e.errors[p.Name] = text
	}
	k := key{p.Name, p.On, subject}
	a := e.instances[k]
	switch {
	case a == nil && !holds:
		return
	case a == nil:
		if len(e.instances) >= e.cfg.Most && !e.makeRoom() {
			e.overflow++
			return
		}
		a = &instance{key: k, of: p, state: Resolved}
		e.instances[k] = a
	}
	a.seen = t.now
	if err != nil {
		holds = a.state != Resolved && a.calm.IsZero() // nobody knows: as it was
	} else if holds {
		a.value = p.figure(s)
	}
	t.advance(a, holds, s)
}

// makeRoom forgets an alert that is over.
func (e *Engine) makeRoom() bool {
	for k, a := range e.instances {
		if a.state == Resolved {
			delete(e.instances, k)
			return true
		}
	}
	return false
}

// sweep ends the alerts whose subject, or rule, is gone, and forgets old ones.
func (t *turn) sweep() {
	e := t.engine
	var gone []*instance
	for k, a := range e.instances {
		unseen := !a.seen.Equal(t.now)
		switch {
		case a.state == Firing && unseen:
			gone = append(gone, a)
		case a.state == Pending && unseen:
			delete(e.instances, k)
		case a.state == Resolved && t.now.Sub(a.ended) >= remembered && !t.now.Before(a.quiet) && len(a.recent(t.now)) == 0:
			delete(e.instances, k)
		}
	}
	slices.SortFunc(gone, func(a, b *instance) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.subject, b.subject))
	})
	for _, a := range gone {
		t.resolve(a)
	}
}

// Alerts lists those in some states, by severity, the worst first, then by name and
// subject.
func (e *Engine) Alerts(states ...State) []Alert {
	all := make([]Alert, 0, len(e.instances))
	for _, a := range e.instances {
		if slices.Contains(states, a.state) && (a.state != Resolved || !a.ended.IsZero() && e.latest.Sub(a.ended) < remembered) {
			all = append(all, e.alert(a))
		}
	}
	slices.SortFunc(all, func(a, b Alert) int {
		return cmp.Or(
			cmp.Compare(slices.Index(Severities(), b.Severity), slices.Index(Severities(), a.Severity)),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Subject, b.Subject),
		)
	})
	return all
}

func (e *Engine) alert(a *instance) Alert {
	e.silenced(a)
	out := Alert{
		ID: a.of.Name, Name: a.of.Name, Severity: a.of.Severity, State: a.state, Kind: a.of.On, Subject: a.subject, Labels: a.of.Labels,
		Since: a.since, Fired: a.fired, Message: a.message, Runbook: a.of.Runbook, Value: a.value, SilencedBy: a.silencedBy, Flapping: a.flapping,
	}
	if a.subject != "" {
		out.ID += "/" + a.subject
	}
	if a.state == Resolved {
		out.ResolvedAt = a.ended
	}
	return out
}

// silenced looks for silences anew where they have changed.
func (e *Engine) silenced(a *instance) bool {
	if !a.looked || a.version != e.silences.version {
		a.silencedBy, a.version, a.looked = e.silences.by(a), e.silences.version, true
	}
	return len(a.silencedBy) > 0
}

// Rules says how each rule does.
func (e *Engine) Rules() []RuleState {
	counts := make(map[string][2]int)
	for _, a := range e.instances {
		c := counts[a.of.Name]
		switch a.state {
		case Pending:
			c[0]++
		case Firing:
			c[1]++
		case Resolved:
		}
		counts[a.of.Name] = c
	}
	all := make([]RuleState, 0, len(e.cfg.Rules))
	for _, p := range e.cfg.Rules {
		c := counts[p.Name]
		all = append(all, RuleState{Rule: p.Rule, Pending: c[0], Firing: c[1], Error: e.errors[p.Name]})
	}
	return all
}

// Overflow is how many alerts there was no room for at the last step.
func (e *Engine) Overflow() int { return e.overflow }
