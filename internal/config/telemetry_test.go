package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
)

// poolOnly is the least that a file needs.
const poolOnly = "[[pool]]\nurl = \"p:1\"\nusername = \"u\"\n"

func TestTelemetryProblems(t *testing.T) {
	for text, want := range map[string]string{
		"traces = \"hunter2\"":                               "f:5:10: telemetry.traces: not the URL of a receiver by HTTP",
		"traces = \"http://user:hunter2@host\"":              "f:5:10: telemetry.traces: there is no path in it",
		"traces = \"grpc://host:4317/v1/traces\"":            "f:5:10: telemetry.traces: not the URL",
		"traces = \"http://host:hunter2/v1\"":                "f:5:10: telemetry.traces: not a URL",
		"traces_authorization = \"a\\nb\"":                   "f:5:24: telemetry.traces_authorization: a header has one line",
		"share_sample = 1.5":                                 "f:5:16: telemetry.share_sample: 1.5 is out of range",
		"job_sample = -0.1":                                  "f:5:14: telemetry.job_sample: -0.1 is out of range",
		"sentry = \"https://host/1\"":                        "f:5:10: telemetry.sentry: no DSN",
		"sentry = \"https://key@host\"":                      "f:5:10: telemetry.sentry: no DSN",
		"[flight_recorder]\nwindow = \"0s\"":                 "f:6:10: flight_recorder.window: \"0s\" is out of range",
		"[flight_recorder]\nwindow = \"1h\"":                 "f:6:10: flight_recorder.window: \"1h\" is out of range",
		"[flight_recorder]\nmemory = \"1KiB\"":               "f:6:10: flight_recorder.memory: \"1KiB\" is out of range",
		"[flight_recorder]\nkeep = 0":                        "f:6:8: flight_recorder.keep: 0 is out of range",
		"[flight_recorder]\nmemory = \"128MiB\"":             "flight_recorder.max_disk",
		"[flight_recorder]\nmax_disk = \"16MiB\"":            "f:6:12: flight_recorder.max_disk: \"16MiB\" is out of range",
		"[flight_recorder]\nenabled = 1":                     "f:6:11: flight_recorder.enabled: want true or false",
		"[flight_recorder]\nwindows = \"1s\"":                "unknown key",
		"traces = \"http://h/v1/traces\"\nshare_samples = 1": "unknown key",
	} {
		_, err := Load([]byte(poolOnly+"[telemetry]\n"+text+"\n"), "f", Options{})
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: a secret is shown: %v", text, err)
		}
	}
}

func TestTelemetryLoads(t *testing.T) {
	c, err := Load([]byte(poolOnly+`
[telemetry]
traces = "https://me:tracepw@otlp.example.com/v1/traces"
traces_authorization = "Bearer tok"
share_sample = 1
job_sample = 0
sentry = "https://key@sentry.example.com/42"
[flight_recorder]
enabled = true
window = "30s"
`), "f", Options{})
	if len(err) > 0 {
		t.Fatal(err)
	}
	want := Telemetry{"https://me:tracepw@otlp.example.com/v1/traces", "Bearer tok", 1, 0, "https://key@sentry.example.com/42"}
	if c.Telemetry != want || !c.FlightRecorder.Enabled || c.FlightRecorder.Window.Seconds() != 30 || len(c.Notes) != 0 {
		t.Errorf("got %#v, %+v, notes %v", c.Telemetry, c.FlightRecorder, c.Notes)
	}
	secrets := c.Secrets()
	for _, s := range []mining.Secret{"tracepw", "Bearer tok", want.Sentry, want.Traces} {
		if !slices.Contains(secrets, s) {
			t.Errorf("Secrets lacks %q", s.Reveal())
		}
	}
	if on := Defaults().FlightRecorder.Enabled; on {
		t.Error("the flight recorder is on by default")
	}
}
