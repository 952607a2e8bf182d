package config

import (
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Telemetry is the [telemetry] table: who else is told how it goes. All of it is off
// where nothing is set.
type Telemetry struct {
	// Traces is the URL that traces are sent to by OTLP over HTTP; empty is none. There
	// may be a password in it.
	Traces mining.Secret `toml:"traces"`
	// TracesAuthorization is what the header Authorization says there.
	TracesAuthorization mining.Secret `toml:"traces_authorization"`
	// ShareSample and JobSample are the parts of shares and of jobs that are traced,
	// from 0 to 1.
	ShareSample float64 `toml:"share_sample"`
	JobSample   float64 `toml:"job_sample"`
	// Sentry is the DSN of who is told of errors and panics; empty is nobody.
	Sentry mining.Secret `toml:"sentry"`
}

// defaultTelemetry is what holds in [telemetry] where nothing is set.
func defaultTelemetry() Telemetry { return Telemetry{ShareSample: 0.001, JobSample: 1} }

// star puts stars in place of what is secret.
func (t *Telemetry) star() {
	for _, s := range []*mining.Secret{&t.Traces, &t.TracesAuthorization, &t.Sentry} {
		*s = mining.Secret(s.String())
	}
}

// Secrets are all of a configuration, and the passwords within those that are URLs: for
// who has to keep them out of what leaves this machine.
func (c *Config) Secrets() []mining.Secret {
	var all []mining.Secret
	leaves("", reflect.ValueOf(*c), func(_ string, v reflect.Value) {
		s, ok := reflect.TypeAssert[mining.Secret](v)
		if !ok || s == "" {
			return
		}
		all = append(all, s)
		if u, err := url.Parse(s.Reveal()); err == nil && u.User != nil {
			if password, ok := u.User.Password(); ok {
				all = append(all, mining.Secret(password))
			}
		}
	})
	return all
}

// FlightRecorder is the [flight_recorder] table.
type FlightRecorder struct {
	// Enabled says that the last seconds are recorded.
	Enabled bool `toml:"enabled"`
	// Window is for how long back, Memory what that may take.
	Window time.Duration `toml:"window"`
	Memory Size          `toml:"memory"`
	// Keep is how many dumps are kept, MaxDisk what they may take together.
	Keep    int  `toml:"keep"`
	MaxDisk Size `toml:"max_disk"`
}

// Bounds of what is recorded.
const (
	maxWindow             = 5 * time.Minute
	maxRecorded           = 1000
	minRecorderMem   Size = 1 << 20
	maxRecorderMem   Size = 1 << 30
	maxRecorderDisk  Size = 1 << 40
	recorderDiskPart      = 4
)

// defaultFlightRecorder is what holds in [flight_recorder] where nothing is set.
func defaultFlightRecorder() FlightRecorder {
	return FlightRecorder{Window: 10 * time.Second, Memory: 16 << 20, Keep: 10, MaxDisk: 256 << 20}
}

// checkTelemetry checks the [telemetry] and the [flight_recorder] table.
func (l *loader) checkTelemetry(t *Telemetry, f *FlightRecorder) {
	l.checkReceiver("telemetry.traces", t.Traces, `; write "http://HOST:4318/v1/traces" or "https://…", or "" for none`, false)
	l.checkReceiver("telemetry.sentry", t.Sentry, `; write the DSN of the project, "https://KEY@HOST/PROJECT", or "" for none`, true)
	if strings.ContainsAny(t.TracesAuthorization.Reveal(), "\r\n") {
		l.add("telemetry.traces_authorization", "a header has one line; write it without a line break")
	}
	for key, part := range map[string]float64{"share_sample": t.ShareSample, "job_sample": t.JobSample} {
		if !(part >= 0 && part <= 1) {
			l.add(join("telemetry", key), "%s is out of range; write a part such as 0.001, from 0 to 1", formatFloat(part))
		}
	}
	if t.TracesAuthorization != "" && t.Traces == "" {
		l.note("telemetry.traces_authorization", "has no effect without traces")
	}
	if f.Window <= 0 || f.Window > maxWindow {
		l.add("flight_recorder.window", `%s is out of range; write a duration above 0, at most %q`, l.quote("flight_recorder.window", f.Window), formatDuration(maxWindow))
	}
	if f.Memory < minRecorderMem || f.Memory > maxRecorderMem {
		l.add("flight_recorder.memory", `%s is out of range; write a size from %q to %q`, l.quote("flight_recorder.memory", f.Memory), minRecorderMem, maxRecorderMem)
	}
	if f.Keep < 1 || f.Keep > maxRecorded {
		l.add("flight_recorder.keep", "%d is out of range; write 1 to %d", f.Keep, maxRecorded)
	}
	if f.MaxDisk < f.Memory*recorderDiskPart || f.MaxDisk > maxRecorderDisk {
		l.add("flight_recorder.max_disk", `%s is out of range; write at least four times memory, here %q, and at most %q`,
			l.quote("flight_recorder.max_disk", f.MaxDisk), f.Memory*recorderDiskPart, maxRecorderDisk)
	}
}

// checkReceiver checks a URL that something is sent to. There may be a secret in it, so
// nothing of it is echoed.
func (l *loader) checkReceiver(at string, receiver mining.Secret, right string, dsn bool) {
	if receiver == "" {
		return
	}
	u, err := url.Parse(receiver.Reveal())
	switch {
	case err != nil:
		l.add(at, "not a URL%s", right)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		l.add(at, "not the URL of a receiver by HTTP%s", right)
	case dsn && (u.User.Username() == "" || strings.Trim(u.Path, "/") == ""):
		l.add(at, "no DSN: a key before the host and a project after it are needed%s", right)
	case !dsn && (u.Path == "" || u.Path == "/"):
		l.add(at, "there is no path in it, and by that a receiver of OTLP knows traces%s", right)
	}
}

// telemetryMeanings is the documentation of telemetry and recorder.
func telemetryMeanings() map[string]meaning {
	return map[string]meaning{
		"telemetry.traces":               {"Where traces of some shares and jobs are sent to, by OTLP over HTTP (protobuf): `http://HOST:4318/v1/traces`. What is not taken is dropped, and holds nothing up. Empty: none. See [telemetry](#telemetry).", ""},
		"telemetry.traces_authorization": {"What the header `Authorization` says there, such as `\"Bearer ${OTLP_TOKEN}\"`.", "no such header"},
		"telemetry.share_sample":         {"The part of shares that is traced, from 0 to 1, by chance.", ""},
		"telemetry.job_sample":           {"The part of pools' jobs that is traced, from 0 to 1.", ""},
		"telemetry.sentry":               {"The DSN of a Sentry project, or of what speaks as Sentry does, that is told of errors and of crashes, without secrets. Empty: none.", ""},

		"flight_recorder.enabled":  {"Whether the Go runtime records what it did in the last seconds, in memory, to be written to `data_dir/traces` when a critical alert begins and by `POST /api/v1/trace`. `go tool trace FILE` shows it. See [telemetry](#telemetry) for what it costs.", ""},
		"flight_recorder.window":   {"For how long back, at most 5 min.", ""},
		"flight_recorder.memory":   {"About how much memory that may take; it comes before `window`.", ""},
		"flight_recorder.keep":     {"How many such files are kept; the oldest go.", ""},
		"flight_recorder.max_disk": {"What they may take together, at least four times `memory`.", ""},
	}
}

// telemetryReference is the part of docs/CONFIG.md on telemetry.
func telemetryReference() string {
	return `
## Telemetry

All of it is off unless it is set here, and changes with ` + "`loka reload`" + `. Receivers that are slow or dead hold nothing up: what waits for them is bounded,
what is too much is dropped, and the check ` + "`telemetry` of `/health`" + ` is degraded meanwhile.

**Traces** (` + "`traces`" + `) follow some shares and jobs on their way, for Tempo, Jaeger or any receiver of OTLP over HTTP. A share's trace has the steps ` + "`read`, `pipeline`, `judge`, `book`, `forward` and `pool`" + `
(till the pool's word), its verdict, pool, route and difficulty; a job's has ` + "`prepare` and `fanout`" + `. Neither has a worker's name, an address or a password. Which shares
are followed is by chance (` + "`share_sample`" + `): 0.001 of 200 shares a second is one in 5 seconds.

**Sentry** (` + "`sentry`" + `) is told of what the log has as an error, and at the next start of what the process has died of. Passwords, tokens and what else is a secret in this file are
taken out wherever they stand; addresses and workers' names in an error's attributes are sent, as they are in the log. At most 60 errors an hour are sent, those that repeat once in a minute.

**The flight recorder** keeps the last seconds of every goroutine, lock and system call in memory. A dump of it shows why shares were late, which metrics cannot. It costs
processor time: with 1,000 miners that send 5,000 shares a second together a share takes 110 µs in place of 46, a third of a processor more, and hardly anything (1 to 2 %) where
both processors have no rest anyway. So it is off until it is asked for. See [BENCHMARKS](BENCHMARKS.md).

A crash is written to ` + "`data_dir/crash.log`" + ` as well as to the standard error; the next start renames it to ` + "`crash.last.log`" + `, logs an error, and has the check ` + "`last_crash`" + ` degraded for an hour.
`
}
