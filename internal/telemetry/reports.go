package telemetry

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/getsentry/sentry-go"
	"golang.org/x/time/rate"

	"github.com/loka/stratum/internal/mining"
)

const (
	// reportsAnHour is how many reports are sent an hour, and as many at once.
	reportsAnHour = 60
	// againAfter is how long one that repeats itself is not sent again.
	againAfter = time.Minute
	// maxKinds bounds the kinds of report of which it is known when they were sent last.
	maxKinds = 1000
	// waiting is how many reports wait for the receiver.
	waiting = 30
)

// ReportsConfig says who is told of errors.
type ReportsConfig struct {
	// DSN is the receiver's; empty is nobody.
	DSN mining.Secret
	// Secrets are what must not leave.
	Secrets []mining.Secret
}

// ReportsDeps are what reports are made with.
type ReportsDeps struct {
	// Version and Instance are the program's.
	Version, Instance string
	// Now is the clock.
	Now func() time.Time
}

// Reports tells of errors and crashes. It is safe for use by many goroutines.
type Reports struct {
	deps ReportsDeps
	book book

	// in is nil while nobody is told.
	in atomic.Pointer[reporting]

	// mu is held by who puts another configuration in place.
	mu sync.Mutex
}

// reporting is what there is while somebody is told.
type reporting struct {
	dsn    mining.Secret
	client *sentry.Client
	sender *http.Transport
	scrub  *scrubber
	limit  *rate.Limiter
	book   *book

	mu   sync.Mutex
	last map[string]time.Time
}

// NewReports makes reports that tell nobody yet.
func NewReports(deps ReportsDeps) *Reports { return &Reports{deps: deps} }

// Reconfigure goes by another configuration from now on. On an error nobody is told.
func (r *Reports) Reconfigure(cfg ReportsConfig) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.in.Load()
	if cfg.DSN == "" {
		r.replace(nil)
		return nil
	}
	if before != nil && before.dsn == cfg.DSN {
		next := &reporting{
			dsn: before.dsn, client: before.client, sender: before.sender, scrub: newScrubber(append(cfg.Secrets, cfg.DSN)), limit: before.limit,
			book: &r.book, last: make(map[string]time.Time),
		}
		r.in.Store(next)
		return nil
	}
	next, err := r.begin(cfg)
	r.replace(next)
	if err != nil {
		r.book.told(0, err, r.deps.Now())
	}
	return err
}

// replace puts another receiver in place, and sends what waits for the one before, within
// bounds.
func (r *Reports) replace(next *reporting) {
	if before := r.in.Swap(next); before != nil {
		before.client.Flush(closeTimeout)
		before.client.Close()
		before.sender.CloseIdleConnections()
	}
	r.book.restart(next != nil)
}

// begin makes what reports. Nothing is taken from the environment, and nothing is sent
// but what is put into an event here.
func (r *Reports) begin(cfg ReportsConfig) (*reporting, error) {
	sender := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute,
	}
	transport := sentry.NewHTTPTransport()
	transport.BufferSize, transport.Timeout = waiting, sendTimeout
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: cfg.DSN.Reveal(), Release: "loka@" + r.deps.Version, ServerName: r.deps.Instance, Environment: "production",
		Transport:     transport,
		HTTPTransport: &told{sender, &r.book, r.deps.Now},
		// They would add the environment, modules and lines of source.
		Integrations:   func([]sentry.Integration) []sentry.Integration { return nil },
		MaxBreadcrumbs: -1,
	})
	if err != nil {
		return nil, fmt.Errorf("the DSN cannot be used: %w", errDSN)
	}
	return &reporting{
		dsn: cfg.DSN, client: client, sender: sender, scrub: newScrubber(append(cfg.Secrets, cfg.DSN)), book: &r.book,
		limit: rate.NewLimiter(rate.Every(time.Hour/reportsAnHour), reportsAnHour), last: make(map[string]time.Time),
	}, nil
}

// Close sends what waits, within two seconds, and tells nobody from then on.
func (r *Reports) Close() { _ = r.Reconfigure(ReportsConfig{}) } // which has no receiver to fail

// Status is how it goes with the receiver.
func (r *Reports) Status() Status { return r.book.status() }

// due says whether a report of a kind may be sent: few of all, and of those that repeat
// one a minute.
func (in *reporting) due(kind string, now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if at, ok := in.last[kind]; ok && now.Sub(at) < againAfter {
		return false
	}
	if !in.limit.AllowN(now, 1) {
		return false
	}
	if len(in.last) >= maxKinds {
		clear(in.last)
	}
	in.last[kind] = now
	return true
}

// report sends a record of the log.
func (in *reporting) report(rec slog.Record, attrs []slog.Attr) {
	if !in.due(rec.Message, rec.Time) {
		return
	}
	e := sentry.NewEvent()
	message := in.scrub.text(rec.Message)
	e.Level, e.Timestamp, e.Message, e.Fingerprint = sentry.LevelError, rec.Time, message, []string{message}
	said, what := make(sentry.Context), ""
	for _, a := range attrs {
		text := in.scrub.attr(a.Key, a.Value)
		said[a.Key] = text
		if a.Key == "error" || a.Key == "panic" {
			what = text
		}
	}
	e.Contexts["log"] = said
	e.Exception = []sentry.Exception{{Type: message, Value: what}}
	in.client.CaptureEvent(e, nil, nil)
}

// Crash tells of a crash of an earlier run: what the runtime wrote of it.
func (r *Reports) Crash(at time.Time, text string) {
	in := r.in.Load()
	if in == nil {
		return
	}
	e := sentry.NewEvent()
	kind, value, frames := parseCrash(text)
	e.Level, e.Timestamp = sentry.LevelFatal, at
	e.Contexts["crash"] = sentry.Context{"text": in.scrub.text(text)}
	e.Exception = []sentry.Exception{{Type: in.scrub.text(kind), Value: in.scrub.text(value)}}
	if len(frames) > 0 {
		e.Exception[0].Stacktrace = &sentry.Stacktrace{Frames: frames}
	}
	in.client.CaptureEvent(e, nil, nil)
}

// told is a transport that books what came of each request.
type told struct {
	http.RoundTripper

	book *book
	now  func() time.Time
}

// RoundTrip implements [http.RoundTripper].
func (t *told) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	failed := err
	if err == nil && resp.StatusCode/100 != 2 {
		failed = &StatusError{resp.StatusCode}
	}
	t.book.told(1, withoutURL(failed), t.now())
	return resp, err //nolint:wrapcheck // as it is
}
