package top

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// fake is a proxy with 10,000 workers.
type fake struct {
	mu    sync.Mutex
	asked []string
	gone  bool
	deny  bool
	role  string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.String())
	gone, deny := f.gone, f.deny
	f.mu.Unlock()
	if gone {
		panic(http.ErrAbortHandler)
	}
	if r.Method != http.MethodGet {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.asked[len(f.asked)-1] += " " + string(body)
		f.mu.Unlock()
		if deny {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/drain") || strings.HasPrefix(r.URL.Path, "/api/v1/silences/") || r.Method == http.MethodPut || strings.HasPrefix(r.URL.Path, "/api/v1/miners/") && r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, "{}")
		return
	}
	_ = json.NewEncoder(w).Encode(f.answer(r))
}

func (f *fake) as(role string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.role = role
}

func (f *fake) set(gone, deny bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone, f.deny = gone, deny
}

func (f *fake) answer(r *http.Request) any {
	var limit, offset int
	_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	_, _ = fmt.Sscan(r.URL.Query().Get("offset"), &offset)
	const many = 10_000
	switch r.URL.Path {
	case "/api/v1/summary":
		return view.Summary{Instance: "farm\x1b[2J", Version: "v1", Miners: 3}
	case "/api/v1/pools":
		return httpapi.PoolList{Pools: []view.Pool{{Name: "main", State: view.PoolActive, Miners: 3}, {Name: "back\x1bup", State: view.PoolDown, Drained: true, Error: "refused"}}, Total: 2}
	case "/api/v1/routes":
		return httpapi.RouteList{Routes: []view.Route{{Name: "farm", Pools: []string{"main", "back\x1bup"}}, {Name: "solo", Pools: []string{"main"}, Pinned: "main"}}, Total: 2}
	case "/api/v1/alerts":
		return httpapi.AlertList{Alerts: []view.Alert{
			{Name: "low\x1b", Severity: "critical", State: "firing", Message: "it is", Runbook: "docs/X.md"},
			{Name: "silent", Kind: "worker", Subject: "a.b", Severity: "warning", State: "firing", Message: "no shares", Silenced: true, SilencedBy: []string{"s1", "s2"}},
			{Name: "gone", Kind: "worker", Subject: "a.c*", Severity: "warning", State: "firing", Message: "no shares"},
		}, Total: 3}
	case "/api/v1/session":
		f.mu.Lock()
		defer f.mu.Unlock()
		return httpapi.Session{Role: f.role}
	case "/health":
		return view.Health{Status: view.OK}
	case "/api/v1/workers":
		l := httpapi.WorkerList{Total: many}
		for i := offset; i < min(offset+limit, many); i++ {
			l.Workers = append(l.Workers, view.Worker{Name: fmt.Sprintf("w%05d", i), Shares: view.Shares{Accepted: 5, Rejected: 1}})
		}
		return l
	case "/api/v1/miners":
		return httpapi.MinerList{Miners: []view.Miner{{ID: 7, Remote: "192.0.2.1:5", Workers: []string{"a.b"}, UserAgent: "x\x1b]0;y"}}, Total: 1}
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/api/v1/workers/"); ok {
		return view.Worker{Name: name}
	}
	return struct{}{}
}

func (f *fake) last(t *testing.T) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range slices.Backward(f.asked) {
		if !strings.HasPrefix(one, http.MethodGet) {
			return one
		}
	}
	return ""
}

// driver runs a model without a terminal.
type driver struct {
	*model

	t    *testing.T
	fake *fake
	now  time.Time
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func drive(t *testing.T, token string) *driver {
	t.Helper()
	d := &driver{t: t, fake: new(fake), now: epoch}
	server := httptest.NewServer(d.fake)
	t.Cleanup(server.Close)
	cfg := client.Config{Base: server.URL}
	if token != "" {
		cfg.Token = "s3cret"
	}
	api := client.New(cfg)
	t.Cleanup(api.Close)
	d.model = newModel(t.Context(), Config{Client: api, Interval: time.Nanosecond, Now: func() time.Time { return d.now }})
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	return d
}

// send gives the model a message, and what its commands come to, but for its clock.
func (d *driver) send(msg tea.Msg) {
	d.t.Helper()
	_, cmd := d.Update(msg)
	d.run(cmd)
}

func (d *driver) run(cmd tea.Cmd) {
	d.t.Helper()
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, one := range msg {
			d.run(one)
		}
	case answerMsg, doneMsg, worthMsg:
		d.send(msg)
	}
}

// press sends keys: single characters, or names in angle brackets.
func (d *driver) press(keys string) {
	d.t.Helper()
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "down": tea.KeyDown, "end": tea.KeyEnd, "pgdown": tea.KeyPgDown}
	for keys != "" {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(keys, "<"), ">"); ok && keys[0] == '<' {
			keys = rest
			d.send(tea.KeyPressMsg{Code: special[name]})
			continue
		}
		r := rune(keys[0])
		d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
		keys = keys[1:]
	}
}

// text is the screen without colours.
func (d *driver) text() string { return ansi.Strip(strings.Join(d.screen(), "\n")) }

func (d *driver) wants(parts ...string) {
	d.t.Helper()
	text := d.text()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			d.t.Errorf("no %q on\n%s", part, text)
		}
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	d := drive(t, "")
	d.wants("● live", "farm?[2J", "main", "● active", "back?up", "✕ drained", "critical", "low?")
	d.press("?")
	d.wants("another screen")
	d.press("q")
	d.wants("● active") // a key leaves the help, and no more
}

// Ten thousand workers are scrolled through, of which a few are asked for.
func TestManyWorkers(t *testing.T) {
	t.Parallel()
	d := drive(t, "")
	d.press("2")
	d.wants("1 of 10,000", "w00000", "1H▼")
	d.press("<pgdown><pgdown><pgdown><pgdown>")
	d.wants("77 of 10,000", "w00076")
	d.press("<end>")
	d.wants("10,000 of 10,000", "w09999")
	d.press("g")
	d.wants("1 of 10,000", "w00000")
	d.press("sr/x y<enter>")
	d.wants(`with "x y" in it`, "1M▲")
	d.fake.mu.Lock()
	if got := d.fake.asked[len(d.fake.asked)-1]; got != "GET /api/v1/workers?limit=60&q=x+y&sort=hashrate_1m" {
		t.Errorf("asked %s", got)
	}
	for _, one := range d.fake.asked {
		if strings.Contains(one, "limit=0") || strings.HasPrefix(one, "GET /api/v1/workers?") && !strings.Contains(one, "limit=60") {
			t.Errorf("asked %s", one)
		}
	}
	d.fake.mu.Unlock()
	d.press("<esc><enter>")
	d.wants("w00000", "0 connections")
	d.press("<esc>")
	d.wants("WORKER")
}

// Each act is asked about first, and done as it was meant.
func TestActs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ keys, asks, yes, want, said string }{
		{"3d", "Drain pool main, and send its 3 miners elsewhere?", "y", "POST /api/v1/pools/main/drain ", "pool main is drained"},
		{"3<down>d", "Take pool back?up back into use?", "y", "DELETE /api/v1/pools/back%1Bup/drain ", "is in use"},
		{"3e", "Disable pool main", "y", "POST /api/v1/pools/main/disable ", "pool main is disabled"},
		{"3p", "Pool main:  1 pin farm, 2 unpin solo", "1", `PUT /api/v1/routes/farm/pin {"pool":"main"}`, "route farm is pinned to pool main"},
		{"3<enter>d", "Drain pool main", "y", "POST /api/v1/pools/main/drain ", "pool main is drained"},
		{"2x", "Disconnect all miners of worker w00000?", "y", "POST /api/v1/workers/w00000/disconnect ", "is disconnected"},
		{"2b", "Ban worker w00000?  h an hour, d a day", "d", `POST /api/v1/workers/w00000/ban {"for":"24h","comment":"loka top"}`, "is banned: a day"},
		{"2z", "worker w00000:  p pause, r resume", "r", "POST /api/v1/workers/w00000/resume ", "may come again"},
		{"4x", "Disconnect connection 7 of 192.0.2.1:5?", "y", "DELETE /api/v1/miners/7 ", "is ended"},
		{"4b", "Ban the address of connection 7", "f", `POST /api/v1/miners/7/ban {"comment":"loka top"}`, "until it is lifted"},
		{"6z", "Silence alert low??  h an hour, d a day", "h", `POST /api/v1/silences {"matchers":[{"label":"name","glob":"low\u001b"}],"for":"1h0m0s","comment":"loka top"}`, "is silenced for an hour"},
		{"6<down><down>z", "Silence alert gone a.c*?", "d", `POST /api/v1/silences {"matchers":[{"label":"name","glob":"gone"},{"label":"subject","glob":"a.c?"}],"for":"24h0m0s","comment":"loka top"}`, "is silenced for a day"},
		{"6<down><enter>z", "from being told (2 silences)?", "y", "DELETE /api/v1/silences/s2 ", "alert silent a.b is told again"},
	} {
		d := drive(t, "s3cret")
		d.press(c.keys)
		d.wants(c.asks)
		d.press("n")
		if got := d.fake.last(t); got != "" {
			t.Errorf("%s: done without a yes: %s", c.keys, got)
		}
		d.press(c.keys[len(c.keys)-1:] + c.yes)
		if got := d.fake.last(t); got != c.want {
			t.Errorf("%s: asked %q, want %q", c.keys, got, c.want)
		}
		d.wants(c.said)
	}
	d := drive(t, "")
	d.press("3dy")
	d.wants("that needs a token of the role operator")
	if got := d.fake.last(t); got != "" {
		t.Errorf("without a token: %s", got)
	}
	d = drive(t, "s3cret")
	d.fake.set(false, true)
	d.press("3")
	d.wants("d drain")
	d.fake.as("viewer") // from now on
	d.press("dy")
	d.wants("not done: ", "role is too low")
	if strings.Contains(d.text(), "d drain") {
		t.Errorf("what the token does not allow is offered:\n%s", d.text())
	}
	for role, why := range map[string]string{"viewer": "this token has the role viewer", "nobody": "the proxy does not take this token"} {
		d := drive(t, "s3cret")
		d.fake.as(role)
		d.fake.set(true, false)
		d.send(tickMsg{})
		d.fake.set(false, false)
		d.send(tickMsg{}) // who came back may know the token otherwise
		d.press("3")
		if strings.Contains(d.text(), "d drain") {
			t.Errorf("%s: what the token does not allow is offered:\n%s", role, d.text())
		}
		d.press("dy")
		d.wants(why)
		if got := d.fake.last(t); got != "" {
			t.Errorf("%s: %s", role, got)
		}
	}
}

// A proxy that goes is told, with what was known, and so is its return.
func TestGoneAndBack(t *testing.T) {
	t.Parallel()
	d := drive(t, "")
	d.fake.set(true, false)
	d.now = d.now.Add(time.Second)
	d.send(tickMsg{})
	d.now = d.now.Add(12 * time.Second)
	d.send(tickMsg{})
	d.wants("✕ gone for 12s", "figures are 13s old, asking again", "● active")
	d.fake.set(false, false)
	d.send(tickMsg{})
	d.wants("● live", "the proxy is back after 12s")
	d.now = d.now.Add(noticeTime + time.Second)
	d.send(tickMsg{})
	if strings.Contains(d.text(), "is back") {
		t.Errorf("a notice stays:\n%s", d.text())
	}
}

// What answers and is no proxy, or refuses, is told with what to do about it.
func TestExcuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   []string
	}{
		{200, `{"hello":1}`, []string{"✕ no answer", "is no loka", "It is asked again every 500ms; --http ADDR names another address."}},
		{404, "", []string{"✕ no answer", `answers "404 Not Found"`, "--http ADDR names another address."}},
		{401, "", []string{"✕ refused", "wants a token", "one that loka token add has made (--token, LOKA_TOKEN or --data)"}},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		t.Cleanup(server.Close)
		api := client.New(client.Config{Base: server.URL})
		d := &driver{t: t, now: epoch, model: newModel(t.Context(), Config{Client: api, Interval: 500 * time.Millisecond, Now: func() time.Time { return epoch }})}
		d.send(tea.WindowSizeMsg{Width: 120, Height: 24})
		d.wants(c.want...)
		if c.status != http.StatusUnauthorized && strings.Contains(d.text(), "--token") {
			t.Errorf("a token is asked for:\n%s", d.text())
		}
		api.Close()
	}
}

// What happens is told again once who did not tell does, from where that ended.
func TestFollowGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var asked []string
		answers := []struct {
			status int
			body   string
		}{
			{429, ""}, // the log
			{200, `{"events":[{"id":4,"kind":"pool","message":"m4"}]}`},
			{200, "data: {\"id\":5,\"kind\":\"pool\",\"message\":\"m5\"}\n\nevent: bye\ndata: {\"why\":\"it stops\"}\n\n"},
			{401, ""}, // by which a stream is over
			{200, "data: {\"id\":6,\"kind\":\"pool\",\"message\":\"m6\"}\n\n"},
		}
		api := client.New(client.Config{Base: "http://x", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Path+r.Header.Get("Last-Event-ID"))
			a := answers[0]
			answers = answers[1:]
			return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
		})})
		var told []string
		follow(ctx, api, func(msg tea.Msg) {
			for _, e := range msg.(toldMsg).events {
				if told = append(told, e.Message); e.ID == 6 {
					cancel()
				}
			}
		})
		if got := strings.Join(told, " "); got != "m4 m5 m6" {
			t.Errorf("told %s", got)
		}
		if got := strings.Join(asked, " "); got != "/api/v1/log /api/v1/log /api/v1/events4 /api/v1/events5 /api/v1/events5" {
			t.Errorf("asked %s", got)
		}
	})
}

// roundTrip answers requests without a socket, so that time can be the test's.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNobodyAtAll(t *testing.T) {
	t.Parallel()
	api := client.New(client.Config{Base: "http://127.0.0.1:1"})
	d := &driver{t: t, now: epoch, model: newModel(t.Context(), Config{Client: api, Now: func() time.Time { return epoch }})}
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	d.wants("✕ gone", "no proxy answers at http://127.0.0.1:1", "It is asked again every 2s")
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	d := drive(t, "")
	d.press("6")
	d.wants("1 of 3", "low?", "(silenced) no shares")
	d.press("/A.C*<enter>")
	d.wants("1 of 1", "gone", "a.c")
	d.press("<esc><enter>")
	d.wants("What to do  docs/X.md", "it is")
	d.press("<esc>/none")
	d.wants(`nothing has "none" in it`)
	d.press("<esc>1")
	d.wants("critical", "gone a.c* for –: no shares")
	d.send(tea.WindowSizeMsg{Width: 80, Height: 18}) // where there is no room for all
	d.wants("low?", "and 2 more: 6")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	d := drive(t, "")
	d.press("5")
	d.wants("nothing has happened yet")
	d.send(toldMsg{events: []events.Event{{ID: 2, At: epoch, Kind: events.Pool, Message: "pool main is down\x1b", Severity: events.Warning}, {ID: 1, At: epoch, Kind: events.Ban, Message: "banned"}}})
	d.wants("pool main is down?", "1 of 2")
	d.press("<down>")
	d.send(toldMsg{events: []events.Event{{ID: 3, At: epoch, Kind: events.Reload, Message: "reloaded"}}})
	d.wants("3 of 3") // who has chosen one stays on it
	d.press("<enter>")
	d.wants("Kind", "banned")
	d.press("<esc>/RELOAD")
	d.wants("1 of 1", "reloaded")
	for range 3 * mostEvents {
		d.send(toldMsg{events: []events.Event{{Kind: events.Job}}})
	}
	if len(d.told) != mostEvents {
		t.Errorf("%d events are remembered", len(d.told))
	}
}

// Whatever is pressed at whatever size, each screen has its lines within its width, and
// nothing of others steers it.
func TestScreensFit(t *testing.T) {
	t.Parallel()
	d := drive(t, "s3cret")
	d.send(toldMsg{events: []events.Event{{ID: 1, Kind: events.Pool, Message: strings.Repeat("very long ", 40)}}})
	rapid.Check(t, func(rt *rapid.T) {
		width, height := rapid.IntRange(1, 200).Draw(rt, "width"), rapid.IntRange(1, 60).Draw(rt, "height")
		d.send(tea.WindowSizeMsg{Width: width, Height: height})
		for _, key := range rapid.SliceOfN(rapid.SampledFrom(strings.Split("1 2 3 4 5 6 ? s r / x n d p b <enter> <esc> <down> <end> <pgdown> g", " ")), 1, 6).Draw(rt, "keys") {
			d.press(key)
		}
		lines := d.screen()
		if len(lines) > height {
			rt.Fatalf("%d lines of %d", len(lines), height)
		}
		for _, line := range lines {
			if w := ansi.StringWidth(line); w > width {
				rt.Fatalf("%d columns of %d: %q", w, width, line)
			}
			if strings.ContainsAny(ansi.Strip(line), "\x1b\a\r") {
				rt.Fatalf("it steers: %q", line)
			}
		}
	})
}

func TestBars(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		width  int
		want   string
	}{
		{nil, 10, ""},
		{[]float64{1, 2, 4, 8}, 10, "▂▃▅█"},
		{[]float64{0, 8}, 10, " █"},
		{[]float64{0, 0}, 10, "  "},
		{[]float64{2, 2, 8, 8}, 2, "▃█"},
		{[]float64{1}, 0, ""},
	} {
		if got := bars(c.values, c.width); got != c.want {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
}
