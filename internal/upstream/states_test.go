package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// messages are one of each kind that a pool may send.
func messages() map[string]string {
	return map[string]string{
		"subscribe reply": slushSubscribed,
		"configure reply": maskGranted,
		"other reply":     `{"id":9,"result":true,"error":null}`,
		"notify":          job("a", zeroPrev, "true"),
		"set_difficulty":  `{"method":"mining.set_difficulty","params":[16]}`,
		"set_extranonce":  `{"method":"mining.set_extranonce","params":["08000003",4]}`,
		"version mask":    `{"method":"mining.set_version_mask","params":["00c00000"]}`,
		"reconnect":       `{"method":"client.reconnect","params":[]}`,
		"message":         `{"method":"client.show_message","params":["hi"]}`,
		"get_version":     `{"id":7,"method":"client.get_version"}`,
		"ping":            `{"id":7,"method":"mining.ping"}`,
		"unknown request": `{"id":7,"method":"mining.what"}`,
		"malformed":       `{`,
	}
}

const (
	versionReply = `{"id":7,"result":"loka/1","error":null}`
	pongReply    = `{"id":7,"result":"pong","error":null}`
	noSuchReply  = `{"id":7,"result":null,"error":[20,"Unsupported method",null]}`
)

// TestStatesAndMessages has every pair of state and message, the illegal ones
// among them.
func TestStatesAndMessages(t *testing.T) {
	t.Parallel()
	type outcome struct{ event, sent string }
	nothing := outcome{}
	anywhere := map[string]outcome{ // Opening and Steady alike
		"other reply":     nothing,
		"set_difficulty":  {event: "difficulty 16"},
		"version mask":    {event: "mask 00c00000"},
		"reconnect":       {event: "reconnect "},
		"message":         {event: "message hi"},
		"get_version":     {sent: versionReply},
		"ping":            {sent: pongReply},
		"unknown request": {sent: noSuchReply},
		"malformed":       {event: "bad_line"},
	}
	opening := map[string]outcome{
		"subscribe reply": {event: "subscribed 08000002/04"},
		"configure reply": {event: "mask 1fffe000"},
		"notify":          nothing, // held
		"set_extranonce":  {event: "bad_line"},
	}
	steady := map[string]outcome{
		"subscribe reply": nothing, // a second one
		"configure reply": nothing,
		"notify":          {event: "job a clean"},
		"set_extranonce":  {event: "extranonce 08000003/04"},
	}
	want := map[upstream.State]func(message string) outcome{
		upstream.Idle:   func(string) outcome { return nothing },
		upstream.Closed: func(string) outcome { return nothing },
		upstream.Opening: func(m string) outcome {
			if o, ok := opening[m]; ok {
				return o
			}
			return anywhere[m]
		},
		upstream.Steady: func(m string) outcome {
			if o, ok := steady[m]; ok {
				return o
			}
			return anywhere[m]
		},
	}
	for state, outcomeOf := range want {
		for name, line := range messages() {
			t.Run(state.String()+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := inState(t, state).say(line)
				p.wantReason("")
				if o := outcomeOf(name); o.event == "" {
					p.wantEvents()
				} else {
					p.wantEvents(o.event)
				}
				if o := outcomeOf(name); o.sent == "" {
					p.wantLines()
				} else {
					p.wantLines(o.sent)
				}
			})
		}
	}
}

func inState(t *testing.T, state upstream.State) *pool {
	t.Helper()
	p := newPool(t, masked())
	switch state {
	case upstream.Idle:
	case upstream.Opening:
		p.start()
	case upstream.Steady:
		p.steady()
	case upstream.Closed:
		p.steady()
		p.s.Abandon(p.now, nil)
	}
	p.reset()
	if got := p.s.State(); got != state {
		t.Fatalf("state is %v, want %v", got, state)
	}
	return p
}

// TestStatesAndCalls has every pair of state and call of ours.
func TestStatesAndCalls(t *testing.T) {
	t.Parallel()
	const login = `{"id":3,"method":"mining.authorize","params":["acct","x"]}`
	for state, want := range map[upstream.State]struct {
		authorize string
		submits   bool
		ticks     bool
	}{
		upstream.Idle:    {"", false, false},
		upstream.Opening: {"", false, true},
		upstream.Steady:  {login, true, true},
		upstream.Closed:  {"", false, false},
	} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			p := inState(t, state).authorize("acct", 1)
			if want.authorize == "" {
				p.wantLines()
			} else {
				p.wantLines(want.authorize)
			}
			p.reset()
			p.submit(share(&mining.Job{Ref: "a"}, 2))
			if (len(p.out) > 0) != want.submits || p.s.CanSubmit() != want.submits {
				t.Errorf("submit sent %q, can submit %v", p.out, p.s.CanSubmit())
			}
			p.reset()
			if state == upstream.Steady || state == upstream.Closed {
				p.start().wantLines()
			}
			_, next := p.pass(0)
			if next.IsZero() == want.ticks {
				t.Errorf("next tick at %v", next)
			}
			p.wantEvents()
		})
	}
}

func TestNothingAfterTheEnd(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).start().say(`{"id":1,"result":"Initialising"}`)
	p.wantReason(mining.SubscribeRefused)
	p.err = nil
	p.reset()
	p.say(slushSubscribed, "x", job("a", zeroPrev, "true")).authorize("a", 1).submit(share(&mining.Job{}, 2))
	if reason, next := p.pass(time.Hour); reason != "" || !next.IsZero() {
		t.Errorf("tick gave %q, %v", reason, next)
	}
	p.wantEvents()
	p.wantLines()
}

func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	p := newPool(t, masked()).start()
	reason, next := p.pass(0)
	if reason != "" || !next.Equal(epoch.Add(15*time.Second)) {
		t.Fatalf("tick gave %q, %v", reason, next)
	}
	p.now = p.now.Add(14 * time.Second)
	p.say(maskGranted, job("a", zeroPrev, "true")) // not what we wait for
	if reason, _ := p.pass(time.Second - 1); reason != "" {
		t.Errorf("closed early: %s", reason)
	}
	if reason, _ := p.pass(1); reason != mining.PoolHandshakeTimeout {
		t.Errorf("tick gave %q", reason)
	}
	if p.s.State() != upstream.Closed {
		t.Errorf("state is %v", p.s.State())
	}
}

func TestSilenceTimeout(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady()
	if reason, next := p.pass(0); reason != "" || !next.Equal(epoch.Add(90*time.Second)) {
		t.Fatalf("tick gave %q, %v", reason, next)
	}
	p.now = p.now.Add(70 * time.Second)
	p.say(`{"id":99,"result":true}`) // any line is a sign of life
	if reason, next := p.pass(20 * time.Second); reason != "" || !next.Equal(epoch.Add(160*time.Second)) {
		t.Errorf("tick gave %q, %v", reason, next)
	}
	if reason, _ := p.pass(70 * time.Second); reason != mining.PoolSilent {
		t.Errorf("tick gave %q", reason)
	}
}

func TestConfigureTimeoutCountsAsNoMask(t *testing.T) {
	t.Parallel()
	p := newPool(t, masked()).start().say(ckpoolSubscribed)
	if _, next := p.pass(time.Second); !next.Equal(epoch.Add(3 * time.Second)) {
		t.Errorf("next tick at %v", next)
	}
	p.wantEvents("subscribed 66d5a1b000000000/08")
	p.reset()
	p.pass(2 * time.Second)
	p.wantEvents("mask 00000000")
	if info := p.s.Info(); !info.MaskKnown || info.VersionMask != 0 {
		t.Errorf("info is %+v", info)
	}
	p.reset()
	if _, next := p.pass(40 * time.Second); !next.Equal(epoch.Add(90 * time.Second)) {
		t.Errorf("next tick at %v", next)
	}
	p.wantEvents() // an unanswered configure is nobody's verdict
	p.say(maskGranted)
	p.wantEvents("mask 1fffe000") // better late than never
}

func TestInfo(t *testing.T) {
	t.Parallel()
	p := newPool(t, masked())
	if info := p.s.Info(); info.State != upstream.Idle || info.Difficulty != 1 || info.Job != nil {
		t.Errorf("info is %+v", info)
	}
	p.authorize("a", 1).start()
	if info := p.s.Info(); info.State != upstream.Opening || info.Pending != 3 || info.MaskKnown {
		t.Errorf("info is %+v", info)
	}
	p.say(maskGranted, slushSubscribed, job("a", zeroPrev, "true"), `{"method":"mining.what"}`, "x", `{"id":99,"result":1}`, "")
	p.submit(share(p.s.LastJob(), 5))
	info := p.s.Info()
	want := upstream.Counts{Lines: 7, BadLines: 1, UnknownReplies: 1, Ignored: 1, Jobs: 1, Submits: 1}
	if info.Counts != want || info.State != upstream.Steady || info.Pending != 2 || info.Job != p.s.LastJob() ||
		info.Extranonce2Size != 4 || !info.MaskKnown || !info.Heard.Equal(epoch) {
		t.Errorf("info is %+v", info)
	}
	if p.s.Difficulty() != 1 || p.s.VersionMask() != 0x1fffe000 {
		t.Errorf("difficulty %v, mask %v", p.s.Difficulty(), p.s.VersionMask())
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	if got := upstream.EventKind(0).String() + upstream.EventKind(99).String() + upstream.State(99).String(); got != strings.Repeat("unknown", 3) {
		t.Errorf("got %q", got)
	}
	if upstream.Subscribed.String() != "subscribed" || upstream.BadLine.String() != "bad_line" || upstream.AnsweredTwice.String() != "answered_twice" {
		t.Error("the kinds' names are out of step")
	}
}
