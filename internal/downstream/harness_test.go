package downstream_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// epoch is when every test begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Replies that many tests expect.
const (
	// subscribed follows {"id":N, of the subscribe reply.
	subscribed = `"result":[[["mining.set_difficulty","0000002a"],["mining.notify","0000002a"]],"08000002",4],"error":null}`
	difficulty = `{"id":null,"method":"mining.set_difficulty","params":[1024]}`
)

// miner drives a session as a connection's driver does, with a house behind
// it that answers at once unless told to wait.
type miner struct {
	t   testing.TB
	s   *downstream.V1
	out downstream.Out
	now time.Time

	// later makes the house answer Pending and keep the request.
	later   bool
	waiting []mining.Request
	// refuse is the verdict on authorizes and opens; zero accepts.
	refuse mining.Verdict
	// verdict is the one on shares; zero accepts.
	verdict mining.Verdict
	// mask is what the house lets roll.
	mask work.VersionMask
	// work is given with the answer to an open; nil gives none.
	work *mining.Work

	// text is what refused shares are told in place of the usual words.
	text string

	asked   []mining.Request
	wishes  []work.Difficulty
	refused []downstream.Refused
	sent    []string
	frames  []downstream.Frame
}

func newMiner(tb testing.TB, change ...func(*downstream.Config)) *miner {
	tb.Helper()
	cfg := downstream.DefaultConfig()
	for _, c := range change {
		c(&cfg)
	}
	return &miner{t: tb, s: downstream.NewV1(&cfg, "0000002a", epoch), now: epoch, mask: work.MaskBIP320, work: someWork(1)}
}

// miningMiner brings a new miner to the point where it submits.
func miningMiner(tb testing.TB, change ...func(*downstream.Config)) *miner {
	tb.Helper()
	m := newMiner(tb, change...)
	m.read(`{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}`)
	m.read(`{"id":2,"method":"mining.authorize","params":["u","x"]}`)
	m.take()
	return m
}

func someWork(id mining.JobID) *mining.Work {
	return &mining.Work{
		ID: id,
		Job: &mining.Job{
			Pool:           "main",
			Version:        0x20000000,
			NBits:          0x1d00ffff,
			NTime:          0x504e86b9,
			CoinbaseSuffix: []byte{0xff, 0xff},
			Branches:       []work.Hash{{1}, {2}},
		},
		Prefix:      []byte{0x01, 0x02},
		NTime:       0x504e86b9,
		VersionMask: work.MaskBIP320,
	}
}

// notify is the line that a work is sent as, without its end.
func notify(w *mining.Work) string {
	return strings.TrimSuffix(string(downstream.RenderNotify(nil, w)), "\n")
}

func cleaned(w *mining.Work) *mining.Work {
	w.Clean = true
	return w
}

// read is one read of the connection: its lines, then a flush.
func (m *miner) read(lines ...string) {
	m.t.Helper()
	if err := m.try(lines...); err != nil {
		m.t.Fatal(err)
	}
}

// try is read of what may end the connection.
func (m *miner) try(lines ...string) error {
	m.t.Helper()
	for _, line := range lines {
		if m.s.Blocked() {
			m.t.Fatalf("line %q while the session is blocked", line)
		}
		req, err := m.s.Line([]byte(line), m.now, &m.out)
		if err != nil {
			m.collect()
			return err
		}
		if req != nil {
			m.ask(req)
		}
	}
	m.flush()
	return nil
}

func (m *miner) ask(req *mining.Request) {
	if req.Kind == mining.Suggest { // told, not asked
		m.wishes = append(m.wishes, req.Difficulty)
		return
	}
	m.asked = append(m.asked, *req)
	if m.later {
		m.waiting = append(m.waiting, *req)
		return
	}
	m.s.Answer(m.answerTo(req), &m.out)
	m.collect()
}

func (m *miner) answerTo(req *mining.Request) mining.Answer {
	a := mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	switch req.Kind {
	case mining.Negotiate:
		a.VersionMask = req.VersionMask & m.mask
	case mining.Open:
		a.Extranonce1, _ = work.MakeExtranonce([]byte{8, 0, 0, 2})
		a.Extranonce2Size = 4
		if m.work != nil {
			m.s.Work(assigned(m.work))
		}
		a.Verdict = max(a.Verdict, m.refuse)
	case mining.Authorize:
		a.Verdict = max(a.Verdict, m.refuse)
	case mining.Submit:
		a.Verdict, a.Text = max(a.Verdict, m.verdict), m.text
	case mining.Suggest:
	}
	return a
}

// answer lets the house answer the i-th request that waits.
func (m *miner) answer(i int) {
	m.t.Helper()
	req := m.waiting[i]
	m.s.Answer(m.answerTo(&req), &m.out)
	m.collect()
}

func (m *miner) flush() {
	m.s.Flush(&m.out)
	m.collect()
}

func (m *miner) give(a mining.Assignment) {
	m.s.Work(a)
	m.flush()
}

func (m *miner) collect() {
	for _, f := range m.out.Frames() {
		line, ok := strings.CutSuffix(string(f.Data), "\n")
		if !ok || strings.Contains(line, "\n") {
			m.t.Fatalf("frame %q is not one line", f.Data)
		}
		m.sent = append(m.sent, line)
		m.frames = append(m.frames, downstream.Frame{Class: f.Class, Key: f.Key, Data: []byte(line)})
	}
	m.refused = append(m.refused, m.out.Refused()...)
	m.out.Reset()
}

// take returns what was sent since the last take.
func (m *miner) take() []string {
	sent := m.sent
	m.sent, m.frames, m.asked, m.refused = nil, nil, nil, nil
	return sent
}

// expect compares what was sent since the last take with the lines.
func (m *miner) expect(lines ...string) {
	m.t.Helper()
	if diff := cmp.Diff(lines, m.take()); diff != "" {
		m.t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// wantReason checks the reason of an error that ended a connection.
func wantReason(tb testing.TB, err error, reason mining.Reason) {
	tb.Helper()
	var end *downstream.CloseError
	if !errors.As(err, &end) || end.Reason != reason {
		tb.Errorf("error = %v, want a close for %q", err, reason)
	}
}

func ok(id string) string { return `{"id":` + id + `,"result":true,"error":null}` }

func failed(id, code, text string) string {
	return `{"id":` + id + `,"result":null,"error":[` + code + `,"` + text + `",null]}`
}

// assigned is work at the difficulty that these tests mostly use.
func assigned(w *mining.Work) mining.Assignment {
	return mining.Assignment{Work: w, Difficulty: 1024, Clean: w.Clean}
}

// at is work at another difficulty.
func at(w *mining.Work, d work.Difficulty) mining.Assignment {
	return mining.Assignment{Work: w, Difficulty: d, Clean: w.Clean}
}
