package app

import (
	"errors"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/alert/lookout"
	"github.com/loka/stratum/internal/alert/sink"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/metrics"
	"github.com/loka/stratum/internal/view"
)

// bansFor is within what time bans for misbehaviour say that there is an attack.
const bansFor = 10 * time.Minute

// alerting is what looks out for what is wrong, and where it is told.
type alerting struct {
	lookout *lookout.Lookout
	sinks   *sink.Sinks
}

// lookoutConfig maps the configuration onto the lookout's. A rule that does not compile
// is not in a configuration that was checked.
func lookoutConfig(cfg *config.Config) (lookout.Config, error) {
	c := lookout.Config{Off: !cfg.Alerts.Enabled, Interval: cfg.Alerts.Interval, Repeat: cfg.Alerts.Repeat}
	compiler := alert.NewCompiler()
	for _, r := range cfg.Alerts.Every() {
		p, err := compiler.Compile(r)
		if err != nil {
			return c, &ruleError{r.Name, err}
		}
		c.Rules = append(c.Rules, p)
	}
	return c, nil
}

// ruleError is of a rule that cannot be used.
type ruleError struct {
	rule string
	err  error
}

func (e *ruleError) Error() string { return "alerts.rule " + e.rule + ": " + e.err.Error() }
func (e *ruleError) Unwrap() error { return e.err }

// sinkConfigs are those of the sinks that are told.
func sinkConfigs(cfg *config.Config) []sink.Config {
	var all []sink.Config
	for _, s := range cfg.Alerts.Sinks {
		if s.Enabled && cfg.Alerts.Enabled {
			all = append(all, sink.Config{Name: s.Name, URL: s.URL, Severity: s.Severity, Rules: s.Rules, Ends: s.Resolved, Every: s.Every})
		}
	}
	return all
}

// makeAlerts makes the lookout over the read model, which is there.
func (a *App) makeAlerts(cfg *config.Config) error {
	look, err := lookoutConfig(cfg)
	if err != nil {
		return err
	}
	a.alerts.sinks = sink.New(sink.Deps{Logger: a.log, Instance: a.instance, Now: time.Now})
	if err := a.alerts.sinks.Reconfigure(sinkConfigs(cfg)); err != nil {
		return err
	}
	machine := lookout.NewMachine(cfg.DataDir)
	a.alerts.lookout = lookout.New(look, lookout.Deps{
		Model: a.model, Sinks: a.alerts.sinks, Now: time.Now, Dir: cfg.DataDir, Logger: a.log, Event: a.alertTold, Dump: a.dumpTrace,
		Around: func(now time.Time) lookout.Around {
			return lookout.Around{
				Machine: machine.Read(now), Listeners: a.alertListeners(now), AutoBans: a.autoBans(now), Checks: a.model.Health().Checks,
			}
		},
	})
	return nil
}

// alertListeners are the listeners of now and when their certificates end.
func (a *App) alertListeners(now time.Time) []lookout.Listener {
	cfg := a.cfg.Load()
	all := make([]lookout.Listener, 0, len(cfg.Listeners))
	at := make(map[string]int, len(cfg.Listeners))
	for i := range cfg.Listeners {
		at[cfg.Listeners[i].Address] = len(all)
		all = append(all, lookout.Listener{Address: cfg.Listeners[i].Address, TLS: cfg.Listeners[i].TLS != config.TLSOff})
	}
	for _, l := range a.certs.Listeners(now) {
		i, ok := at[l.Address]
		if !ok {
			continue
		}
		all[i].Problems = l.Problems
		for j := range l.Certificates {
			if end := l.Certificates[j].NotAfter; all[i].NotAfter.IsZero() || end.Before(all[i].NotAfter) {
				all[i].NotAfter = end
			}
		}
	}
	return all
}

// autoBans counts the bans for misbehaviour that began lately.
func (a *App) autoBans(now time.Time) (n int) {
	for _, e := range a.bans.List(bans.Filter{Cause: bans.Threat}, now) {
		if now.Sub(e.Since) < bansFor {
			n++
		}
	}
	return n
}

// sinkStates is how it goes with the sinks.
func (a *App) sinkStates() (all []SinkState) {
	for _, s := range a.alerts.sinks.States() {
		state := SinkState{Name: s.Name, Waiting: s.Pending, Dropped: s.Dropped}
		if !s.Up {
			state.Err, state.Since = errors.New(s.Error), s.Since
		}
		all = append(all, state)
	}
	return all
}

// alertCounts is what a scrape reads of alerts. There are none before all is made.
func (a *App) alertCounts() metrics.Alerts {
	if a.alerts.lookout == nil {
		return metrics.Alerts{}
	}
	return metrics.Alerts{Firing: a.alerts.lookout.Firing(), Took: a.alerts.lookout.Took(), Sinks: a.alerts.lookout.Sinks()}
}

// alertTold tells what an alert does to those who follow events.
func (a *App) alertTold(e view.AlertEvent) {
	told := events.Event{
		At: e.At, Kind: events.Alert, What: e.Event, Severity: events.Severity(e.Severity), Message: e.Message, Reason: e.Name, Value: e.Value,
	}
	switch e.Kind {
	case "pool":
		told.Pool = e.Subject
	case "route":
		told.Route = e.Subject
	case "worker":
		told.Worker = e.Subject
	default:
		told.Detail = e.Subject
	}
	a.happened.log.Publish(told)
}

// alertsAPI is what the API serves of it.
func (a *App) alertsAPI() *httpapi.Alerting {
	return &httpapi.Alerting{Alerts: a.alerts.lookout, Silencer: a.alerts.lookout, Sinks: a.alerts.lookout, Now: time.Now}
}
