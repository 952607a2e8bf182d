package downstream_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
)

func denied(id, code, text string) string {
	return `{"id":` + id + `,"result":false,"error":[` + code + `,"` + text + `",null]}`
}

func TestAuthorizeAsksWithLoginAndPassword(t *testing.T) {
	tests := []struct {
		name, params, login, password string
	}{
		{"two strings", `["u.w","x"]`, "u.w", "x"},
		{"one", `["u.w"]`, "u.w", ""},
		{"null password", `["u.w",null]`, "u.w", ""},
		{"numeric password", `["u.w",123]`, "u.w", "123"},
		{"extra", `["u.w","d=1024","more",{}]`, "u.w", "d=1024"},
		{"case and characters kept", `["bc1QxY.Rig-1_a/B","X"]`, "bc1QxY.Rig-1_a/B", "X"},
		{"not ASCII is for the house to judge", `["ü"]`, "ü", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMiner(t)
			m.read(`{"id":1,"method":"mining.authorize","params":` + tt.params + `}`)
			if len(m.asked) != 1 || m.asked[0].Kind != mining.Authorize {
				t.Fatalf("asked %v", m.asked)
			}
			req := m.asked[0]
			if req.Worker.Login != tt.login || req.Password.Reveal() != tt.password {
				t.Errorf("asked for %q with %q", req.Worker.Login, req.Password.Reveal())
			}
			m.expect(ok("1"))
		})
	}
}

// Without a name nobody is asked.
func TestAuthorizeWithoutName(t *testing.T) {
	for _, params := range []string{`[]`, `null`, `[null]`, `["","x"]`, `[null,"x"]`, `{"0":"u"}`, `[["u"]]`} {
		m := newMiner(t)
		m.read(`{"id":1,"method":"mining.authorize","params":` + params + `}`)
		m.expect(denied("1", "24", "Unauthorized worker"))
		if len(m.asked) != 0 {
			t.Errorf("params %s: asked %v", params, m.asked)
		}
	}
}

func TestAuthorizeRefused(t *testing.T) {
	tests := map[mining.Verdict]string{
		mining.Unauthorized: denied("1", "24", "Unauthorized worker"),
		mining.Invalid:      denied("1", "24", "Unauthorized worker"),
		mining.Unanswered:   denied("1", "20", "Pool did not answer"),
	}
	for verdict, want := range tests {
		t.Run(verdict.String(), func(t *testing.T) {
			m := newMiner(t)
			m.read(`{"id":0,"method":"mining.subscribe"}`)
			m.take()
			m.refuse = verdict
			m.read(`{"id":1,"method":"mining.authorize","params":["u","x"]}`)
			m.expect(want)
			m.read(`{"id":2,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02"]}`)
			m.expect(failed("2", "24", "Unauthorized worker"))
			// It may try again.
			m.refuse = 0
			m.read(`{"id":3,"method":"mining.authorize","params":["u","x"]}`)
			m.expect(ok("3"))
		})
	}
}

// The worker that others put into the request is the one that submits.
func TestAuthorizeKeepsTheWorkerOfTheRequest(t *testing.T) {
	m := newMiner(t)
	m.read(`{"id":0,"method":"mining.subscribe"}`)
	req, err := m.s.Line([]byte(`{"id":1,"method":"mining.authorize","params":["u.w","x"]}`), m.now, &m.out)
	if err != nil || req == nil {
		t.Fatal(req, err)
	}
	full := mining.NewWorker(req.Worker.Login)
	req.Worker = full
	m.s.Answer(mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}, &m.out)
	m.collect()
	m.take()
	m.read(`{"id":2,"method":"mining.submit","params":["u.w","00000001","00000000","504e86ed","b2957c02"]}`)
	if len(m.asked) != 1 || m.asked[0].Worker != full {
		t.Errorf("submitted by %+v, want the completed worker", m.asked)
	}
	m.expect(ok("2"))
}

// A repeated login is granted without asking again.
func TestAuthorizeRepeated(t *testing.T) {
	m := newMiner(t)
	for i := range 3 {
		m.read(fmt.Sprintf(`{"id":%d,"method":"mining.authorize","params":["u","x"]}`, i))
	}
	if len(m.asked) != 1 {
		t.Errorf("asked %d times, want once", len(m.asked))
	}
	m.expect(ok("0"), ok("1"), ok("2"))
}

func TestAuthorizeManyWorkers(t *testing.T) {
	m := newMiner(t)
	m.read(`{"id":0,"method":"mining.subscribe"}`)
	m.take()
	want, logins := make([]string, 0, 256), make([]string, 0, 256)
	for i := range 256 {
		id := strconv.Itoa(1000 + i)
		m.read(`{"id":` + id + `,"method":"mining.authorize","params":["w` + id + `"]}`)
		want = append(want, ok(id))
		logins = append(logins, "w"+id)
	}
	m.expect(want...)
	m.read(`{"id":1,"method":"mining.authorize","params":["one.more"]}`)
	m.expect(denied("1", "24", "Too many workers"))
	m.read(`{"id":2,"method":"mining.authorize","params":["w1000"]}`)
	m.expect(ok("2"))
	if diff := cmp.Diff(logins, m.s.Info().Workers); diff != "" {
		t.Error(diff)
	}
	m.read(`{"id":3,"method":"mining.submit","params":["w1255","00000001","00000000","504e86ed","b2957c02"]}`)
	if len(m.asked) != 1 || m.asked[0].Worker.Login != "w1255" {
		t.Errorf("asked %+v", m.asked)
	}
}

func TestAuthorizeFewerWorkersAllowed(t *testing.T) {
	m := newMiner(t, func(c *downstream.Config) { c.MaxWorkers = 1 })
	m.read(`{"id":1,"method":"mining.authorize","params":["a"]}`, `{"id":2,"method":"mining.authorize","params":["b"]}`)
	m.expect(ok("1"), denied("2", "24", "Too many workers"))
}

// A user agent is a stranger's text: bounded and printable.
func TestUserAgent(t *testing.T) {
	tests := map[string]string{
		`["cgminer/4.11.1"]`:                   "cgminer/4.11.1",
		`["a\u001b[31mb\n"]`:                   "a[31mb",
		`["` + strings.Repeat("x", 500) + `"]`: strings.Repeat("x", 128),
		`["Antminer S21/ü"]`:                   "Antminer S21/",
		`[null]`:                               "",
		`[]`:                                   "",
		`["  "]`:                               "",
	}
	for params, want := range tests {
		m := newMiner(t)
		m.read(`{"id":1,"method":"mining.subscribe","params":` + params + `}`)
		if got := m.s.Info().UserAgent; got != want || m.asked[0].UserAgent != want {
			t.Errorf("params %s: user agent %q, the house was told %q, want %q", params, got, m.asked[0].UserAgent, want)
		}
	}
}

func TestOpenRefused(t *testing.T) {
	m := newMiner(t)
	m.refuse = mining.Unanswered
	m.read(`{"id":1,"method":"mining.subscribe"}`)
	m.expect(failed("1", "20", "No work available"))
	if got := m.s.Info().State; got != downstream.Connected {
		t.Errorf("state = %v", got)
	}
	m.refuse = 0
	m.read(`{"id":2,"method":"mining.subscribe","params":[]}`)
	m.expect(`{"id":2,`+subscribed, difficulty, notify(m.work))
}
