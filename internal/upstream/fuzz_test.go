package upstream_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

// FuzzLines feeds a session with any lines, one second apart, and checks what
// must hold whatever a pool says.
func FuzzLines(f *testing.F) {
	seed := func(lines ...string) { f.Add([]byte(strings.Join(lines, "\n"))) }
	for _, line := range messages() {
		seed(maskGranted, slushSubscribed, job("a", zeroPrev, "true"), line)
		seed(line, maskGranted, slushSubscribed, line)
	}
	seed(ckpoolSubscribed, accepts(3), accepts(4), accepts(5), accepts(5))
	seed(slushSubscribed, `{"id":4,"error":[21,"Job not found",null]}`, `{"id":"5","result":false,"error":{"code":1,"message":"dup"}}`)
	seed(`{"id":2,"result":"Initialising"}`)
	seed(`{"id":2,"result":[["mining.notify","ae"],"",8]}`, notifyWith(fields(4, branches(33))...), notifyWith(fields(1, `"1"`)...))
	seed(`{"id":[1]}`, `[]`, "\x00", `{"id":2,"id":2}`, `{"result":"\ud800"}`)
	f.Fuzz(func(t *testing.T, text []byte) {
		p := newPool(t, masked()).authorize("acct", 1).start()
		verdicts := map[uint64]int{}
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			p.now = p.now.Add(time.Second)
			if len(verdicts) < 100 && p.s.LastJob() != nil && p.s.CanSubmit() {
				tag := uint64(len(verdicts) + 10)
				verdicts[tag] = 0
				p.submit(share(p.s.LastJob(), tag))
			}
			before := p.s.State()
			p.events, p.out, p.err = p.s.Line(line, p.now, p.events, p.out)
			if before != upstream.Closed && (p.err != nil) != (p.s.State() == upstream.Closed) {
				t.Fatalf("%q: error %v in state %v", line, p.err, p.s.State())
			}
			if p.err != nil {
				_ = asClose(t, p.err)
			}
			p.events, _, _ = p.s.Tick(p.now, p.events)
		}
		p.events = p.s.Abandon(p.now, p.events)
		for _, ev := range p.events {
			checkEvent(t, ev)
			if ev.Kind == upstream.Verdict && !ev.Late {
				verdicts[ev.Tag]++
			}
		}
		for tag, n := range verdicts {
			if n != 1 {
				t.Errorf("tag %d got %d first verdicts", tag, n)
			}
		}
		for _, line := range p.lines() {
			if len(line) > 1022 || !json.Valid([]byte(line)) {
				t.Errorf("sent %q", line)
			}
		}
	})
}

// checkEvent checks what holds of every event.
func checkEvent(t *testing.T, ev upstream.Event) {
	t.Helper()
	for _, text := range []string{ev.Text, ev.Host} {
		if len(text) > upstream.MaxText || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("text %q", text)
		}
	}
	switch ev.Kind {
	case upstream.Subscribed, upstream.Extranonce:
		if ev.Extranonce2Size < 2 || ev.Extranonce2Size > 16 || ev.Extranonce1.Len() > work.MaxExtranonce {
			t.Errorf("extranonce %v/%d", ev.Extranonce1, ev.Extranonce2Size)
		}
	case upstream.Job:
		j := ev.Job
		if len(j.CoinbasePrefix) > 8<<10 || len(j.CoinbaseSuffix) > 8<<10 || len(j.Branches) > 32 || len(j.Ref) > 128 ||
			j.Extranonce2Size == 0 || !(j.Difficulty > 0) || j.VersionMask&^work.MaskBIP320 != 0 {
			t.Errorf("job %+v", j)
		}
	case upstream.Difficulty:
		if ev.Difficulty.Target() == (work.Target{}) {
			t.Errorf("difficulty %v", ev.Difficulty)
		}
	case upstream.Mask:
		if ev.VersionMask&^work.MaskBIP320 != 0 {
			t.Errorf("mask %v", ev.VersionMask)
		}
	case upstream.Authorized, upstream.Verdict, upstream.AnsweredTwice:
		if ev.Verdict == mining.Pending || ev.RTT < 0 {
			t.Errorf("verdict %+v", ev)
		}
	case upstream.Message, upstream.Reconnect, upstream.BadLine:
	default:
		t.Errorf("event %+v", ev)
	}
}
