package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/mining"
)

// The secrets of the URLs below, which nothing that is told has in it.
const (
	slackHook = "TC4NARY00/BC4NARY00/xC4naryOfTheMineOfOurs00"
	botToken  = "123456789:C4naryOfTheMine_x-1"
	botSecret = "C4naryOfTheMine_x-1"
	hookToken = "C4naryOfTheMine_y-2"
)

// Each chat's URL, and what it says to a message that it takes.
var chats = map[string]struct{ url, taken string }{
	"slack hook": {"slack://hook:" + strings.ReplaceAll(slackHook, "/", "-") + "@webhook?botname=loka", "ok"},
	"slack api":  {"slack://xoxb:" + strings.ReplaceAll(slackHook, "/", "-") + "@C0NIGHT", `{"ok":true,"channel":"C0NIGHT","ts":"1.2","message":{"text":"x"}}`},
	"telegram":   {"telegram://" + botToken + "@telegram?chats=@night", `{"ok":true,"result":{"message_id":1}}`},
	"discord":    {"discord://" + hookToken + "@4711?thread_id=99", ""},
}

// call is what a chat was sent.
type call struct {
	host, path, auth string
	body             map[string]any
}

// chatServer answers as it is told, and keeps what it was sent.
type chatServer struct {
	mu     sync.Mutex
	calls  []call
	wrong  []string
	answer func(w http.ResponseWriter, c call)
}

func (s *chatServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	c := call{host: r.Host, path: r.URL.RequestURI(), auth: r.Header.Get("Authorization")}
	if err == nil {
		err = json.Unmarshal(data, &c.body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		s.wrong = append(s.wrong, fmt.Sprint(r.Method, r.Header, string(data), err))
	}
	s.calls = append(s.calls, c)
	s.answer(w, c)
}

func (s *chatServer) all(t *testing.T) []call {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) > 0 {
		t.Errorf("no request of JSON: %v", s.wrong)
	}
	return slices.Clone(s.calls)
}

// taking answers as a chat does that takes it.
func taking(text string) func(w http.ResponseWriter, c call) {
	return func(w http.ResponseWriter, _ call) {
		if text == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, text)
	}
}

// refusing answers with a status.
func refusing(code int, text string, header ...string) func(w http.ResponseWriter, c call) {
	return func(w http.ResponseWriter, _ call) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// evil is a name that anybody may log in by.
const evil = "<!channel> [pay](https://evil.example) <b>&\r\nBcc: a@evil.example"

// bads is what nobody may make each service say: a call to all, a link that says another
// thing than where it goes to, a form that is broken.
var bads = map[string][]string{"slack": {"<!", "<b>", "\r"}, "telegram": {"<", "\r"}, "discord": {"pay](", "\r"}}

// service is that of a name above.
func service(name string) string { name, _, _ = strings.Cut(name, " "); return name }

// Each chat is sent what it demands, for an alert, for its end and for a test: what is in
// it cannot call anybody, be a link, or break the form.
func TestChatsAreTold(t *testing.T) {
	for name, chat := range chats {
		t.Run(name, func(t *testing.T) {
			server := &chatServer{answer: taking(chat.taken)}
			s := New(Deps{Instance: "north", Now: time.Now, Client: internet(t, server)})
			if err := s.Reconfigure([]Config{{Name: "night", URL: mining.Secret(chat.url), Severity: alert.Info, Ends: true, Every: time.Millisecond}}); err != nil {
				t.Fatal(err)
			}
			n := firing("pool_down/main", alert.Critical)
			n.Message = "it is so: " + evil
			for _, m := range []*message{
				{instance: "north", notices: []alert.Notice{n}},
				{instance: "north", notices: []alert.Notice{over(n)}},
				{instance: "north", test: true},
			} {
				if err := s.all[0].attempt(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			calls := server.all(t)
			if len(calls) != 3 {
				t.Fatalf("%d calls", len(calls))
			}
			for i, want := range []struct{ title, text string }{
				{"CRITICAL pool_down/main", "it is so: "}, {"OVER pool_down/main", "after 5m0s"}, {"loka north: a test", "This is a test of the alerts of loka north"},
			} {
				title, text := calls[i].demanded(t, name)
				if !strings.Contains(title, want.title) || !strings.Contains(text, want.text) {
					t.Errorf("%q and %q, of %v", title, text, want)
				}
				for _, bad := range bads[service(name)] {
					if strings.Contains(text, bad) {
						t.Errorf("%q is in %q", bad, text)
					}
				}
			}
			if st := s.States()[0]; !st.Up || st.Sent != 3 || st.Error != "" {
				t.Errorf("%+v", st)
			}
		})
	}
}

// demanded checks a call for what its service wants, and returns title and text.
func (c call) demanded(t *testing.T, service string) (title, text string) {
	t.Helper()
	wants := map[string]struct{ host, path, auth string }{
		"slack hook": {"hooks.slack.com", "/services/" + slackHook, ""},
		"slack api":  {"slack.com", "/api/chat.postMessage", "Bearer xoxb-" + strings.ReplaceAll(slackHook, "/", "-")},
		"telegram":   {"api.telegram.org", "/bot" + botToken + "/sendMessage", ""},
		"discord":    {"discord.com", "/api/webhooks/4711/" + hookToken + "?thread_id=99", ""},
	}[service]
	if c.host != wants.host || c.path != wants.path || c.auth != wants.auth {
		t.Errorf("it went to %s%s with %q", c.host, c.path, c.auth)
	}
	str := func(of map[string]any, key string) string { s, _ := of[key].(string); return s }
	first := func(key string) map[string]any {
		all, _ := c.body[key].([]any)
		if len(all) != 1 {
			t.Fatalf("%s: %v", key, c.body)
		}
		one, _ := all[0].(map[string]any)
		return one
	}
	switch service {
	case "telegram":
		if str(c.body, "chat_id") != "@night" || str(c.body, "parse_mode") != "HTML" {
			t.Errorf("%v", c.body)
		}
		title, text, _ = strings.Cut(str(c.body, "text"), "\n")
		if !strings.HasPrefix(title, "<b>") || !strings.HasSuffix(title, "</b>") {
			t.Errorf("%v", c.body)
		}
	case "discord":
		embed := first("embeds")
		title, text = str(embed, "title"), str(embed, "description")
		if mentions, _ := c.body["allowed_mentions"].(map[string]any); mentions == nil || mentions["parse"] == nil || len(mentions["parse"].([]any)) != 0 || embed["color"] == nil {
			t.Errorf("%v", c.body)
		}
	default:
		detail := first("attachments")
		title, text = str(c.body, "text"), str(detail, "text")
		if str(detail, "fallback") != title || str(detail, "color") == "" || (service == "slack api") != (c.body["channel"] == "C0NIGHT") || (service == "slack hook") != (c.body["username"] == "loka") {
			t.Errorf("%v", c.body)
		}
	}
	if title == "" || text == "" {
		t.Errorf("%v", c.body)
	}
	return title, text
}

// What is sent stays within what chats take, whatever names there are.
func TestChatsAreToldNoMoreThanTheyTake(t *testing.T) {
	for name, chat := range chats {
		server := &chatServer{answer: taking(chat.taken)}
		s := New(Deps{Instance: "north", Now: time.Now, Client: within(server)})
		if err := s.Reconfigure([]Config{{Name: "night", URL: mining.Secret(chat.url), Severity: alert.Info}}); err != nil {
			t.Fatal(err)
		}
		m := &message{instance: "north", notices: []alert.Notice{firing("worker_silent/"+strings.Repeat("*", 1000), alert.Warning)}}
		for i := range 300 {
			m.notices = append(m.notices, firing(fmt.Sprintf("rule_%d/[*é", i), alert.Info))
		}
		for _, some := range [][]alert.Notice{m.notices, m.notices[:1], m.notices[1:]} {
			m.notices = some
			if err := s.all[0].attempt(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range server.all(t) {
			title, text := c.demanded(t, name)
			if utf8.RuneCountInString(title) > 256 || utf8.RuneCountInString(text) > 4096 || service(name) == "telegram" && utf8.RuneCountInString(title+text) > 4000 {
				t.Errorf("%s: a title of %d, a text of %d", name, len(title), len(text))
			}
		}
	}
}

// What chats say when they do not take it is known for what it is, and has nothing of the
// URL in it, whatever they say; a chat that cannot be reached has not taken it either.
func TestChatsRefuse(t *testing.T) {
	secrets := map[string][]string{
		"slack": {slackHook, strings.ReplaceAll(slackHook, "/", "-"), "xC4naryOfTheMineOfOurs00"}, "telegram": {botToken, botSecret}, "discord": {hookToken},
	}
	echo := func(name string) string { return strings.Join(secrets[service(name)], " ") }
	for _, c := range []struct {
		chat   string
		answer func(w http.ResponseWriter, c call)
		kind   kind
		after  time.Duration
		says   string
	}{
		{"slack hook", refusing(404, "no_service"), lasting, 0, "404 Not Found: no_service"},
		{"slack hook", refusing(403, "invalid_token "+echo("slack")), lasting, 0, "invalid_token"},
		{"slack hook", refusing(403, strings.Repeat("x", longestWord-32)+slackHook), lasting, 0, "mend itself"},
		{"slack hook", refusing(400, "invalid_payload"), unfit, 0, "invalid_payload"},
		{"slack hook", refusing(429, "", "Retry-After", "30"), passing, 30 * time.Second, "429 Too Many Requests"},
		{"slack hook", refusing(500, "rollup_error"), passing, 0, "500"},
		{"slack api", refusing(200, `{"ok":false,"error":"invalid_auth"}`), lasting, 0, "invalid_auth"},
		{"slack api", refusing(200, `{"ok":false,"error":"channel_not_found"}`), lasting, 0, "channel_not_found"},
		{"slack api", refusing(200, `{"ok":false,"error":"`+strings.Repeat("x", longestAnswer/2)+`"}`), lasting, 0, "x…; that does not mend itself"},
		{"slack api", refusing(200, `{"ok":false,"error":"msg_too_long"}`), unfit, 0, "msg_too_long"},
		{"slack api", refusing(200, `{"ok":false,"error":"internal_error"}`), passing, 0, "internal_error"},
		{"slack api", refusing(429, `{"ok":false,"error":"ratelimited"}`, "Retry-After", "7"), passing, 7 * time.Second, "ratelimited"},
		{"slack api", refusing(200, `<html>sign in to this network</html>`), passing, 0, "sign in"},
		{"telegram", refusing(401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`), lasting, 0, "Unauthorized"},
		{"telegram", refusing(404, `{"ok":false,"error_code":404,"description":"Not Found"}`), lasting, 0, "Not Found"},
		{"telegram", refusing(403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`), lasting, 0, "blocked"},
		{"telegram", refusing(400, `{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities"}`), unfit, 0, "can't parse"},
		{"telegram", refusing(429, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 41","parameters":{"retry_after":41}}`), passing, 41 * time.Second, "retry after 41"},
		{"telegram", refusing(502, `<html>bad gateway `+echo("telegram")+`</html>`), passing, 0, "502 Bad Gateway"},
		{"telegram", refusing(200, `<html>sign in to this network</html>`), passing, 0, "sign in"},
		{"discord", refusing(401, `{"message":"Invalid Webhook Token","code":50027}`), lasting, 0, "Invalid Webhook Token"},
		{"discord", refusing(404, `{"message":"Unknown Webhook","code":10015}`), lasting, 0, "Unknown Webhook"},
		{"discord", refusing(400, `{"embeds":["0"]}`), unfit, 0, "embeds"},
		{"discord", refusing(429, `{"message":"You are being rate limited.","retry_after":1.5,"global":false}`, "Retry-After", "1.5"), passing, 1500 * time.Millisecond, "rate limited"},
		{"discord", refusing(503, echo("discord")), passing, 0, "503"},
		{"discord", refusing(429, "", "Retry-After", "Fri, 02 Jan 2026 03:05:05 GMT", "Date", "Fri, 02 Jan 2026 03:04:05 GMT"), passing, time.Minute, "429"},
		{"discord", refusing(429, "", "Retry-After", "1e99"), passing, longestAfter, "429"},
		{"discord", refusing(429, "", "Retry-After", "-5"), passing, 0, "429"},
		{"discord", refusing(429, "", "Retry-After", "NaN"), passing, 0, "429"},
		{"discord", refusing(429, "", "Retry-After", "soon"), passing, 0, "429"},
	} {
		var said bytes.Buffer
		server := &chatServer{answer: c.answer}
		s := New(Deps{Instance: "north", Now: time.Now, Client: internet(t, server), Logger: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		if err := s.Reconfigure([]Config{{Name: "night", URL: mining.Secret(chats[c.chat].url)}}); err != nil {
			t.Fatal(err)
		}
		err := s.all[0].attempt(t.Context(), &message{instance: "north", test: true})
		if err == nil || err.refusal() == nil {
			t.Errorf("%s, %s: %v", c.chat, c.says, err)
			continue
		}
		if r := err.refusal(); r.kind != c.kind || r.after != c.after || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: kind %d after %s: %v", c.chat, c.says, r.kind, r.after, err)
		}
		st := s.States()[0]
		if st.Up || st.Failed != 1 || len(server.all(t)) != 1 {
			t.Errorf("%s, %s: %+v, %d calls", c.chat, c.says, st, len(server.calls))
		}
		for _, secret := range append(secrets[service(c.chat)], slackHook[20:32]) { // a part that was cut off is no less a secret
			if told := err.Error() + said.String() + st.Error; strings.Contains(told, secret) {
				t.Errorf("%s, %s: a secret in %s", c.chat, c.says, told)
			}
		}
	}
	for name, chat := range chats {
		gone := &http.Client{Transport: answering(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("dial %s with %s: no route to host", r.URL, echo(name)) //nolint:err113 // whatever a network says
		})}
		s := New(Deps{Instance: "north", Now: time.Now, Client: gone})
		if err := s.Reconfigure([]Config{{Name: "night", URL: mining.Secret(chat.url)}}); err != nil {
			t.Fatal(err)
		}
		err := s.all[0].attempt(t.Context(), &message{instance: "north", test: true})
		if err == nil || err.refusal() != nil || !strings.Contains(err.Error(), "no route to host") {
			t.Errorf("%s cannot be reached: %v", name, err)
			continue
		}
		for _, secret := range secrets[service(name)] {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: a secret in %v", name, err)
			}
		}
	}
}

// answering is a network.
type answering func(r *http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// within answers without a network, so that time is the test's.
func within(handler http.Handler) *http.Client {
	return &http.Client{Transport: answering(func(r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result(), nil
	})}
}

// A chat is tried again when it wants to be, or ever later, or seldom where only somebody
// can mend it; a message that is not fit for it is told in other words. What waits
// meanwhile is told once.
func TestChatsAreTriedAgain(t *testing.T) {
	discordURL := mining.Secret(chats["discord"].url)
	for name, c := range map[string]struct {
		answers []func(w http.ResponseWriter, c call)
		// soonest and latest are of the attempt that is taken.
		soonest, latest time.Duration
		plain           bool
	}{
		"it says when":           {[]func(http.ResponseWriter, call){refusing(429, "", "Retry-After", "90")}, 90 * time.Second, 91 * time.Second, false},
		"it is broken":           {[]func(http.ResponseWriter, call){refusing(500, ""), refusing(502, "")}, 3 * time.Second, 5 * time.Second, false},
		"its token is revoked":   {[]func(http.ResponseWriter, call){refusing(401, "")}, longestPause, longestPause + time.Second, false},
		"it is gone":             {[]func(http.ResponseWriter, call){refusing(404, "")}, longestPause, longestPause + time.Second, false},
		"it does not like it":    {[]func(http.ResponseWriter, call){refusing(400, "")}, time.Second, 2 * time.Second, true},
		"it does not like words": {[]func(http.ResponseWriter, call){refusing(400, ""), refusing(400, "")}, longestPause + time.Second, longestPause + 3*time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, answers := time.Now(), c.answers
				var taken []time.Duration
				server := &chatServer{}
				server.answer = func(w http.ResponseWriter, at call) {
					if len(answers) > 0 {
						answers[0](w, at)
						answers = answers[1:]
						return
					}
					taken = append(taken, time.Since(began))
					w.WriteHeader(http.StatusNoContent)
				}
				s := New(Deps{Instance: "north", Now: time.Now, Client: within(server)})
				if err := s.Reconfigure([]Config{{Name: "night", URL: discordURL, Severity: alert.Info, Ends: true}}); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- s.Run(ctx) }()
				s.Tell([]alert.Notice{firing("pool_down/main", alert.Critical)})
				time.Sleep(time.Hour)
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if len(taken) != 1 || taken[0] < c.soonest || taken[0] > c.latest {
					t.Errorf("it was taken after %v, not once between %s and %s", taken, c.soonest, c.latest)
				}
				calls := server.all(t)
				title, text := calls[len(calls)-1].demanded(t, "discord")
				if said := strings.Contains(title+text, "pool_down"); said == c.plain {
					t.Errorf("%s: %s", title, text)
				}
				if st := s.States()[0]; !st.Up || st.Sent != 1 || st.Failed != uint64(len(c.answers)) || st.Dropped != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// Of several chats of one sink, one that takes nothing keeps nothing from the others, and
// has them told nothing twice; once it takes alerts it has what it missed.
func TestOneOfSeveralChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked, tried, had := true, 0, make(map[string][]string)
		server := &chatServer{}
		server.answer = func(w http.ResponseWriter, c call) {
			chat, _ := c.body["chat_id"].(string)
			if text, _ := c.body["text"].(string); chat != "-2" || !blocked {
				title, _, _ := strings.Cut(text, "\n")
				had[chat] = append(had[chat], title)
				_, _ = io.WriteString(w, `{"ok":true}`)
				return
			}
			tried++
			refusing(403, `{"ok":false,"description":"Forbidden: bot was kicked"}`)(w, c)
		}
		s := New(Deps{Instance: "north", Now: time.Now, Client: within(server)})
		if err := s.Reconfigure([]Config{{Name: "night", URL: "telegram://1:secret@telegram?chats=-1,-2:5,-3", Severity: alert.Info, Ends: true}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		tell := func(n alert.Notice) { s.Tell([]alert.Notice{n}); time.Sleep(5 * time.Minute) }
		tell(firing("a/1", alert.Critical))
		if st := s.States()[0]; st.Up || !strings.Contains(st.Error, "not all of them took it") || !strings.Contains(st.Error, "kicked") || st.Pending != 1 {
			t.Errorf("%+v", st)
		}
		tell(firing("b/1", alert.Warning))
		server.mu.Lock()
		blocked = false
		if tried != 2 {
			t.Errorf("one that does not mend itself was tried %d times within 10 min", tried)
		}
		server.mu.Unlock()
		tell(over(firing("a/1", alert.Critical)))
		tell(firing("c/1", alert.Info))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		good := []string{"<b>CRITICAL a/1</b>", "<b>WARNING b/1</b>", "<b>OVER a/1</b>", "<b>INFO c/1</b>"}
		if !slices.Equal(had["-1"], good) || !slices.Equal(had["-3"], good) {
			t.Errorf("the others had %v and %v", had["-1"], had["-3"])
		}
		if late := had["-2"]; len(late) != 2 || !strings.Contains(late[0], "WARNING: 1 alert, 1 over") || late[1] != "<b>INFO c/1</b>" {
			t.Errorf("the one that had missed some: %v", late)
		}
		for _, c := range server.all(t) {
			if (c.body["chat_id"] == "-2") != (c.body["message_thread_id"] == 5.0) {
				t.Errorf("%v", c.body)
			}
		}
		if st := s.States()[0]; !st.Up || st.Pending != 0 || st.Dropped != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A stop waits for no chat, and leaves none to itself.
func TestChatThatDoesNotAnswerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: answering(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		s := New(Deps{Instance: "north", Now: time.Now, Client: client})
		if err := s.Reconfigure([]Config{{Name: "night", URL: mining.Secret(chats["telegram"].url), Severity: alert.Info}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		s.Tell([]alert.Notice{firing("a/1", alert.Critical)})
		time.Sleep(sendTimeout + time.Second/2)
		if st := s.States()[0]; st.Up || st.Failed != 1 || st.Pending != 1 {
			t.Errorf("%+v", st)
		}
		began := time.Now()
		cancel()
		if err := <-done; err != nil || time.Since(began) > stopTimeout {
			t.Errorf("it ended after %s: %v", time.Since(began), err)
		}
		if err := s.all[0].attempt(ctx, &message{test: true}); !errors.Is(err, context.Canceled) || s.all[0].sender.stuck() {
			t.Errorf("%v", err)
		}
	})
}
