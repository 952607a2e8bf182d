package sink

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/mining"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func firing(id string, s alert.Severity) alert.Notice {
	name, subject, _ := strings.Cut(id, "/")
	return alert.Notice{Alert: alert.Alert{
		ID: id, Name: name, Severity: s, State: alert.Firing, Kind: alert.OnPool, Subject: subject, Labels: []alert.Label{{Name: "team", Value: "night"}},
		Since: epoch, Fired: epoch, Message: "it is so: " + id, Runbook: "docs/OPERATIONS.md#alert-" + name, Value: 0.5,
	}}
}

func over(n alert.Notice) alert.Notice {
	n.State, n.ResolvedAt = alert.Resolved, epoch.Add(5*time.Minute)
	return n
}

// receiver takes what is posted.
type receiver struct {
	*httptest.Server

	got  chan string
	mu   sync.Mutex
	fail int // how many more are refused
	// wants is a text without which a body is refused.
	wants string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		refuse := r.fail > 0 || !strings.Contains(string(body), r.wants)
		r.fail--
		r.mu.Unlock()
		if refuse {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		r.got <- q.URL.Path + " " + string(body)
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) string {
	t.Helper()
	select {
	case text := <-r.got:
		return text
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		return ""
	}
}

// run has sinks told until the test ends.
func run(t *testing.T, all ...Config) *Sinks {
	t.Helper()
	s := New(Deps{Instance: "north", Now: time.Now})
	if err := s.Reconfigure(all); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// A webhook is sent JSON, with all fields; what a sink is not for is not sent there.
func TestWebhook(t *testing.T) {
	r := newReceiver(t)
	s := run(t, Config{Name: "a", URL: mining.Secret("webhook+" + r.URL + "/hook"), Severity: alert.Warning, Rules: []string{"pool_*"}, Ends: true, Every: time.Millisecond})
	s.Tell([]alert.Notice{firing("pool_down/main", alert.Critical), firing("pool_info/main", alert.Info), firing("disk_low", alert.Critical)})
	path, text, _ := strings.Cut(r.next(t), " ")
	var body hookBody
	if err := json.Unmarshal([]byte(text), &body); err != nil || path != "/hook" || len(body.Alerts) != 1 || body.Version != 1 || body.Instance != "north" {
		t.Fatalf("%s %s %v", path, text, err)
	}
	if a := body.Alerts[0]; a.ID != "pool_down/main" || a.Severity != "critical" || a.State != "firing" || a.Labels["team"] != "night" || a.Value != 0.5 || a.Resolved != nil || !a.Since.Equal(epoch) {
		t.Errorf("%+v", a)
	}
	s.Tell([]alert.Notice{over(firing("pool_down/main", alert.Critical))})
	if text := r.next(t); !strings.Contains(text, `"title":"OVER pool_down/main"`) || !strings.Contains(text, `after 5m0s`) {
		t.Error(text)
	}
}

// A sink that is dead harms no other, keeps what waits, of each alert the latest word,
// and is told of once it is back.
func TestDeadSink(t *testing.T) {
	bad, good := newReceiver(t), newReceiver(t)
	bad.wants = `"state":"resolved"` // so that it is down for as long as that is not said
	s := run(t,
		Config{Name: "bad", URL: mining.Secret("webhook+" + bad.URL), Severity: alert.Info, Ends: true, Every: time.Millisecond},
		Config{Name: "good", URL: mining.Secret("webhook+" + good.URL), Severity: alert.Info, Ends: true, Every: time.Millisecond})
	s.Tell([]alert.Notice{firing("a/1", alert.Warning), firing("b/1", alert.Warning)})
	if text := good.next(t); !strings.Contains(text, "a/1") {
		t.Error(text)
	}
	for s.States()[0].Failed == 0 { // it has been tried
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if st := s.States(); st[0].Up || !strings.Contains(st[0].Error, "503") || !st[1].Up || st[1].Error != "" {
		t.Errorf("%+v", st)
	}
	s.Tell([]alert.Notice{over(firing("a/1", alert.Warning))})
	text := bad.next(t)
	if !strings.Contains(text, `"id":"a/1"`) || !strings.Contains(text, `"state":"resolved"`) || strings.Count(text, `"id":"a/1"`) != 1 || !strings.Contains(text, `"id":"b/1"`) {
		t.Error(text)
	}
}

// The queue is bounded, by number and by age, and what gives way is counted.
func TestQueue(t *testing.T) {
	q := newQueue()
	gone := 0
	for i := range most + 10 {
		gone += q.put(firing(fmt.Sprint("a/", i), alert.Info), epoch.Add(time.Duration(i)*time.Second))
	}
	gone += q.put(over(firing("a/500", alert.Info)), epoch.Add(time.Hour))
	if gone != 10 || len(q.ids) != most || q.dropped != 10 {
		t.Errorf("%d are gone, %d wait, %d counted", gone, len(q.ids), q.dropped)
	}
	taken := q.take()
	if gone := q.put(firing("new/1", alert.Info), epoch) + q.putBack(taken); gone != 1 || len(q.ids) != most || q.by["a/500"].notice.State != alert.Resolved {
		t.Errorf("%d are gone, %d wait", gone, len(q.ids))
	}
	if gone := q.expire(epoch.Add(old + 20*time.Second)); gone != 10 {
		t.Errorf("%d were too old", gone)
	}
}

// Many alerts of one rule are one line, and a message is never longer than a chat takes.
func TestMessage(t *testing.T) {
	m := &message{instance: "north", dropped: 3}
	for i := range 9812 {
		m.notices = append(m.notices, firing(fmt.Sprint("worker_silent/w", i), alert.Warning))
	}
	m.notices = append(m.notices, firing("pool_down/main", alert.Critical), over(firing("disk_low", alert.Warning)))
	text := m.text()
	for _, want := range []string{"CRITICAL pool_down/main since 03:04:05Z", "WARNING worker_silent: 9812 of them: w0, w1, w2, w3, w4 …", "OVER disk_low after 5m0s", "3 alerts before these"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Index(text, "CRITICAL") > strings.Index(text, "WARNING") || m.title() != "CRITICAL: 9813 alerts, 1 over" {
		t.Errorf("%s\n%s", m.title(), text)
	}
	long := &message{instance: "north", notices: []alert.Notice{firing("long/x", alert.Warning), firing("short/x", alert.Info)}}
	long.notices[0].Message = strings.Repeat("é", 3000)
	if text := long.text(); len(text) > longText+200 || !utf8.ValidString(text) || !strings.Contains(text, "é…\n… and 1 more") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	for i := range 200 {
		m.notices = append(m.notices, firing(fmt.Sprintf("rule_%d/x", i), alert.Warning))
	}
	if n := len(m.text()); n > longText+300 {
		t.Errorf("%d bytes", n)
	}
}

// No error has what lets anybody in.
func TestErrorsHaveNoSecrets(t *testing.T) {
	const canary = "C4nary0fTheMine"
	const gone = "127.0.0.1:1" // nobody is there
	for _, raw := range []string{
		"webhook+http://" + gone + "/" + canary, "webhook+http://user:" + canary + "@" + gone + "/x?token=" + canary,
		"generic+http://" + gone + "/" + canary, "ntfy://" + gone + "/" + canary + "?scheme=http",
		"gotify://" + gone + "/" + canary + "?disabletls=yes",
		"smtp://user:" + canary + "@" + gone + "/?from=a@b.c&to=d@e.f",
	} {
		o, err := newOne(Config{Name: "a", URL: mining.Secret(raw)}, &New(Deps{Now: time.Now}).deps)
		if err == nil {
			err = o.attempt(t.Context(), &message{instance: "x", test: true})
		}
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	for _, raw := range []string{"telegram://" + canary, "slack://" + canary, "discord://" + canary + "@", "nowhere://" + canary, "webhook+ftp://" + canary, canary, "smtp://" + canary, "alertmanager:" + canary, "://" + canary, "generic://%zz" + canary} {
		if err := Check(raw); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// Mail is mail.
func TestMail(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
		say("220 here")
		lines := bufio.NewScanner(c)
		var mail strings.Builder
		for data := false; lines.Scan(); {
			switch text := lines.Text(); {
			case data && text == ".":
				data = false
				got <- mail.String()
				say("250 taken")
			case data:
				mail.WriteString(text + "\n")
			case text == "DATA":
				data = true
				say("354 go on")
			case text == "QUIT":
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	defer func() { _ = l.Close() }()
	s := run(t, Config{Name: "mail", URL: mining.Secret("smtp://" + l.Addr().String() + "/?from=loka@example.com&to=ops@example.com&usestarttls=no&encryption=None&auth=None"), Severity: alert.Info})
	s.Tell([]alert.Notice{firing("pool_down/main", alert.Critical)})
	select {
	case mail := <-got:
		if !strings.Contains(mail, "Subject: CRITICAL pool_down/main") || !strings.Contains(mail, "it is so: pool_down/main") {
			t.Error(mail)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no mail came: %+v", s.States())
	}
}

// Chats and pushes of shoutrrr's, over HTTP of this machine.
func TestServices(t *testing.T) {
	r := newReceiver(t)
	host := strings.TrimPrefix(r.URL, "http://")
	for _, raw := range []string{"generic+" + r.URL + "/x", "ntfy://" + host + "/topic?scheme=http", "gotify://" + host + "/Aaaaaaaaaaaaaaa?disabletls=yes", "mattermost://" + host + "/token?disabletls=yes"} {
		s := New(Deps{Instance: "north", Now: time.Now})
		if err := s.Reconfigure([]Config{{Name: "a", URL: mining.Secret(raw)}}); err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		results, ok := s.Test(t.Context(), "a")
		if !ok || len(results) != 1 || results[0].Err != nil {
			t.Errorf("%s: %+v", raw, results)
			continue
		}
		if text := r.next(t); !strings.Contains(text, "This is a test of the alerts of loka north") {
			t.Errorf("%s: %s", raw, text)
		}
	}
}

// An Alertmanager is told what fires and what does no more, by its own API.
func TestAlertmanager(t *testing.T) {
	r := newReceiver(t)
	s := run(t, Config{Name: "am", URL: mining.Secret("alertmanager+" + r.URL), Severity: alert.Warning})
	a := firing("pool_down/main", alert.Critical).Alert
	s.Sync([]alert.Alert{a})
	path, text, _ := strings.Cut(r.next(t), " ")
	var got []amAlert
	if err := json.Unmarshal([]byte(text), &got); err != nil || path != "/api/v2/alerts" || len(got) != 1 {
		t.Fatalf("%s %s", path, text)
	}
	if l := got[0].Labels; l["alertname"] != "pool_down" || l["pool"] != "main" || l["severity"] != "critical" || l["team"] != "night" || l["loka"] != "north" || !got[0].EndsAt.After(time.Now()) {
		t.Errorf("%s", text)
	}
	s.Sync(nil)
	_, text, _ = strings.Cut(r.next(t), " ")
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got) != 1 || got[0].EndsAt.After(time.Now()) {
		t.Errorf("%s", text)
	}
}

// A service that never comes back keeps one goroutine, and no caller.
func TestStuckService(t *testing.T) {
	block := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	defer server.Close()
	sender, err := newSender("generic+"+server.URL+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- sender.send(ctx, &message{test: true}) }()
	for len(sender.(*shout).busy) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if err := sender.send(ctx, &message{test: true}); !errors.Is(err, stuckError{}) {
		t.Errorf("the next: %v", err)
	}
	close(block)
	if err := sender.send(t.Context(), &message{test: true}); err != nil {
		t.Errorf("one that waits for it to come back: %v", err)
	}
}

// An attempt that is called off says nothing of the sink.
func TestCalledOff(t *testing.T) {
	r := newReceiver(t)
	s := New(Deps{Instance: "north", Now: time.Now})
	if err := s.Reconfigure([]Config{{Name: "a", URL: mining.Secret("webhook+" + r.URL)}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if results, _ := s.Test(ctx, ""); !errors.Is(results[0].Err, context.Canceled) {
		t.Errorf("%+v", results)
	}
	if st := s.States()[0]; !st.Up || st.Failed != 0 || st.Error != "" {
		t.Errorf("%+v", st)
	}
}

// What waits for a sink goes to the one that takes its place, as far as that is for it;
// what waits for one that is stopped is given up, and counted.
func TestWhatWaitsOutlivesAChange(t *testing.T) {
	good := newReceiver(t)
	var said strings.Builder
	s := New(Deps{Instance: "north", Now: time.Now, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	c := Config{Name: "a", URL: "webhook+http://127.0.0.1:1/gone", Severity: alert.Info}
	if err := s.Reconfigure([]Config{c}); err != nil {
		t.Fatal(err)
	}
	s.Tell([]alert.Notice{firing("a/1", alert.Warning), firing("b/1", alert.Critical), firing("c/1", alert.Critical)})
	same := s.all[0]
	if err := s.Reconfigure([]Config{c}); err != nil || s.all[0] != same {
		t.Errorf("not the same any more: %v", err)
	}
	c.Severity, c.URL = alert.Critical, mining.Secret("webhook+"+good.URL)
	if err := s.Reconfigure([]Config{c}); err != nil || s.States()[0].Pending != 2 {
		t.Errorf("%+v %v", s.States(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	if text := good.next(t); !strings.Contains(text, `"id":"b/1"`) || !strings.Contains(text, `"id":"c/1"`) || strings.Contains(text, `"id":"a/1"`) {
		t.Error(text)
	}
	until(t, "the answer is there", func() bool { return s.States()[0].Sent == 1 })
	good.mu.Lock()
	good.fail = 1000
	good.mu.Unlock()
	s.Tell([]alert.Notice{firing("d/1", alert.Critical)})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if st := s.States()[0]; st.Dropped != 1 || st.Pending != 0 || !strings.Contains(said.String(), "alerts are given up") {
		t.Errorf("%+v\n%s", st, said.String())
	}
}
