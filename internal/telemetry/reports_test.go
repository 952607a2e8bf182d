package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// sentryServer takes reports as Sentry does.
type sentryServer struct {
	*httptest.Server

	status int
	mu     sync.Mutex
	bodies []string
}

func newSentry(t *testing.T, status int) *sentryServer {
	t.Helper()
	s := &sentryServer{status: status}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/api/42/envelope/" || !strings.Contains(r.Header.Get("X-Sentry-Auth"), "sentry_key=thekey") {
			t.Errorf("a request that Sentry does not take: %v, %v", r.URL, err)
		}
		s.mu.Lock()
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sentryServer) dsn() mining.Secret {
	return mining.Secret(strings.Replace(s.URL, "http://", "http://thekey@", 1) + "/42")
}

// all are the events that came, once the reports are closed.
func (s *sentryServer) all(t *testing.T) []map[string]any {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	events := make([]map[string]any, 0, len(s.bodies))
	for _, body := range s.bodies {
		lines := strings.Split(strings.TrimSpace(body), "\n")
		if len(lines) != 3 {
			t.Fatalf("an envelope of %d lines: %s", len(lines), body)
		}
		var e map[string]any
		if err := json.Unmarshal([]byte(lines[2]), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// reporting makes reports, and a log whose errors are reported; what it writes is in out.
func reportsTo(t *testing.T, dsn mining.Secret, secrets ...mining.Secret) (r *Reports, log *slog.Logger, out *bytes.Buffer) {
	t.Helper()
	r, out = NewReports(ReportsDeps{Version: "1.2", Instance: "here", Now: time.Now}), new(bytes.Buffer)
	if err := r.Reconfigure(ReportsConfig{DSN: dsn, Secrets: secrets}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, slog.New(r.Handler(slog.NewTextHandler(out, nil))), out
}

// TestErrorIsReported sends what the log has as an error, with its attributes, and
// nothing else; the log has all of it.
func TestErrorIsReported(t *testing.T) {
	s := newSentry(t, http.StatusOK)
	r, log, out := reportsTo(t, s.dsn())
	log.Info("loka is up")
	log.Warn("pool is away")
	log.With("pool", "main").WithGroup("in").With("a", 1).Error("a block could not be handed in", "error", errors.New("broken pipe"), slog.Group("g", "b", 2))
	r.Close()
	log.Error("after its end")
	events := s.all(t)
	if len(events) != 1 {
		t.Fatalf("%d events: %v", len(events), events)
	}
	e := events[0]
	said := e["contexts"].(map[string]any)["log"].(map[string]any)
	for key, want := range map[string]string{"pool": "main", "in.a": "1", "in.error": "broken pipe", "in.g.b": "2"} {
		if said[key] != want {
			t.Errorf("%s is %v in %v", key, said[key], said)
		}
	}
	if e["level"] != "error" || e["message"] != "a block could not be handed in" || e["release"] != "loka@1.2" || e["server_name"] != "here" {
		t.Errorf("%v", e)
	}
	for _, key := range []string{"modules", "breadcrumbs", "request", "user"} {
		if e[key] != nil && len(asMap(e[key])) > 0 {
			t.Errorf("%s has left: %v", key, e[key])
		}
	}
	for _, text := range []string{"loka is up", "in.g.b=2", "after its end"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the log lacks %q: %s", text, out)
		}
	}
}

func asMap(of any) map[string]any {
	m, _ := of.(map[string]any)
	return m
}

// TestSecretsStay looks for secrets in all that is sent: those of the configuration
// wherever they stand, those of a type or by a name that says so, and those in URLs.
func TestSecretsStay(t *testing.T) {
	s := newSentry(t, http.StatusOK)
	r, log, _ := reportsTo(t, s.dsn(), "poolpass1", "poolpass12", "x")
	type login struct {
		Name     string
		Password mining.Secret
	}
	log.Error("one", "error", errors.New("dial postgres://loka:dbpass@db/x?password=dbpass2: auth poolpass12 failed"), "password", "minerpass1",
		"login", login{"alice", "minerpass2"}, "secret", mining.Secret("minerpass3"), "in", slog.GroupValue(slog.String("token", "tok1")),
		"said", `{"password": "minerpass4"}`, "header", "Authorization: Bearer tok2abc", "panic", "poolpass1 poolpass1")
	log.With("authorization", "tok3").Error("two", "token", 77777)
	r.Crash(time.Now(), "panic: cannot log in by poolpass1 to http://u:dbpass3@h\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/y.go:3 +0x1\n")
	r.Close()
	all := strings.Join(s.bodies, "\n")
	if len(s.bodies) != 3 {
		t.Fatalf("%d reports", len(s.bodies))
	}
	for _, secret := range []string{"poolpass", "minerpass", "dbpass", "tok1", "tok2", "tok3", "77777"} {
		if strings.Contains(all, secret) {
			t.Errorf("%s has left: %s", secret, all)
		}
	}
	for _, text := range []string{"auth *** failed", "alice"} {
		if !strings.Contains(all, text) {
			t.Errorf("%q is not there, which is no secret: %s", text, all)
		}
	}
}

// TestReportsAreFew sends what repeats itself once a minute, and so many an hour.
func TestReportsAreFew(t *testing.T) {
	now := time.Now()
	r, _, _ := reportsTo(t, newSentry(t, http.StatusOK).dsn())
	in := r.in.Load()
	due := func(kind string, after time.Duration, want bool) {
		t.Helper()
		if got := in.due(kind, now.Add(after)); got != want {
			t.Errorf("%s after %s: %v", kind, after, got)
		}
	}
	due("a", 0, true)
	due("a", 59*time.Second, false)
	due("b", 59*time.Second, true)
	due("a", time.Minute, true)
	n := 0
	for i := range 2 * maxKinds {
		if in.due(strings.Repeat("k", i), now.Add(2*time.Minute)) {
			n++
		}
	}
	if n > reportsAnHour || n < reportsAnHour-5 {
		t.Errorf("%d at once", n)
	}
	due("later", time.Hour, true)
}

// TestDeadSentry floods a receiver that refuses and one that is not there: the log is as
// quick as ever, the end comes, and what is wrong is known.
func TestDeadSentry(t *testing.T) {
	for name, tt := range map[string]struct {
		dsn  mining.Secret
		want string
	}{"refuses": {newSentry(t, http.StatusForbidden).dsn(), "403"}, "gone": {"http://thekey@127.0.0.1:1/42", "refused"}} {
		t.Run(name, func(t *testing.T) {
			r, log, out := reportsTo(t, tt.dsn)
			for i := range 2 * waiting {
				log.Error(strings.Repeat("e", i+1)) //nolint:sloglint // of as many kinds
			}
			if n := strings.Count(out.String(), "\n"); n != 2*waiting {
				t.Errorf("the log has %d lines", n)
			}
			in := r.in.Load()
			in.client.Flush(closeTimeout)
			if s := r.Status(); s.Err == nil || !strings.Contains(s.Err.Error(), tt.want) || s.Lost == 0 || strings.Contains(s.Err.Error(), "thekey") {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDSN refuses what the SDK does not take, and does not repeat it; another receiver
// takes the place of the one before.
func TestDSN(t *testing.T) {
	first, second := newSentry(t, 200), newSentry(t, 200)
	r, log, _ := reportsTo(t, first.dsn())
	log.Error("for the first")
	if err := r.Reconfigure(ReportsConfig{DSN: first.dsn(), Secrets: []mining.Secret{"hunter22"}}); err != nil {
		t.Fatal(err)
	}
	log.Error("for the first, too: hunter22")
	if err := r.Reconfigure(ReportsConfig{DSN: second.dsn()}); err != nil {
		t.Fatal(err)
	}
	log.Error("for the second")
	if err := r.Reconfigure(ReportsConfig{DSN: "http://hunter2@h"}); err == nil || strings.Contains(err.Error(), "hunter2") || r.Status().Err == nil {
		t.Errorf("a DSN that is none: %v", err)
	}
	log.Error("for nobody")
	r.Crash(time.Now(), "for nobody")
	r.Close()
	if a, b := first.all(t), second.all(t); len(a) != 2 || len(b) != 1 || strings.Contains(strings.Join(first.bodies, ""), "hunter22") {
		t.Errorf("%d and %d", len(a), len(b))
	}
}

// crashText is what the runtime wrote of a crash.
const crashText = `panic: runtime error: index out of range [3] with length 0

goroutine 20 gp=0xc000102c40 m=4 mp=0xc00005ce08 [running]:
panic({0x5b9e20?, 0xc0000140a8?})
	/usr/local/go/src/runtime/panic.go:859 +0x13c fp=0xc00004af48 sp=0xc00004ae98 pc=0x46ff9c
github.com/loka/stratum/internal/hub.(*shared).submit(0xc0001, {0x1, 0x2})
	/work/internal/hub/judge.go:33 +0x1f
main.main.func1()
	/work/cmd/loka/main.go:12 +0x1f
created by main.main in goroutine 1
	/work/cmd/loka/main.go:10 +0x1d

goroutine 1 [chan receive]:
main.main()
	/work/cmd/loka/main.go:14 +0x2d
`

// TestCrashIsReported sends the panic and the stack of the goroutine that it was in.
func TestCrashIsReported(t *testing.T) {
	s := newSentry(t, http.StatusOK)
	r, _, _ := reportsTo(t, s.dsn())
	r.Crash(time.Now(), crashText)
	r.Close()
	events := s.all(t)
	if len(events) != 1 || events[0]["level"] != "fatal" {
		t.Fatalf("%v", events)
	}
	text, _ := json.Marshal(events[0]["exception"])
	for _, want := range []string{`"type":"panic"`, "index out of range [3]", `"function":"(*shared).submit"`, `"module":"github.com/loka/stratum/internal/hub"`, `"lineno":33`, `"in_app":true`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	_, _, frames := parseCrash(crashText)
	if len(frames) != 3 || frames[2].Function != "(*shared).submit" || frames[0].Lineno != 10 || frames[0].Function != "main" || frames[0].Module != "main" {
		t.Errorf("%+v", frames)
	}
}

func FuzzParseCrash(f *testing.F) {
	for _, text := range []string{"", "fatal error: all goroutines are asleep - deadlock!\n", crashText, "panic: \n\ngoroutine \n\t:1\n", "x\n\ngoroutine 1\n(\n\ta:99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _, frames := parseCrash(text)
		if len(frames) > maxFrames {
			t.Errorf("%d frames", len(frames))
		}
	})
}

func FuzzScrub(f *testing.F) {
	f.Add("a hunter22 b", "hunter22")
	f.Add("postgres://u:hunter22@h", "password=x")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "hunter22-and-more"
		if got := newScrubber([]mining.Secret{secret}).text(before + secret + after); strings.Contains(got, secret) || len(got) > 2*maxText {
			t.Errorf("%q", got)
		}
	})
}
