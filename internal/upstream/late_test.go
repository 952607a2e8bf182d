package upstream_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

func appendReply(dst []byte, id int) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, int64(id), 10)
	return append(dst, `,"result":true,"error":null}`...)
}

func accepts(id int) string { return string(appendReply(nil, id)) }

func withJob(t *testing.T, cfg upstream.Config) *pool {
	t.Helper()
	p := newPool(t, cfg).steady().say(job("a", zeroPrev, "true"))
	p.reset()
	return p
}

func TestUnansweredThenLate(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{})
	p.submit(share(p.s.LastJob(), 1))
	p.now = p.now.Add(time.Second)
	p.submit(share(p.s.LastJob(), 2)).reset()
	if _, next := p.pass(0); !next.Equal(epoch.Add(30 * time.Second)) {
		t.Errorf("next tick at %v", next)
	}
	p.pass(29*time.Second - 1)
	p.wantEvents()
	if _, next := p.pass(1); !next.Equal(epoch.Add(31 * time.Second)) {
		t.Errorf("next tick at %v", next)
	}
	p.wantEvents("verdict 1 unanswered")
	if ev := p.events[0]; ev.RTT != 30*time.Second || ev.Text == "" {
		t.Errorf("event is %+v", ev)
	}
	if info := p.s.Info(); info.Pending != 1 || info.Late != 1 {
		t.Errorf("info is %+v", info)
	}
	p.reset()
	p.say(accepts(2), accepts(2), accepts(3))
	p.wantEvents("verdict 1 accepted late", "answered_twice 1 accepted after accepted", "verdict 2 accepted")
	if ev := p.events[0]; ev.RTT != 30*time.Second {
		t.Errorf("event is %+v", ev)
	}
	if info := p.s.Info(); info.Pending != 0 || info.Late != 0 {
		t.Errorf("info is %+v", info)
	}
}

// A pool that answers a share twice is told from one that answers nothing that
// was asked; what it said first is what counts.
func TestAnsweredTwice(t *testing.T) {
	t.Parallel()
	const refused = `{"id":2,"result":null,"error":[22,"Duplicate share",null]}`
	p := withJob(t, upstream.Config{})
	p.submit(share(p.s.LastJob(), 1)).reset()
	p.say(accepts(2))
	p.now = p.now.Add(3 * time.Second)
	p.say(refused, accepts(2), accepts(1), accepts(3))
	p.wantEvents("verdict 1 accepted", "answered_twice 1 duplicate after accepted", "answered_twice 1 accepted after accepted")
	if ev := p.events[1]; ev.RTT != 3*time.Second || ev.Code != 22 || ev.Text != "Duplicate share" || ev.Late {
		t.Errorf("event is %+v", ev)
	}
	if info := p.s.Info(); info.Pending != 0 || info.Counts.UnknownReplies != 4 || info.Counts.BadLines != 0 {
		t.Errorf("info is %+v", info)
	}
	p.reset()
	for i := range 20 { // until others have taken its place
		p.submit(share(p.s.LastJob(), 2)).say(accepts(3 + i))
	}
	p.reset()
	p.say(refused)
	p.wantEvents()
}

// A share that the pool never answered is not answered twice, nor is a login.
func TestNotAnsweredTwice(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{SilenceTimeout: time.Hour})
	p.submit(share(p.s.LastJob(), 1)).authorize("acct", 2).say(accepts(3), accepts(3))
	p.pass(30 * time.Second)
	p.say(accepts(2), accepts(2)) // its first, if late, and its second
	p.wantEvents("authorized 2 accepted", "verdict 1 unanswered", "verdict 1 accepted late", "answered_twice 1 accepted after accepted")
	p.reset()
	p.submit(share(p.s.LastJob(), 3))
	p.pass(30 * time.Second)
	p.pass(5 * time.Minute)
	p.say(accepts(4), accepts(4)) // forgotten
	p.wantEvents("verdict 3 unanswered")
}

func TestLateAuthorize(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{})
	p.authorize("acct", 1)
	p.pass(30 * time.Second)
	p.say(`{"id":2,"result":false}`)
	p.wantEvents("authorized 1 unanswered", "authorized 1 unauthorized late")
}

func TestLateIsForgottenAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{SilenceTimeout: time.Hour})
	p.submit(share(p.s.LastJob(), 1)).submit(share(p.s.LastJob(), 2))
	p.pass(30 * time.Second)
	p.pass(270*time.Second - 1)
	p.say(accepts(2))
	p.pass(1)
	p.say(accepts(3))
	p.wantEvents("verdict 1 unanswered", "verdict 2 unanswered", "verdict 1 accepted late")
	if info := p.s.Info(); info.Late != 0 || info.Counts.UnknownReplies != 1 {
		t.Errorf("info is %+v", info)
	}
}

func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{MaxPending: 3})
	for tag := range uint64(5) {
		p.submit(share(p.s.LastJob(), tag+1))
	}
	if n := len(p.lines()); n != 3 {
		t.Errorf("%d lines sent", n)
	}
	p.authorize("acct", 6)
	p.pass(0)
	p.wantEvents("verdict 4 unanswered local", "verdict 5 unanswered local", "authorized 6 unanswered local")
	p.reset()
	p.say(accepts(3)).submit(share(p.s.LastJob(), 7))
	if n := len(p.lines()); n != 1 {
		t.Errorf("%d lines sent", n)
	}
}

// A block is sent although the pool owes as many answers as it may; blocks
// without end are not.
func TestBlockIsSentAllTheSame(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{MaxPending: 3})
	for tag := range uint64(3) {
		p.submit(share(p.s.LastJob(), tag+1))
	}
	for tag := range uint64(5) {
		block := share(p.s.LastJob(), tag+4)
		block.Block = true
		p.submit(block)
	}
	if n := len(p.lines()); n != 6 {
		t.Errorf("%d lines sent, want 3 and as many blocks", n)
	}
	p.pass(0)
	p.wantEvents("verdict 7 unanswered local", "verdict 8 unanswered local")
}

func TestFloodOfUnsendableIsBounded(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{MaxPending: 4})
	for tag := range uint64(9) {
		p.submit(upstream.Submit{Tag: tag})
	}
	if p.s.CanSubmit() {
		t.Error("it takes more")
	}
	p.pass(0)
	if len(p.events) != 4 || !p.s.CanSubmit() {
		t.Errorf("%d verdicts", len(p.events))
	}
}

// TestWindowOfIDsIsBounded has one share that the pool never answers while it
// answers all others.
func TestWindowOfIDsIsBounded(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{MaxPending: 4}) // a window of 16 ids
	p.submit(share(p.s.LastJob(), 1))               // id 2
	for i := range 20 {
		p.submit(share(p.s.LastJob(), 2)).say(accepts(3 + i))
	}
	var unanswered, accepted int
	for _, ev := range p.events {
		switch {
		case ev.Tag == 1 && ev.Verdict == mining.Unanswered && !ev.Local:
			unanswered++
		case ev.Tag == 2 && ev.Verdict == mining.Accepted:
			accepted++
		default:
			t.Errorf("event %+v", ev)
		}
	}
	if unanswered != 1 || accepted != 20 {
		t.Errorf("%d unanswered, %d accepted", unanswered, accepted)
	}
	p.reset()
	p.say(accepts(2))
	p.wantEvents() // forgotten
}

func TestLateMemoryIsBounded(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{MaxPending: 4, SilenceTimeout: time.Hour}) // 8 late ones
	for range 5 {
		for range 4 {
			p.submit(share(p.s.LastJob(), 1))
		}
		p.pass(30 * time.Second)
	}
	if info := p.s.Info(); info.Late > 8 || info.Pending != 0 {
		t.Errorf("info is %+v", info)
	}
	p.reset()
	p.say(accepts(2), accepts(21))
	p.wantEvents("verdict 1 accepted late")
}

func TestAbandonAnswersEverySubmit(t *testing.T) {
	t.Parallel()
	p := withJob(t, upstream.Config{})
	p.submit(share(p.s.LastJob(), 1))
	p.pass(30 * time.Second)
	p.reset()
	p.submit(share(p.s.LastJob(), 2)).authorize("acct", 3).submit(upstream.Submit{Tag: 4}).submit(share(p.s.LastJob(), 5))
	p.events = p.s.Abandon(p.now, nil)
	p.wantEvents("verdict 4 invalid local", "verdict 2 unanswered", "verdict 5 unanswered")
	if again := p.s.Abandon(p.now, nil); len(again) != 0 {
		t.Errorf("again: %+v", again)
	}
}
