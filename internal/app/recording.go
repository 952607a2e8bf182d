package app

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/recorder"
	"github.com/loka/stratum/internal/view"
)

// newRecorder makes the flight recorder of a data directory.
func newRecorder(cfg *config.Config, log *slog.Logger) *recorder.Recorder {
	return recorder.New(recorder.Deps{Dir: cfg.DataDir, Now: time.Now, Logger: log})
}

// recordBy has the flight recorder go by the configuration. That it cannot is told, and
// ends nothing.
func (a *App) recordBy(cfg *config.Config) {
	f := cfg.FlightRecorder
	err := a.recorder.Reconfigure(recorder.Config{
		Enabled: f.Enabled, Window: f.Window, Memory: int64(f.Memory), Keep: f.Keep, Disk: int64(f.MaxDisk),
	})
	if err != nil {
		a.log.Warn("the last seconds are not recorded", "error", err)
	}
}

// dumpTrace keeps the last seconds, if they are recorded.
func (a *App) dumpTrace(why string) {
	if err := a.recorder.Dump(why); err != nil && !errors.Is(err, recorder.ErrOff) && !errors.Is(err, recorder.ErrSoon) {
		a.log.Warn("the last seconds could not be kept", "error", err)
	}
}

// checkRecorder is the health check of the flight recorder.
func (a *App) checkRecorder(time.Time) view.Check {
	switch err := a.recorder.Err(); {
	case err != nil:
		return view.Check{
			Status: view.Degraded, Detail: "the last seconds are not recorded: " + err.Error(),
			Advice: "set flight_recorder.enabled = false, or have one recorder in a process only",
		}
	case a.recorder.Enabled():
		return view.Check{Status: view.OK, Detail: "the last seconds are recorded"}
	}
	return view.Check{Status: view.OK, Detail: "off"}
}

// traceKeeper is what the API tells of the flight recorder.
type traceKeeper struct{ of *recorder.Recorder }

// Recording implements [httpapi.TraceKeeper].
func (k traceKeeper) Recording() bool { return k.of.Enabled() }

// Write implements [httpapi.TraceKeeper].
func (k traceKeeper) Write(why string) (httpapi.Trace, error) {
	d, err := k.of.Write(why)
	switch {
	case errors.Is(err, recorder.ErrOff):
		err = httpapi.ErrNotRecorded
	case errors.Is(err, recorder.ErrBusy):
		err = httpapi.ErrTraceBusy
	}
	return httpapi.Trace(d), err
}

// List implements [httpapi.TraceKeeper].
func (k traceKeeper) List() ([]httpapi.Trace, error) {
	dumps, err := k.of.List()
	all := make([]httpapi.Trace, 0, len(dumps))
	for _, d := range dumps {
		all = append(all, httpapi.Trace(d))
	}
	return all, err //nolint:wrapcheck // it says what it is about
}

// Open implements [httpapi.TraceKeeper].
func (k traceKeeper) Open(name string) (io.ReadCloser, httpapi.Trace, error) {
	f, d, err := k.of.Open(name)
	if errors.Is(err, recorder.ErrNotFound) {
		err = httpapi.ErrNoTrace
	}
	return f, httpapi.Trace(d), err //nolint:wrapcheck // it says what it is about
}

// watchCrashes has crashes written, and tells of the one before.
func (a *App) watchCrashes(dir string) {
	last, err := recorder.WatchCrashes(dir)
	if err != nil {
		a.log.Warn("a crash would be on the standard error only", "error", err)
	}
	if last != nil {
		a.log.Error("the run before has crashed", "at", last.At, "with", last.First(), "file", recorder.LastCrashFile)
	}
	a.crash = last
}

// closeTelemetry ends what is told to others, and what is recorded.
func (a *App) closeTelemetry() {
	if a.traces != nil {
		a.traces.Close()
	}
	a.reports.Close()
	if a.recorder != nil {
		a.recorder.Close()
	}
}
