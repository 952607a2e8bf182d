package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/telemetry"
	"github.com/loka/stratum/internal/view"
)

// tellBy has others told by the configuration. That they cannot be ends nothing.
func (a *App) tellBy(cfg *config.Config) {
	t := cfg.Telemetry
	a.traces.Reconfigure(telemetry.TracesConfig{
		URL: t.Traces, Authorization: t.TracesAuthorization, Shares: t.ShareSample, Jobs: t.JobSample,
	})
	if err := a.reports.Reconfigure(telemetry.ReportsConfig{DSN: t.Sentry, Secrets: cfg.Secrets()}); err != nil {
		a.log.Warn("nobody is told of errors", "key", "telemetry.sentry", "error", err)
	}
}

// tellOfCrash tells of how the run before has ended.
func (a *App) tellOfCrash() {
	if a.crash != nil {
		a.reports.Crash(a.crash.At, a.crash.Text)
	}
}

// checkTelemetry is the health check of who is told.
func (a *App) checkTelemetry(now time.Time) view.Check {
	var well, wrong []string
	for _, one := range []struct {
		key string
		is  telemetry.Status
	}{{"telemetry.traces", a.traces.Status()}, {"telemetry.sentry", a.reports.Status()}} {
		switch {
		case one.is.Err != nil:
			wrong = append(wrong, fmt.Sprintf("%s takes nothing for %s, %d were lost: %v",
				one.key, max(now.Sub(one.is.Since), 0).Round(time.Second), one.is.Lost, one.is.Err))
		case one.is.On:
			well = append(well, fmt.Sprintf("%s took %d", one.key, one.is.Sent))
		}
	}
	switch {
	case len(wrong) > 0:
		return view.Check{
			Status: view.Degraded, Detail: strings.Join(wrong, "; "),
			Advice: "look at the key and whether this machine reaches the receiver; mining goes on, and what is lost is for onlookers only",
		}
	case len(well) > 0:
		return view.Check{Status: view.OK, Detail: strings.Join(well, "; ")}
	}
	return view.Check{Status: view.OK, Detail: "off"}
}
