package downstream_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// due is a reply that the model waits for.
type due struct {
	id   string
	gate bool
}

// model is what must be true of everything a session sends.
type model struct {
	t          *rapid.T
	s          *downstream.V1
	out        downstream.Out
	now        time.Time
	due        []due
	waiting    []mining.Request
	subscribed bool
	jobs       mining.JobID
	sentJobs   map[string]bool
	difficulty string
	after      string // the method of the frame before
	ended      bool
}

// phrase is a kind of line: its text around the id, whether it wants a
// reply, whether that is one of the handshake's, and whether its id is lost.
type phrase struct {
	format             string
	silent, gate, lost bool
}

var phrases = []phrase{
	{format: `{"id":%s,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02"]}`},
	{format: `{"id":%s,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02","00002000"]}`},
	{format: `{"id":%s,"method":"mining.authorize","params":["u","x"]}`, gate: true},
	{format: `{"id":%s,"method":"mining.subscribe","params":["x/1"]}`, gate: true},
	{format: `{"params":["v"],"id":%s,"method":"mining.authorize"}`, gate: true},
	{format: `{"id":%s,"method":"mining.authorize","params":[]}`, gate: true},
	{format: `{"id":%s,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`, gate: true},
	{format: `{"id":%s,"method":"mining.configure","params":[["info","tea"]]}`, gate: true},
	{format: `{"id":%s,"method":"mining.submit","params":["v","00000001","00000000","504e86ed","b2957c02","00002000"]}`},
	{format: `{"id":%s,"method":"mining.submit","params":["w","00000001","0000","0","b2957c02"]}`},
	{format: `{"id":%s,"method":"mining.submit","params":[]}`},
	{format: `{"id":%s,"method":"mining.extranonce.subscribe"}`},
	{format: `{"id":%s,"method":"mining.suggest_difficulty","params":[0.00015]}`},
	{format: `{"id":%s,"method":"mining.get_transactions","params":["1"]}`},
	{format: `{"id":%s,"method":"mining.ping"}`},
	{format: `{"id":%s,"method":"no.such.thing"}`},
	{format: `{"id":%s,"method":17}`},
	{format: `{"id":%s}`},
	{format: `{"id":%s,"method":"pong"}`, silent: true},
	{format: `{"id":%s,"result":true,"error":null}`, silent: true},
	{format: `  `, silent: true},
	{format: `{"id":%s,"method":"mining.ping"`, lost: true},
	{format: `[{"id":%s,"method":"mining.ping"}]`, lost: true},
	{format: `{"id":%s,"id":%[1]s,"method":"mining.ping"}`, lost: true},
	{format: `{"id":[%s],"method":"mining.ping"}`, lost: true},
	{format: "\x16\x03\x01 %s", lost: true},
}

// Whatever comes, each request with an id gets one reply, in order, and
// nothing unsolicited gets between a handshake request and its reply.
func TestSessionProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := downstream.DefaultConfig()
		cfg.MaxErrors = 1 << 30
		cfg.MaxPending = 64
		cfg.MaxWorkers = rapid.IntRange(1, 3).Draw(t, "max workers")
		m := &model{t: t, s: downstream.NewV1(&cfg, "0000002a", epoch), now: epoch, sentJobs: map[string]bool{}}
		if rapid.Bool().Draw(t, "mining already") {
			m.begin()
		}
		share := func(t *rapid.T) { m.say(t, phrases[rapid.IntRange(0, 2).Draw(t, "share")]) }
		t.Repeat(map[string]func(*rapid.T){
			"line":       m.line,
			"share":      share,
			"more":       share,
			"answer":     m.answer,
			"work":       m.work,
			"extranonce": m.extranonce,
			"flush":      func(*rapid.T) { m.flush() },
			"":           func(*rapid.T) { m.s.Tick(m.now); m.s.Info() },
		})
		for len(m.waiting) > 0 {
			m.answer(t)
		}
		if len(m.due) != 0 {
			t.Fatalf("never answered: %v", m.due)
		}
	})
}

// begin brings the session to the point where shares reach the house.
func (m *model) begin() {
	for _, line := range []string{
		`{"id":"s","method":"mining.subscribe"}`, `{"id":"u","method":"mining.authorize","params":["u"]}`,
	} {
		req, err := m.s.Line([]byte(line), m.now, &m.out)
		if err != nil {
			m.t.Fatal(err)
		}
		a := mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted, Extranonce2Size: 4}
		m.s.Answer(a, &m.out)
	}
	m.due = []due{{"\"s\"", true}, {"\"u\"", true}}
	m.collect()
}

func (m *model) line(t *rapid.T) {
	m.say(t, rapid.SampledFrom(phrases).Draw(t, "phrase"))
}

func (m *model) say(t *rapid.T, p phrase) {
	if m.s.Blocked() || m.ended {
		t.Skip("blocked")
	}
	id := rapid.SampledFrom([]string{"null", "0", "1", "1.0", "-4", `"auth"`, "18446744073709551616", `"txlist1"`}).Draw(t, "id")
	text := p.format
	if strings.Contains(text, "%") {
		text = fmt.Sprintf(p.format, id)
	}
	m.now = m.now.Add(time.Second)
	req, err := m.s.Line([]byte(text), m.now, &m.out)
	if err != nil {
		// Only so many requests may wait.
		if len(m.due)+len(m.waiting) < 64 {
			t.Fatalf("line %q: %v", text, err)
		}
		m.ended = true
		m.collect()
		return
	}
	broken := strings.Contains(text, `:17`) || text == `{"id":null}`
	switch {
	case p.silent:
	case p.lost, broken && id == "null":
		m.due = append(m.due, due{id: "null"})
	case id != "null":
		m.due = append(m.due, due{id, p.gate})
	}
	if req != nil {
		m.waiting = append(m.waiting, *req)
	}
	m.collect()
}

func (m *model) answer(t *rapid.T) {
	if len(m.waiting) == 0 {
		t.Skip("nothing waits")
	}
	i := rapid.IntRange(0, len(m.waiting)-1).Draw(t, "which")
	req := m.waiting[i]
	a := mining.Answer{Ticket: req.Ticket, VersionMask: req.VersionMask, Extranonce2Size: 4}
	a.Extranonce1, _ = work.MakeExtranonce([]byte{1, 2, 3, 4})
	a.Verdict = mining.Accepted
	if rapid.Bool().Draw(t, "refused") {
		a.Verdict = rapid.SampledFrom(append(mining.Verdicts(), mining.Pending)).Draw(t, "verdict")
	}
	if a.Verdict != mining.Pending {
		m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
	}
	m.s.Answer(a, &m.out)
	m.collect()
	// Answers to what is not asked, or not any more, are nothing.
	again := []uint64{0, req.Ticket + 1000, 1 << 60}
	if a.Verdict != mining.Pending {
		again = append(again, req.Ticket)
	}
	a.Verdict = mining.Stale
	for _, ticket := range again {
		a.Ticket = ticket
		m.s.Answer(a, &m.out)
	}
	m.collect()
}

func (m *model) work(t *rapid.T) {
	m.jobs++
	w := someWork(m.jobs)
	if m.jobs > 1 && rapid.Bool().Draw(t, "an old one") {
		w.ID--
	}
	w.Clean = rapid.Bool().Draw(t, "clean")
	d := rapid.SampledFrom([]work.Difficulty{0, 1, 1024, 0.5}).Draw(t, "difficulty")
	w.VersionMask = rapid.SampledFrom([]work.VersionMask{0, work.MaskBIP320, 0x00c00000}).Draw(t, "mask")
	m.s.Work(at(w, d))
}

func (m *model) extranonce(t *rapid.T) {
	en1, _ := work.MakeExtranonce([]byte{1, 2, 3, rapid.Byte().Draw(t, "en1")})
	m.s.SetExtranonce(en1, 4)
}

func (m *model) flush() {
	m.s.Flush(&m.out)
	m.collect()
}

// collect checks what was sent.
func (m *model) collect() {
	for _, f := range m.out.Frames() {
		var line struct {
			ID, Result json.RawMessage
			Error      []any
			Method     string
			Params     []json.RawMessage
		}
		if err := json.Unmarshal(f.Data, &line); err != nil || f.Data[len(f.Data)-1] != '\n' {
			m.t.Fatalf("sent %q: %v", f.Data, err)
		}
		if f.Class == downstream.Reply || f.Class == downstream.Gate {
			m.reply(string(line.ID), string(f.Data), f.Class)
			continue
		}
		m.unsolicited(line.Method, line.Params)
	}
	m.out.Reset()
}

func (m *model) reply(id, line string, class downstream.Class) {
	if len(m.due) == 0 || m.due[0].id != id {
		m.t.Fatalf("reply %s, due are %v", line, m.due)
	}
	if m.due[0].gate && class != downstream.Gate {
		m.t.Fatalf("reply %s may be overtaken", line)
	}
	m.due = m.due[1:]
	m.after = ""
	if strings.Contains(line, "mining.notify") {
		m.subscribed = true
	}
}

func (m *model) unsolicited(method string, params []json.RawMessage) {
	for _, d := range m.due {
		if d.gate {
			m.t.Fatalf("sent %s before the reply to %s", method, d.id)
		}
	}
	if m.s.Blocked() || m.s.Info().State != downstream.Subscribed && m.s.Info().State != downstream.Mining {
		m.t.Fatalf("sent %s in state %v, blocked %t", method, m.s.Info().State, m.s.Blocked())
	}
	first := string(params[0])
	switch method {
	case "mining.set_difficulty":
		if first == m.difficulty || first == "0" {
			m.t.Fatalf("sent difficulty %s after %s", first, m.difficulty)
		}
		m.difficulty = first
	case "mining.notify":
		if m.sentJobs[first] {
			m.t.Fatalf("sent job %s twice", first)
		}
		m.sentJobs[first] = true
	default:
		if m.after == "mining.set_difficulty" {
			m.t.Fatalf("%s between a difficulty and its job", method)
		}
	}
	m.after = method
}
