package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// epoch is when the tests begin.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Lines of real pools, as captured or as their source sends them.
const (
	ckpoolSubscribed = `{"result":[[["mining.notify","66d5a1b0"]],"66d5a1b000000000",8],"id":2,"error":null}`
	slushSubscribed  = `{"id":2,"result":[[["mining.set_difficulty","b4b6693b72a50c7116db18d6497cac52"],["mining.notify","ae6812eb4cd7735a302a8a9dd95cf71f"]],"08000002",4],"error":null}`
	maskGranted      = `{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`
	zeroPrev         = "0000000000000000000000000000000000000000000000000000000000000001"
	otherPrev        = "0000000000000000000000000000000000000000000000000000000000000002"
)

// job is a mining.notify with a job id, a previous block and a clean flag as
// raw JSON ("" leaves it away).
func job(id, prev, clean string) string {
	if clean != "" {
		clean = "," + clean
	}
	return `{"id":null,"method":"mining.notify","params":["` + id + `","` + prev +
		`","01000000","ffffffff",[],"20000000","1d00ffff","504e86ed"` + clean + `]}`
}

// pool is a session under test and all that came of it.
type pool struct {
	t      testing.TB
	s      *upstream.V1
	now    time.Time
	events []upstream.Event
	out    []byte
	err    error
}

func newPool(tb testing.TB, cfg upstream.Config) *pool {
	tb.Helper()
	if cfg.Pool == "" {
		cfg.Pool = "main"
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "loka/1"
	}
	return &pool{t: tb, s: upstream.NewV1(cfg), now: epoch}
}

func masked() upstream.Config { return upstream.Config{VersionMask: work.MaskBIP320} }

func (p *pool) start() *pool {
	p.t.Helper()
	p.out = p.s.Start(p.now, p.out)
	return p
}

// steady brings the session to Steady with extranonce2 of 4 bytes and a
// granted mask if one is asked for, and forgets what came of it.
func (p *pool) steady() *pool {
	p.t.Helper()
	p.start()
	subscribed := slushSubscribed
	if strings.Contains(string(p.out), "mining.configure") {
		p.say(maskGranted)
	} else {
		subscribed = strings.Replace(subscribed, `"id":2`, `"id":1`, 1)
	}
	p.say(subscribed)
	if p.err != nil || p.s.State() != upstream.Steady {
		p.t.Fatalf("not steady: %v %v", p.s.State(), p.err)
	}
	p.reset()
	return p
}

func (p *pool) reset() { p.events, p.out = nil, nil }

// say lets the pool say lines.
func (p *pool) say(lines ...string) *pool {
	p.t.Helper()
	for _, line := range lines {
		if p.err == nil {
			p.events, p.out, p.err = p.s.Line([]byte(line), p.now, p.events, p.out)
		}
	}
	return p
}

// pass lets time pass and ticks once.
func (p *pool) pass(d time.Duration) (mining.Reason, time.Time) {
	p.t.Helper()
	p.now = p.now.Add(d)
	var reason mining.Reason
	var next time.Time
	p.events, reason, next = p.s.Tick(p.now, p.events)
	return reason, next
}

func (p *pool) authorize(name string, tag uint64) *pool {
	p.out = p.s.Authorize(name, "x", tag, p.now, p.out)
	return p
}

func (p *pool) submit(sub upstream.Submit) *pool {
	p.out = p.s.Submit(sub, p.now, p.out)
	return p
}

// share is a share of a job with our layout's sizes.
func share(j *mining.Job, tag uint64) upstream.Submit {
	if j == nil {
		j = &mining.Job{} // no job came; the test says so
	}
	en2, _ := work.MakeExtranonce(make([]byte, j.Extranonce2Size))
	return upstream.Submit{
		Job: j, Worker: "acct.rig1", Extranonce2: en2, NTime: 0x504e86ed, Nonce: 0xb2957c02, Tag: tag,
	}
}

// lines are what the session sent, one string a line.
func (p *pool) lines() []string {
	p.t.Helper()
	if len(p.out) == 0 {
		return nil
	}
	text, ended := strings.CutSuffix(string(p.out), "\n")
	if !ended {
		p.t.Fatalf("what was sent does not end a line: %q", p.out)
	}
	return strings.Split(text, "\n")
}

func (p *pool) wantLines(want ...string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.lines()); diff != "" {
		p.t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// said is an event in short, for tables.
func said(ev upstream.Event) string {
	text := ev.Kind.String()
	switch ev.Kind {
	case upstream.Job:
		text += " " + ev.Job.Ref
		if ev.Job.Clean {
			text += " clean"
		}
	case upstream.Subscribed, upstream.Extranonce:
		text += " " + ev.Extranonce1.String() + "/" + string(rune('0'+ev.Extranonce2Size/10)) + string(rune('0'+ev.Extranonce2Size%10))
	case upstream.Difficulty:
		text += " " + string(ev.Difficulty.AppendJSON(nil))
	case upstream.Mask:
		text += " " + ev.VersionMask.String()
	case upstream.Authorized, upstream.Verdict:
		text += " " + string(rune('0'+ev.Tag%10)) + " " + ev.Verdict.String()
	case upstream.AnsweredTwice:
		text += " " + string(rune('0'+ev.Tag%10)) + " " + ev.Verdict.String() + " after " + ev.First.String()
	case upstream.Message:
		text += " " + ev.Text
	case upstream.Reconnect:
		text += " " + ev.Host
	case upstream.BadLine:
	}
	if ev.Late {
		text += " late"
	}
	if ev.Local {
		text += " local"
	}
	return text
}

func (p *pool) wantEvents(want ...string) {
	p.t.Helper()
	got := make([]string, len(p.events))
	for i, ev := range p.events {
		got[i] = said(ev)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		p.t.Errorf("events (-want +got):\n%s", diff)
	}
}

func (p *pool) wantReason(want mining.Reason) {
	p.t.Helper()
	if want == "" {
		if p.err != nil {
			p.t.Errorf("closed: %v", p.err)
		}
		return
	}
	end := asClose(p.t, p.err)
	if end.Reason() != want {
		p.t.Errorf("closed with %v, want %s", p.err, want)
	}
	if p.s.State() != upstream.Closed {
		p.t.Errorf("state is %v after %v", p.s.State(), p.err)
	}
}
