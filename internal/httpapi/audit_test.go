package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/view"
)

// Every write that succeeds is kept, and nothing else is.
func TestAudit(t *testing.T) {
	deps, hub := newDeps()
	s := newStore()
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	for _, c := range []struct {
		request, body string
		kept          bool
	}{
		{"POST /api/v1/pools/main/drain", "", true},
		{"DELETE /api/v1/pools/main/drain", "", true},
		{"DELETE /api/v1/pools/a%2Fb%3F/drain", "", false},
		{"POST /api/v1/pools/main/disable", "", true},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"main"}`, true},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"other"}`, false},
		{"PUT /api/v1/routes/farm/split", `{"split":[]}`, true},
		{"DELETE /api/v1/miners/1", "", true},
		{"DELETE /api/v1/miners/9", "", false},
		{"POST /api/v1/reload", "", true},
		{"POST /api/v1/payouts", paid, true},
		{"POST /api/v1/nothing", "", false},
		{"GET /api/v1/pools", "", false},
	} {
		before := len(s.acts)
		method, path, _ := strings.Cut(c.request, " ")
		w := ask{method: method, path: path, body: c.body, token: secret}.do(t, h)
		if kept := len(s.acts) - before; kept > 1 || (kept == 1) != c.kept {
			t.Errorf("%s: %d, kept %d times", c.request, w.Code, kept)
		} else if c.kept && (s.acts[before].What != c.request || s.acts[before].Who != "admin" || !s.acts[before].At.Equal(epoch) || !strings.HasPrefix(s.acts[before].Detail, "from 192.0.2.1:")) {
			t.Errorf("%s: %+v", c.request, s.acts[before])
		}
	}
	before := len(s.acts)
	wantProblem(t, "without the token", ask{method: "POST", path: "/api/v1/pools/main/drain"}.do(t, h), http.StatusUnauthorized)
	if len(s.acts) != before || len(hub.said) == 0 {
		t.Error("what was not done is kept")
	}
	got := told[ActList](t, h, "/api/v1/audit?limit=2")
	what := make([]string, 0, 2)
	for _, a := range got.Acts {
		what = append(what, a.What)
	}
	if diff := cmp.Diff([]string{"POST /api/v1/payouts", "POST /api/v1/reload"}, what); diff != "" {
		t.Error(diff)
	}
}

// The record is for those who have the token, on loopback, too.
func TestAuditNeedsTheToken(t *testing.T) {
	deps, _ := newDeps()
	for _, path := range []string{"/api/v1/audit", "/api/v1/audit?limit=1"} {
		wantProblem(t, path, ask{path: path}.do(t, Handler(deps, true)), http.StatusUnauthorized)
		wantProblem(t, path, ask{path: path, token: "wrong"}.do(t, Handler(deps, true)), http.StatusUnauthorized)
		wantProblem(t, path, ask{method: http.MethodHead, path: path}.do(t, Handler(deps, true)), http.StatusUnauthorized)
	}
}

// A record that cannot be kept is in the log, and the write is done all the same.
func TestAuditThatFails(t *testing.T) {
	deps, hub := newDeps()
	var log bytes.Buffer
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := newStore()
	s.fail = errors.New("disk full")
	deps.Records = newRecords(s)
	w := ask{method: "POST", path: "/api/v1/pools/main/drain", token: secret}.do(t, Handler(deps, true))
	if w.Code != http.StatusNoContent || len(hub.said) != 1 {
		t.Errorf("%d, said %v", w.Code, hub.said)
	}
	if text := log.String(); !strings.Contains(text, `what="POST /api/v1/pools/main/drain"`) || !strings.Contains(text, "disk full") {
		t.Errorf("the log says %s", text)
	}
}

// The file has who did it, from where, and what was before and after; the database
// has the same in words.
func TestAuditSaysBeforeAndAfter(t *testing.T) {
	deps, hub := newDeps()
	s, file := newStore(), new(fakeFile)
	deps.Records, deps.Audit = newRecords(s), file
	h := Handler(deps, true)
	for _, c := range []struct {
		request, body, was, is string
	}{
		{"POST /api/v1/pools/main/drain", "", `{"drained":false,"disabled":false}`, `{"drained":true,"disabled":false}`},
		{"DELETE /api/v1/pools/backup/drain", "", `{"drained":true,"disabled":false}`, `{"drained":false,"disabled":false}`},
		{"POST /api/v1/pools/main/disable", "", `{"drained":false,"disabled":false}`, `{"drained":false,"disabled":true}`},
		{"DELETE /api/v1/pools/main/disable", "", `{"drained":false,"disabled":false}`, `{"drained":false,"disabled":false}`},
		{"PUT /api/v1/routes/farm/pin", `{"pool":"backup"}`, `{"pinned":"main"}`, `{"pinned":"backup"}`},
		{"DELETE /api/v1/routes/farm/pin", "", `{"pinned":"main"}`, `{"pinned":""}`},
		{"PUT /api/v1/routes/farm/split", `{"split":[{"pool":"main","weight":1}]}`, `{"pools":["main","backup"]}`, `{"split":[{"pools":["main"],"weight":1,"hashrate":"500000000000000H/s","on_dead":"others"}]}`},
		{"DELETE /api/v1/miners/1", "", `{"miner":1}`, `null`},
	} {
		if strings.HasSuffix(c.request, "split") {
			hub.then = []view.PartState{{Pools: []string{"main"}, Weight: 1, Hashrate: 5e14, OnDead: "others"}}
		}
		method, path, _ := strings.Cut(c.request, " ")
		if w := (ask{method: method, path: path, body: c.body, token: tokenOfRole[auth.Operator]}).do(t, h); w.Code/100 != 2 {
			t.Errorf("%s: %d %s", c.request, w.Code, w.Body)
			continue
		}
		act, row := file.acts[len(file.acts)-1], s.acts[len(s.acts)-1]
		was, _ := json.Marshal(act.Before)
		is, _ := json.Marshal(act.After)
		if act.Who != "ops" || act.Role != "operator" || act.What != c.request || !strings.HasPrefix(act.From, "192.0.2.1:") || string(was) != c.was || string(is) != c.is {
			t.Errorf("%s: %+v, was %s, is %s", c.request, act, was, is)
		}
		detail := "from " + act.From + "; was " + c.was
		if c.is != "null" {
			detail += "; is " + c.is
		}
		if row.Who != "ops (operator)" || row.What != c.request || row.Detail != detail {
			t.Errorf("%s: %+v, want %s", c.request, row, detail)
		}
	}
}

// There is no write that does not say what it has changed, but that which asks only and
// leaves no record.
func TestEveryWriteSaysWhatItChanged(t *testing.T) {
	bodies := map[string]string{
		"PUT /api/v1/routes/{name}/pin": `{"pool":"backup"}`, "PUT /api/v1/routes/{name}/split": `{"split":[]}`,
		"POST /api/v1/bans": `{"worker":"a"}`, "POST /api/v1/pools/{name}/payout": `{"accept":true}`, "POST /api/v1/payouts": paid,
		"POST /api/v1/tokens":          `{"role":"viewer","name":"one"}`,
		"POST /api/v1/miners/{id}/ban": `{"force":true}`, "POST /api/v1/plan": "x = 1",
		"POST /api/v1/silences": `{"matchers":[{"label":"name","glob":"*"}],"for":"1h"}`, "POST /api/v1/alerts/test": `{}`,
	}
	fill := strings.NewReplacer("workers/{name}", "workers/alice.rig1", "pools/{name}", "pools/main", "routes/{name}", "routes/farm", "tokens/{name}", "tokens/old", "silences/{id}", "silences/s1", "{id}", "1")
	for op := range access {
		method, path, _ := strings.Cut(op, " ")
		if method == http.MethodGet {
			continue
		}
		t.Run(op, func(t *testing.T) {
			deps, _ := newDeps()
			file := new(fakeFile)
			deps.Records, deps.Audit = newRecords(newStore()), file
			h := Handler(deps, true)
			path := fill.Replace(path)
			switch op {
			case "DELETE /api/v1/bans":
				path += "?worker=a"
				fallthrough
			case "POST /api/v1/workers/{name}/resume":
				for _, kind := range []bans.Kind{bans.Ban, bans.Pause} {
					for _, login := range []string{"a", "alice.rig1"} {
						if _, err := deps.Bans.Book.Add(bans.Order{Subject: bans.Subject{Login: login}, Kind: kind}, epoch); err != nil {
							t.Fatal(err)
						}
					}
				}
			case "DELETE /api/v1/silences/{id}":
				if _, err := deps.Alerts.Silencer.AddSilence(alert.Silence{Matchers: []alert.Matcher{{Label: "name", Glob: "*"}}, Until: epoch.Add(time.Hour)}); err != nil {
					t.Fatal(err)
				}
			case "DELETE /api/v1/tokens/{name}":
				if w := (ask{method: "POST", path: "/api/v1/tokens", body: `{"role":"viewer","name":"old"}`, token: secret}).do(t, h); w.Code != http.StatusCreated {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				file.acts = nil
			}
			w := ask{method: method, path: path, body: bodies[op], token: secret}.do(t, h)
			if w.Code/100 != 2 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if op == "POST /api/v1/plan" {
				if len(file.acts) != 0 {
					t.Errorf("%+v", file.acts)
				}
				return
			}
			if len(file.acts) != 1 || file.acts[0].Before == nil && file.acts[0].After == nil {
				t.Errorf("%+v", file.acts)
			}
		})
	}
}

// Of several who are to be banned the first are, though the book is full then: they are
// in the record, and their connections end.
func TestAuditOfHalfABan(t *testing.T) {
	deps, hub := newDeps()
	file, book := new(fakeFile), &fullBook{BanBook: deps.Bans.Book, room: 1}
	deps.Audit, deps.Bans = file, &Bans{Book: book, Now: deps.Bans.Now}
	hub.miners[0].Workers = []string{"a", "b"}
	w := ask{method: "POST", path: "/api/v1/miners/1/pause", token: secret}.do(t, Handler(deps, true))
	wantProblem(t, "half", w, http.StatusConflict)
	if len(file.acts) != 1 || file.acts[0].After == nil || book.enforced != 1 {
		t.Errorf("%+v, enforced %d times", file.acts, book.enforced)
	}
}

// fullBook has room for some bans.
type fullBook struct {
	BanBook

	room, enforced int
}

func (b *fullBook) Add(o bans.Order, now time.Time) (bans.Entry, error) {
	if b.room--; b.room < 0 {
		return bans.Entry{}, bans.ErrFull
	}
	return b.BanBook.Add(o, now)
}

func (b *fullBook) Enforce(time.Time) int { b.enforced++; return 0 }

// What is done and cannot be kept for the next start is in the record, though the answer
// is an error.
func TestAuditOfWhatIsNotKept(t *testing.T) {
	deps, hub := newDeps()
	file := new(fakeFile)
	deps.Audit = file
	hub.keep = errors.New("disk full")
	if w := (ask{method: "POST", path: "/api/v1/pools/main/drain", token: secret}).do(t, Handler(deps, true)); w.Code != http.StatusInternalServerError || len(file.acts) != 1 {
		t.Errorf("%d, %v", w.Code, file.acts)
	}
}

// A full disk keeps nobody from acting, and what was done is in the log.
func TestAuditFileThatFails(t *testing.T) {
	deps, hub := newDeps()
	var log bytes.Buffer
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := newStore()
	deps.Records, deps.Audit = newRecords(s), &fakeFile{fail: errors.New("disk full")}
	w := ask{method: "POST", path: "/api/v1/pools/main/drain", token: secret}.do(t, Handler(deps, true))
	if w.Code != http.StatusNoContent || len(hub.said) != 1 || len(s.acts) != 1 {
		t.Errorf("%d, said %v, kept %v", w.Code, hub.said, s.acts)
	}
	if text := log.String(); !strings.Contains(text, "record=file") || !strings.Contains(text, `what="POST /api/v1/pools/main/drain"`) {
		t.Errorf("the log says %s", text)
	}
}

// The file has the act before the success is answered.
func TestAuditComesFirst(t *testing.T) {
	deps, _ := newDeps()
	file := new(fakeFile)
	deps.Audit = file
	w := &spy{ResponseRecorder: httptest.NewRecorder(), file: file}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/pools/main/drain", nil)
	r.Host = "localhost"
	r.Header.Set("Authorization", "Bearer "+secret)
	Handler(deps, true).ServeHTTP(w, r)
	if w.Code != http.StatusNoContent || w.had != 1 {
		t.Errorf("%d with %d acts in the file", w.Code, w.had)
	}
}

type spy struct {
	*httptest.ResponseRecorder

	file *fakeFile
	had  int
}

func (s *spy) WriteHeader(status int) {
	s.had = len(s.file.acts)
	s.ResponseRecorder.WriteHeader(status)
}

func TestLongActsAreClipped(t *testing.T) {
	row := rowOf(&audit.Act{Who: "signal", What: "SIGHUP", Before: strings.Repeat("ü", 5000), Detail: "x"})
	if len(row.Detail) > maxShown+50 || !strings.HasSuffix(row.Detail, "…; x") || row.Who != "signal" {
		t.Errorf("%d %.60q %s", len(row.Detail), row.Detail, row.Who)
	}
}

// What was done is in the record, though the answer to it came to nothing.
func TestAuditOfWhatPanics(t *testing.T) {
	file := new(fakeFile)
	deps := Deps{Audit: file, Now: func() time.Time { return epoch }, Logger: slog.New(slog.DiscardHandler)}
	for what, want := range map[string]int{"done": 1, "not done": 0} {
		file.acts = nil
		h := newAuditor(deps, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if what == "done" {
				changed(r.Context(), nil, "x")
			}
			panic(http.ErrAbortHandler)
		}))
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/x", nil))
		}()
		if len(file.acts) != want {
			t.Errorf("%s: %+v", what, file.acts)
		}
	}
}
