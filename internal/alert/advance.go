package alert

import (
	"slices"
	"time"
)

// advance takes one alert a step on.
func (t *turn) advance(a *instance, holds bool, s *scope) {
	switch {
	case holds && a.state == Resolved:
		a.state, a.since, a.fired, a.calm, a.worded = Pending, t.now, time.Time{}, time.Time{}, time.Time{}
	case holds:
		a.calm = time.Time{}
	case a.state == Pending:
		a.state = Resolved
		a.since, a.fired, a.value, a.message = a.last.since, a.last.fired, a.last.value, a.last.message
	case a.state == Firing && a.calm.IsZero():
		a.calm = t.now
	}
	if a.state == Pending && t.now.Sub(a.since) >= a.of.For {
		t.fire(a)
	}
	if a.state == Resolved {
		return
	}
	if holds && (a.worded.IsZero() || t.now.Sub(a.worded) >= reworded) {
		t.word(a, s)
	}
	if a.state != Firing {
		return
	}
	if a.fired.Equal(t.now) {
		t.step.Began = append(t.step.Began, t.engine.alert(a))
	}
	if !a.calm.IsZero() && t.now.Sub(a.calm) >= a.calmFor() {
		t.resolve(a)
		return
	}
	t.tell(a)
}

// calmFor is how long the condition must not hold for the alert to be over.
func (a *instance) calmFor() time.Duration {
	if a.flapping {
		return flapCalm
	}
	return 0
}

func (t *turn) fire(a *instance) {
	a.state, a.fired, a.calm = Firing, t.now, time.Time{}
	a.fires = append(a.recent(t.now), t.now)
	a.flapping = len(a.fires) > flapsAt
	a.worded = time.Time{}
}

// recent are when it began to fire within the last while.
func (a *instance) recent(now time.Time) []time.Time {
	a.fires = slices.DeleteFunc(a.fires, func(at time.Time) bool { return now.Sub(at) >= flapWindow })
	return a.fires
}

// word makes the message; one that cannot be made is told as such.
func (t *turn) word(a *instance, s *scope) {
	text, err := a.of.render(s, a.value)
	if err != nil {
		text = "(the rule's message cannot be made: " + err.Error() + ")"
		t.engine.errors[a.of.Name] = err.Error()
	}
	a.message, a.worded = text, t.now
}

// tell has people told of an alert that fires, if it is time to.
func (t *turn) tell(a *instance) {
	if t.engine.silenced(a) || t.now.Before(a.quiet) {
		return
	}
	repeat := t.engine.cfg.Repeat
	again := a.told
	if again && (repeat <= 0 || t.now.Sub(a.toldAt) < repeat) {
		return
	}
	a.told, a.toldAt = true, t.now
	t.step.Tell = append(t.step.Tell, Notice{t.engine.alert(a), again})
}

// resolve ends an alert that fires. That is told if its beginning was, silenced or
// not: who was told that something is wrong is told that it is over.
func (t *turn) resolve(a *instance) {
	a.state, a.ended, a.calm, a.flapping = Resolved, t.now, time.Time{}, false
	a.quiet = t.now.Add(a.of.Cooldown)
	a.last = occasion{a.since, a.fired, a.value, a.message}
	is := t.engine.alert(a)
	t.step.Ended = append(t.step.Ended, is)
	if a.told {
		a.told = false
		t.step.Tell = append(t.step.Tell, Notice{Alert: is})
	}
}
