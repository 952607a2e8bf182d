package lookout

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/view"
)

// Alerts lists the alerts that the last look has found, by severity, the worst first;
// those that are pending, and those that were over lately, too.
func (l *Lookout) Alerts() []view.Alert {
	all := l.seen.Load().alerts
	out := make([]view.Alert, 0, len(all))
	for i := range all {
		out = append(out, alertOf(&all[i]))
	}
	return out
}

// Firing counts the alerts that fire, by severity.
func (l *Lookout) Firing() map[string]int {
	counts := make(map[string]int)
	for _, s := range alert.Severities() {
		counts[string(s)] = 0
	}
	all := l.seen.Load().alerts
	for i := range all {
		if all[i].State == alert.Firing {
			counts[string(all[i].Severity)]++
		}
	}
	return counts
}

// Took is how long the last look took.
func (l *Lookout) Took() time.Duration { return l.seen.Load().took }

// Rules lists the rules, in the order in which they are evaluated.
func (l *Lookout) Rules() []view.AlertRule {
	all := l.seen.Load().rules
	out := make([]view.AlertRule, 0, len(all))
	for i := range all {
		r := &all[i]
		out = append(out, view.AlertRule{
			Name: r.Name, Kind: string(r.On), Expr: r.Expr, Value: r.Value, For: r.For.Seconds(), Cooldown: r.Cooldown.Seconds(),
			Severity: string(r.Severity), Labels: labelsOf(r.Labels), Message: r.Message, Runbook: r.Runbook, Builtin: r.Builtin,
			Pending: r.Pending, Firing: r.Firing, Error: r.Error,
		})
	}
	return out
}

// History lists what began and ended, the latest first.
func (l *Lookout) History() []view.AlertEvent { return l.history.list() }

// Silences lists those in force, those that end first come first.
func (l *Lookout) Silences() []view.Silence {
	now, seen := l.deps.Now(), l.seen.Load()
	matches := seen.matches()
	out := make([]view.Silence, 0, len(seen.silences))
	for i := range seen.silences {
		if s := &seen.silences[i]; now.Before(s.Until) {
			out = append(out, silenceOf(s, matches[s.ID]))
		}
	}
	return out
}

// AddSilence makes one, which is kept. The error is one of package alert's, or of
// keeping it: then there it is all the same.
func (l *Lookout) AddSilence(s alert.Silence) (view.Silence, error) {
	l.silencing.Lock()
	defer l.silencing.Unlock()
	l.mu.Lock()
	made, err := l.engine.AddSilence(s, l.deps.Now())
	if err != nil {
		l.mu.Unlock()
		return view.Silence{}, err
	}
	now, last := l.publish(l.seen.Load().at), l.engine.LastSilence()
	l.mu.Unlock()
	return silenceOf(&made, now.matches()[made.ID]), keepSilences(l.deps.Dir, last, now.silences)
}

// RemoveSilence ends one; ok is false where there is none of that id.
func (l *Lookout) RemoveSilence(id string) (was view.Silence, ok bool, err error) {
	l.silencing.Lock()
	defer l.silencing.Unlock()
	l.mu.Lock()
	s, ok := l.engine.RemoveSilence(id)
	if !ok {
		l.mu.Unlock()
		return view.Silence{}, false, nil
	}
	now, last := l.publish(l.seen.Load().at), l.engine.LastSilence()
	l.mu.Unlock()
	return silenceOf(&s, 0), true, keepSilences(l.deps.Dir, last, now.silences)
}

// Sinks says how each sink does.
func (l *Lookout) Sinks() []view.AlertSink {
	states := l.deps.Sinks.States()
	out := make([]view.AlertSink, 0, len(states))
	for i := range states {
		s := &states[i]
		out = append(out, view.AlertSink{
			Name: s.Name, Service: s.Service, Severity: string(s.Severity), Up: s.Up, Error: s.Error, Since: moment(s.Since),
			Pending: s.Pending, Sent: s.Sent, Failed: s.Failed, Dropped: s.Dropped,
		})
	}
	return out
}

// TestSinks sends a message by a sink, or by all where name is empty; ok is false where
// there is none of that name.
func (l *Lookout) TestSinks(ctx context.Context, name string) (results []view.AlertSinkTest, ok bool) {
	all, ok := l.deps.Sinks.Test(ctx, name)
	results = make([]view.AlertSinkTest, 0, len(all))
	for _, r := range all {
		one := view.AlertSinkTest{Sink: r.Sink, OK: r.Err == nil, Seconds: r.Took.Seconds()}
		if r.Err != nil {
			one.Error = r.Err.Error()
		}
		results = append(results, one)
	}
	return results, ok
}

func alertOf(a *alert.Alert) view.Alert {
	out := view.Alert{
		ID: a.ID, Name: a.Name, Severity: string(a.Severity), State: string(a.State), Kind: string(a.Kind), Subject: a.Subject,
		Labels: labelsOf(a.Labels), Since: moment(a.Since), FiringSince: moment(a.Fired), ResolvedAt: moment(a.ResolvedAt),
		Message: a.Message, Value: a.Value, Runbook: a.Runbook, Silenced: len(a.SilencedBy) > 0, SilencedBy: append([]string{}, a.SilencedBy...),
		Flapping: a.Flapping,
	}
	if a.Kind == alert.OnPool {
		out.Pool = a.Subject
	}
	return out
}

func eventOf(a *alert.Alert, event string, now time.Time) view.AlertEvent {
	return view.AlertEvent{
		At: now.UTC(), Event: event, ID: a.ID, Name: a.Name, Severity: string(a.Severity), Kind: string(a.Kind), Subject: a.Subject,
		Labels: labelsOf(a.Labels), Since: a.Since.UTC(), Lasted: max(now.Sub(a.Since).Seconds(), 0), Message: a.Message, Value: a.Value,
		Silenced: len(a.SilencedBy) > 0,
	}
}

func silenceOf(s *alert.Silence, matches int) view.Silence {
	out := view.Silence{
		ID: s.ID, Since: s.Since.UTC(), Until: s.Until.UTC(), By: s.By, Comment: s.Comment, Matches: matches,
		Matchers: make([]view.AlertMatcher, 0, len(s.Matchers)),
	}
	for _, m := range s.Matchers {
		out.Matchers = append(out.Matchers, view.AlertMatcher(m))
	}
	return out
}

func labelsOf(all []alert.Label) map[string]string {
	out := make(map[string]string, len(all))
	for _, l := range all {
		out[l.Name] = l.Value
	}
	return out
}

// moment is null for a time that never was.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
