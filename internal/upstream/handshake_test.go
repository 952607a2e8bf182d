package upstream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

func asClose(tb testing.TB, err error) *upstream.CloseError {
	tb.Helper()
	var end *upstream.CloseError
	if !errors.As(err, &end) {
		tb.Fatalf("error is %v, want a CloseError", err)
	}
	if end.Err == nil || !errors.Is(end, end.Err) || !strings.HasPrefix(end.Error(), string(end.Why)) {
		tb.Errorf("close error says too little: %v", end)
	}
	return end
}

func TestStartPipelines(t *testing.T) {
	t.Parallel()
	newPool(t, upstream.Config{}).start().wantLines(
		`{"id":1,"method":"mining.subscribe","params":["loka/1"]}`)
	p := newPool(t, masked()).start()
	p.wantLines(
		`{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}`,
		`{"id":2,"method":"mining.subscribe","params":["loka/1"]}`)
	p.reset()
	p.start().wantLines() // a second time says nothing
}

func TestStartBoundsUserAgent(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{UserAgent: strings.Repeat("a", 3000)}).start()
	if n := len(p.lines()[0]); n > 200 {
		t.Errorf("subscribe of %d bytes", n)
	}
}

// TestHandshakeOrders feeds what pools send around the subscribe reply in
// every order seen: all must come to the same.
func TestHandshakeOrders(t *testing.T) {
	t.Parallel()
	const (
		difficulty = `{"id":null,"method":"mining.set_difficulty","params":[16]}`
		pushed     = `{"id":null,"method":"mining.set_version_mask","params":["1fffe000"]}`
	)
	for name, tc := range map[string]struct {
		lines  []string
		events []string
	}{
		"ckpool": {
			[]string{maskGranted, ckpoolSubscribed, difficulty, job("a", zeroPrev, "true")},
			[]string{"mask 1fffe000", "subscribed 66d5a1b000000000/08", "difficulty 16", "job a clean"},
		},
		"Braiins pushes the mask before the configure reply": {
			[]string{pushed, maskGranted, ckpoolSubscribed, difficulty, job("a", zeroPrev, "true")},
			[]string{"mask 1fffe000", "subscribed 66d5a1b000000000/08", "difficulty 16", "job a clean"},
		},
		"DATUM pushes the mask after the reply": {
			[]string{maskGranted, pushed, ckpoolSubscribed, difficulty, job("a", zeroPrev, "true")},
			[]string{"mask 1fffe000", "subscribed 66d5a1b000000000/08", "difficulty 16", "job a clean"},
		},
		"work before all replies": {
			[]string{difficulty, job("a", zeroPrev, "true"), ckpoolSubscribed, maskGranted},
			[]string{"difficulty 16", "subscribed 66d5a1b000000000/08", "job a clean", "mask 1fffe000"},
		},
		"job between the replies, the newest is kept and still cleans": {
			[]string{maskGranted, job("a", zeroPrev, "true"), job("b", zeroPrev, "false"), difficulty, ckpoolSubscribed},
			[]string{"mask 1fffe000", "difficulty 16", "subscribed 66d5a1b000000000/08", "job b clean"},
		},
		"replies in the other order": {
			[]string{ckpoolSubscribed, maskGranted, difficulty, job("a", zeroPrev, "false")},
			[]string{"subscribed 66d5a1b000000000/08", "mask 1fffe000", "difficulty 16", "job a"},
		},
		"SRI's mining.set_version": {
			[]string{maskGranted, ckpoolSubscribed, `{"method":"mining.set_version","params":["00ffe000"]}`, difficulty, job("a", zeroPrev, "false")},
			[]string{"mask 1fffe000", "subscribed 66d5a1b000000000/08", "mask 00ffe000", "difficulty 16", "job a"},
		},
		"configure refused": {
			[]string{`{"id":1,"result":null,"error":[20,"Unknown method",null]}`, ckpoolSubscribed, job("a", zeroPrev, "false")},
			[]string{"mask 00000000", "subscribed 66d5a1b000000000/08", "job a"},
		},
		"configure refused by text": {
			[]string{`{"id":1,"result":{"version-rolling":"not here"},"error":null}`, ckpoolSubscribed},
			[]string{"mask 00000000", "subscribed 66d5a1b000000000/08"},
		},
		"configure granted without a mask": {
			[]string{`{"id":1,"result":{"version-rolling":true},"error":null}`, ckpoolSubscribed},
			[]string{"mask 00000000", "subscribed 66d5a1b000000000/08"},
		},
		"configure reply of nonsense": {
			[]string{`{"id":1,"result":"yes","error":null}`, ckpoolSubscribed},
			[]string{"mask 00000000", "subscribed 66d5a1b000000000/08"},
		},
		"more granted than asked": {
			[]string{`{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"ffffffff"}}`, ckpoolSubscribed},
			[]string{"mask 1fffe000", "subscribed 66d5a1b000000000/08"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, masked()).start().say(tc.lines...)
			p.wantEvents(tc.events...)
			p.wantReason("")
		})
	}
}

func TestHeldJobGetsWhatHoldsAtSubscribe(t *testing.T) {
	t.Parallel()
	p := newPool(t, masked()).start().say(
		job("a", zeroPrev, "true"), `{"id":null,"method":"mining.set_difficulty","params":[16]}`, maskGranted, slushSubscribed)
	got := p.s.LastJob()
	if got == nil || got.Extranonce1.String() != "08000002" || got.Extranonce2Size != 4 ||
		got.Difficulty != 16 || got.VersionMask != work.MaskBIP320 || got.Pool != "main" || !got.Received.Equal(epoch) {
		t.Errorf("job is %+v", got)
	}
}

func TestUnaskedMaskIsIgnored(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(`{"method":"mining.set_version_mask","params":["1fffe000"]}`)
	p.wantEvents()
	if p.s.VersionMask() != 0 {
		t.Errorf("mask is %v", p.s.VersionMask())
	}
}

func TestSubscribeReplies(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		result string // members but id
		event  string
		reason mining.Reason
	}{
		"flat tuple (p2pool)":  {`"error":null,"result":[["mining.notify","ae68"],"",8]`, "subscribed /08", ""},
		"no tuples (braiins)":  {`"result":[[],"6c6f010000000c",4],"error":null`, "subscribed 6c6f010000000c/04", ""},
		"size as string":       {`"result":[[],"08000002","8"],"error":null`, "subscribed 08000002/08", ""},
		"error absent":         {`"result":[[],"08000002",4]`, "subscribed 08000002/04", ""},
		"error empty array":    {`"result":[[],"08000002",4],"error":[]`, "subscribed 08000002/04", ""},
		"error empty object":   {`"result":[[],"08000002",4],"error":{}`, "subscribed 08000002/04", ""},
		"smallest size":        {`"result":[[],"08000002",2]`, "subscribed 08000002/02", ""},
		"largest of both":      {`"result":[[],"` + strings.Repeat("ab", 32) + `",16]`, "subscribed " + strings.Repeat("ab", 32) + "/16", ""},
		"size 0":               {`"result":[[],"08000002",0]`, "", mining.BadExtranonce},
		"size 1":               {`"result":[[],"08000002",1]`, "", mining.BadExtranonce},
		"size 17":              {`"result":[[],"08000002",17]`, "", mining.BadExtranonce},
		"size 1000":            {`"result":[[],"08000002",1000]`, "", mining.BadExtranonce},
		"size negative":        {`"result":[[],"08000002",-4]`, "", mining.BadExtranonce},
		"extranonce1 odd":      {`"result":[[],"0800000",4]`, "", mining.BadExtranonce},
		"extranonce1 no hex":   {`"result":[[],"zz",4]`, "", mining.BadExtranonce},
		"extranonce1 33 bytes": {`"result":[[],"` + strings.Repeat("ab", 33) + `",4]`, "", mining.BadExtranonce},
		"string (ckpool)":      {`"result":"Initialising","error":null`, "", mining.SubscribeRefused},
		"object":               {`"result":{"a":1},"error":null`, "", mining.SubscribeRefused},
		"null and no error":    {`"result":null,"error":null`, "", mining.SubscribeRefused},
		"false":                {`"result":false,"error":null`, "", mining.SubscribeRefused},
		"true":                 {`"result":true,"error":null`, "", mining.SubscribeRefused},
		"empty array":          {`"result":[],"error":null`, "", mining.SubscribeRefused},
		"error":                {`"result":null,"error":[20,"go away",null]`, "", mining.SubscribeRefused},
		"error object":         {`"error":{"code":-2,"message":"no"}`, "", mining.SubscribeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, upstream.Config{}).start().say(`{"id":1,` + tc.result + `}`)
			p.wantReason(tc.reason)
			if tc.event == "" {
				p.wantEvents()
			} else {
				p.wantEvents(tc.event)
			}
		})
	}
}

func TestSubscribeRefusalSaysThePoolsWords(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).start().say("{\"id\":1,\"result\":\"Initialising\\u0007\",\"error\":null}")
	if end := asClose(t, p.err); !strings.Contains(end.Error(), "Initialising.") {
		t.Errorf("error is %q", end)
	}
	p = newPool(t, upstream.Config{}).start().say(`{"id":1,"error":[20,"go away",null]}`)
	if end := asClose(t, p.err); !strings.Contains(end.Error(), "20 go away") {
		t.Errorf("error is %q", end)
	}
}

func TestSuggestsAfterSubscribe(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{SuggestDifficulty: 1024}).start().authorize("acct", 7)
	p.reset()
	p.say(strings.Replace(slushSubscribed, `"id":2`, `"id":1`, 1))
	p.wantLines(
		`{"id":2,"method":"mining.suggest_difficulty","params":[1024]}`,
		`{"id":3,"method":"mining.authorize","params":["acct","x"]}`)
	p.reset()
	// public-pool answers with a notification that has the request's id;
	// others refuse; neither matters.
	p.say(`{"id":2,"method":"mining.set_difficulty","params":[1024]}`, `{"id":2,"result":null,"error":[-3,"Method not found",null]}`)
	p.wantEvents("difficulty 1024")
	p.wantLines()
	p.wantReason("")
}

func TestLoginsWaitForSubscribe(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).authorize("a", 1).start().authorize("b", 2)
	p.wantLines(`{"id":1,"method":"mining.subscribe","params":["loka/1"]}`)
	p.reset()
	p.say(strings.Replace(slushSubscribed, `"id":2`, `"id":1`, 1)).authorize("c", 3)
	p.wantLines(
		`{"id":2,"method":"mining.authorize","params":["a","x"]}`,
		`{"id":3,"method":"mining.authorize","params":["b","x"]}`,
		`{"id":4,"method":"mining.authorize","params":["c","x"]}`)
	p.say(`{"id":3,"result":true,"error":null}`, `{"id":4,"result":null,"error":null}`, `{"id":2,"result":false,"error":null}`)
	p.wantEvents("subscribed 08000002/04", "authorized 2 accepted", "authorized 3 accepted", "authorized 1 unauthorized")
}

func TestAuthorizeReplies(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]mining.Verdict{
		`"result":true,"error":null`:                            mining.Accepted,
		`"result":true`:                                         mining.Accepted,
		`"error":null,"result":"OK"`:                            mining.Accepted,
		`"result":true,"error":[]`:                              mining.Accepted,
		`"result":true,"error":{}`:                              mining.Accepted,
		`"result":null,"error":null`:                            mining.Accepted, // p2pool
		`"result":false,"error":null`:                           mining.Unauthorized,
		`"result":null,"error":[24,"Unauthorized worker",null]`: mining.Unauthorized,
		`"result":false,"error":"bad user"`:                     mining.Unauthorized,
		`"error":{"code":29,"message":"invalid username"}`:      mining.Unauthorized,
		`"reject-reason":"no","result":null,"error":null`:       mining.Unauthorized,
		`"result":true,"error":[28,"ip banned",null]`:           mining.Unauthorized,
	} {
		p := newPool(t, upstream.Config{}).steady().authorize("acct", 5)
		p.now = p.now.Add(time.Second)
		p.say(`{"id":2,` + reply + `}`)
		if len(p.events) != 1 || p.events[0].Kind != upstream.Authorized || p.events[0].Tag != 5 ||
			p.events[0].Verdict != want || p.events[0].RTT != time.Second {
			t.Errorf("%s: %+v, want %v", reply, p.events, want)
		}
	}
}

func TestAuthorizeRefusalCarriesThePoolsWords(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().authorize("acct", 5).
		say(`{"id":2,"result":null,"error":[24,"Unauthorized worker",null]}`)
	if ev := p.events[0]; ev.Code != 24 || ev.Text != "Unauthorized worker" {
		t.Errorf("event is %+v", ev)
	}
}

func TestLoginTooLong(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 1000)
	p := newPool(t, upstream.Config{}).authorize(long, 1).start()
	p.reset()
	p.say(strings.Replace(slushSubscribed, `"id":2`, `"id":1`, 1))
	p.wantEvents("subscribed 08000002/04", "authorized 1 invalid local")
	p.wantLines()
	p.reset()
	p.authorize(long, 2)
	if _, next := p.pass(0); !next.After(p.now) {
		t.Errorf("next tick at %v", next)
	}
	p.wantEvents("authorized 2 invalid local")
	p.reset()
	p.authorize("short", 3).wantLines(`{"id":2,"method":"mining.authorize","params":["short","x"]}`)
}

func TestQueuedLoginsAreBounded(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).start()
	for i := range 1025 {
		p.authorize(fmt.Sprint("w", i), uint64(i))
	}
	p.pass(0)
	p.wantEvents("authorized 4 invalid local") // the 1025th
}
