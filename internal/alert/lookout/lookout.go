package lookout

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/alert/sink"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/view"
)

// DefaultInterval is the time between two looks.
const DefaultInterval = 5 * time.Second

// Config is what is looked for.
type Config struct {
	// Off looks for nothing.
	Off bool
	// Interval is the time between two looks; 0 is [DefaultInterval]. Repeat is how
	// often an alert that goes on is told again; 0 is never.
	Interval, Repeat time.Duration
	Rules            []*alert.Program
}

// Deps are what a lookout works with. Model, Sinks and Now are needed.
type Deps struct {
	Model *view.Model
	Sinks *sink.Sinks
	Now   func() time.Time
	// Around says what the model does not know.
	Around func(now time.Time) Around
	// Dir is where silences and the history are kept; empty: nowhere.
	Dir    string
	Logger *slog.Logger
	// Dump is told when a critical alert begins, to keep what led to it; people have been
	// told by then. It may take as long as writing a file.
	Dump func(why string)
	// Event is told of each alert that begins or ends, silenced or not. It must not
	// wait.
	Event func(view.AlertEvent)
}

// Lookout looks out. It is safe for use by many goroutines.
type Lookout struct {
	deps Deps
	log  *slog.Logger

	// silencing is held from a change of silences until it is kept, so that the file has
	// the latest; before mu.
	silencing sync.Mutex
	// mu guards what follows, is held for a look, and not for the disk.
	mu       sync.Mutex
	cfg      Config
	engine   *alert.Engine
	gatherer *Gatherer
	took     time.Duration

	history *history
	failing pace.Pace
	dumping pace.Pace
	// logging and urgent bound the lines of alerts, for a rule of the operator's may be
	// about each of ten thousand users, or change its mind with each look: urgent those
	// of critical ones, which no others keep from being logged.
	logging, urgent pace.Budget
	// seen is what the last look found.
	seen    atomic.Pointer[seen]
	changed chan struct{}
	// written has an element while there is history to be written, dumps the reason of a
	// dump that is to be made.
	written chan struct{}
	dumps   chan string
}

// seen is what a look has found, for readers.
type seen struct {
	alerts   []alert.Alert
	rules    []alert.RuleState
	silences []alert.Silence
	took     time.Duration
	at       time.Time
}

// firing are those of the alerts that fire.
func (s *seen) firing() []alert.Alert {
	return slices.DeleteFunc(slices.Clone(s.alerts), func(a alert.Alert) bool { return a.State != alert.Firing })
}

// matches counts the alerts of now that each silence keeps from being told.
func (s *seen) matches() map[string]int {
	counts := make(map[string]int)
	for i := range s.alerts {
		if s.alerts[i].State == alert.Resolved {
			continue
		}
		for _, id := range s.alerts[i].SilencedBy {
			counts[id]++
		}
	}
	return counts
}

// New makes a lookout with what an earlier run has kept.
func New(cfg Config, deps Deps) *Lookout {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Around == nil {
		deps.Around = func(time.Time) Around { return Around{} }
	}
	l := &Lookout{
		deps: deps, log: deps.Logger, engine: alert.New(alert.Config{}), gatherer: NewGatherer(),
		changed: make(chan struct{}, 1), written: make(chan struct{}, 1), dumps: make(chan string, 1),
	}
	l.history = openHistory(deps.Dir, l.log)
	l.seen.Store(&seen{})
	kept := loadSilences(deps.Dir, l.log)
	l.engine.RestoreSilences(kept.Silences, kept.Last, deps.Now())
	l.Reconfigure(cfg)
	return l
}

// Reconfigure looks for other things from the next look on.
func (l *Lookout) Reconfigure(cfg Config) {
	if cfg.Interval <= 0 {
		cfg.Interval = DefaultInterval
	}
	if cfg.Off {
		cfg.Rules = nil
	}
	l.mu.Lock()
	l.cfg = cfg
	l.engine.Reconfigure(alert.Config{Rules: cfg.Rules, Repeat: cfg.Repeat})
	l.publish(l.seen.Load().at)
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Run looks out until ctx ends.
func (l *Lookout) Run(ctx context.Context) error {
	keeping, end := context.WithCancel(context.WithoutCancel(ctx))
	var kept sync.WaitGroup
	kept.Go(func() { l.keep(keeping) })
	defer kept.Wait()
	defer end()
	timer := time.NewTimer(l.interval())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.changed:
			l.Look()
		case <-timer.C:
			l.Look()
		}
		timer.Reset(l.interval())
	}
}

// keep writes what is to be kept until ctx ends: no look waits for a disk that hangs,
// of which it may be to tell.
func (l *Lookout) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			l.history.flush()
			return
		case <-l.written:
			l.history.flush()
		case why := <-l.dumps:
			l.deps.Dump(why)
		}
	}
}

func (l *Lookout) interval() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cfg.Interval
}

// Look looks once.
func (l *Lookout) Look() {
	began := l.deps.Now()
	around := l.deps.Around(began)
	states := l.deps.Sinks.States()
	around.Sinks = len(states)
	for i := range states {
		if !states[i].Up {
			around.SinksDown++
		}
	}
	l.mu.Lock()
	var facts *alert.Facts
	if len(l.cfg.Rules) > 0 {
		read := l.deps.Model.Facts()
		facts = l.gatherer.Gather(&read, &around)
	} else { // what is left of rules that are gone ends
		facts = &alert.Facts{At: began}
	}
	step := l.engine.Step(facts.At, facts)
	l.took = l.deps.Now().Sub(began)
	overflow := l.engine.Overflow()
	firing := l.publish(facts.At).firing()
	l.mu.Unlock()

	l.deps.Sinks.Tell(step.Tell)
	l.deps.Sinks.Sync(firing)
	l.note(&step, facts.At)
	if overflow > 0 && l.failing.Due(began) {
		l.log.Warn("there are too many alerts at a time: some are not followed", "most", alert.DefaultMost, "left_out", overflow)
	}
}

// note keeps what has begun and ended, and says so.
func (l *Lookout) note(step *alert.Step, now time.Time) {
	for _, of := range []struct {
		event string
		all   []alert.Alert
	}{{"firing", step.Began}, {"resolved", step.Ended}} {
		for i := range of.all {
			a := &of.all[i]
			event := eventOf(a, of.event, now)
			l.history.add(event)
			if l.deps.Event != nil {
				l.deps.Event(event)
			}
			l.logged(a, of.event, now)
		}
	}
	select {
	case l.written <- struct{}{}:
	default:
	}
	for i := range step.Began {
		if a := &step.Began[i]; a.Severity == alert.Critical && l.deps.Dump != nil && l.dumping.Due(now) {
			select {
			case l.dumps <- "alert " + a.ID:
			default: // the one before is not made yet
			}
		}
	}
}

// logged says it in the log; what is about one worker of many only to who listens
// closely. What is too much for the log is in the history all the same.
func (l *Lookout) logged(a *alert.Alert, event string, now time.Time) {
	level, budget := slog.LevelInfo, &l.logging
	switch {
	case a.Kind == alert.OnWorker:
		level = slog.LevelDebug
	case event == "firing" && a.Severity == alert.Critical:
		level, budget = slog.LevelError, &l.urgent
	case event == "firing" && a.Severity == alert.Warning:
		level = slog.LevelWarn
	}
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	ok, missed := budget.Pass(now)
	if !ok {
		return
	}
	attrs := []slog.Attr{
		slog.String("event", event), slog.String("id", a.ID), slog.String("severity", string(a.Severity)),
		slog.String("message", a.Message), slog.Float64("value", a.Value),
	}
	if missed > 0 {
		attrs = append(attrs, slog.Uint64("more_not_logged", missed))
	}
	l.log.LogAttrs(context.Background(), level, "alert", attrs...)
}

// publish puts what is known in front of readers. mu is held.
func (l *Lookout) publish(at time.Time) *seen {
	now := &seen{l.engine.Alerts(alert.Firing, alert.Pending, alert.Resolved), l.engine.Rules(), l.engine.Silences(l.deps.Now()), l.took, at}
	l.seen.Store(now)
	return now
}
