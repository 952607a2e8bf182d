package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

func TestSubmitForms(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mask work.VersionMask // granted when the job came
		now  work.VersionMask // pushed after the job, if not 0
		bits work.VersionMask
		has  bool
		tail string
	}{
		"no mask, no bits":      {0, 0, 0, false, ""},
		"no mask, zero bits":    {0, 0, 0, true, ""},
		"no mask, bits":         {0, 0, 0x6a0000, true, ""}, // the pool would refuse six
		"mask, no bits":         {work.MaskBIP320, 0, 0, false, ""},
		"mask, zero bits":       {work.MaskBIP320, 0, 0, true, `,"00000000"`},
		"mask, bits":            {work.MaskBIP320, 0, 0x6a0000, true, `,"006a0000"`},
		"bits outside the mask": {work.MaskBIP320, 0, 0xffffffff, true, `,"1fffe000"`},
		"mask narrowed after":   {work.MaskBIP320, 0x00c00000, 0x01c00000, true, `,"01c00000"`},
		"mask widened after":    {0x00c00000, work.MaskBIP320, 0x01c00000, true, `,"01c00000"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, masked()).start().say(
				`{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"`+tc.mask.String()+`"}}`,
				slushSubscribed, job("bf", zeroPrev, "true"))
			if tc.now != 0 {
				p.say(`{"method":"mining.set_version_mask","params":["` + tc.now.String() + `"]}`)
			}
			p.reset()
			sub := share(p.s.LastJob(), 1)
			sub.VersionBits, sub.HasVersionBits = tc.bits, tc.has
			p.submit(sub).wantLines(
				`{"id":3,"method":"mining.submit","params":["acct.rig1","bf","00000000","504e86ed","b2957c02"` + tc.tail + `]}`)
		})
	}
}

// TestSubmitOfAVersion has what is sent for a version as a whole, by what the
// pool makes of it. The job's version is 20800000, as in a capture of an S17e.
func TestSubmitOfAVersion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mask    work.VersionMask // granted when the job came
		now     work.VersionMask // pushed after the job, if not 0
		reading work.VersionReading
		version work.Version
		tail    string
	}{
		"replace":                      {work.MaskBIP320, 0, work.ReadReplace, 0x20c00000, `,"00c00000"`},
		"or":                           {work.MaskBIP320, 0, work.ReadOr, 0x20c00000, `,"00400000"`},
		"xor":                          {work.MaskBIP320, 0, work.ReadXor, 0x20c00000, `,"00400000"`},
		"replace, nothing rolled":      {work.MaskBIP320, 0, work.ReadReplace, 0x20800000, `,"00800000"`},
		"xor, nothing rolled":          {work.MaskBIP320, 0, work.ReadXor, 0x20800000, `,"00000000"`},
		"xor, rolled away":             {work.MaskBIP320, 0, work.ReadXor, 0x20000000, `,"00800000"`},
		"or, cannot":                   {work.MaskBIP320, 0, work.ReadOr, 0x20400000, `,"00400000"`},
		"replace, narrowed after":      {work.MaskBIP320, 0x00c00000, work.ReadReplace, 0x21c00000, `,"01c00000"`},
		"xor, widened after":           {0x00c00000, work.MaskBIP320, work.ReadXor, 0x21c00000, `,"01400000"`},
		"replace, outside of the mask": {0x00c00000, 0, work.ReadReplace, 0x21c00000, `,"00c00000"`},
		"no mask":                      {0, 0, work.ReadReplace, 0x20800000, ""},
		"no mask, rolled":              {0, 0, work.ReadXor, 0x20c00000, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, masked()).start().say(
				`{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"`+tc.mask.String()+`"}}`,
				slushSubscribed, strings.Replace(job("bf", zeroPrev, "true"), "20000000", "20800000", 1))
			if tc.now != 0 {
				p.say(`{"method":"mining.set_version_mask","params":["` + tc.now.String() + `"]}`)
			}
			p.reset()
			sub := share(p.s.LastJob(), 1)
			sub.Version, sub.HasVersion, sub.Reading = tc.version, true, tc.reading
			sub.VersionBits, sub.HasVersionBits = 0x1fffe000, true // not looked at
			p.submit(sub).wantLines(
				`{"id":3,"method":"mining.submit","params":["acct.rig1","bf","00000000","504e86ed","b2957c02"` + tc.tail + `]}`)
		})
	}
}

func TestSubmitIsCanonical(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(job(`q\"1`, zeroPrev, "true"))
	p.wantEvents(`job q"1 clean`)
	p.reset()
	sub := share(p.s.LastJob(), 1)
	sub.Extranonce2, _ = work.MakeExtranonce([]byte{0, 0xab, 0, 1})
	sub.NTime, sub.Nonce, sub.Worker = 1, 0xA, "a\"b"
	p.submit(sub).wantLines(
		`{"id":2,"method":"mining.submit","params":["a\"b","q\"1","00ab0001","00000001","0000000a"]}`)
}

// TestRefusedHere has the submits that are never sent.
func TestRefusedHere(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*upstream.Submit){
		"no job":            func(s *upstream.Submit) { s.Job = nil },
		"extranonce2 short": func(s *upstream.Submit) { s.Extranonce2, _ = work.MakeExtranonce([]byte{1}) },
		"extranonce2 long":  func(s *upstream.Submit) { s.Extranonce2, _ = work.MakeExtranonce(make([]byte, 5)) },
		"line too long":     func(s *upstream.Submit) { s.Worker = strings.Repeat("w", 950) },
		"escapes too long":  func(s *upstream.Submit) { s.Worker = strings.Repeat("\x01", 200) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, upstream.Config{}).steady().say(job("a", zeroPrev, "true"))
			p.reset()
			sub := share(p.s.LastJob(), 1)
			spoil(&sub)
			p.submit(sub).wantLines()
			if at := p.s.Deadline(); at.After(p.now) || at.IsZero() {
				t.Errorf("deadline is %v", at)
			}
			p.pass(0)
			p.wantEvents("verdict 1 invalid local")
			if p.s.Info().Pending != 0 {
				t.Error("it is pending")
			}
			p.reset()
			p.submit(share(p.s.LastJob(), 2)).wantLines( // and takes no id
				`{"id":2,"method":"mining.submit","params":["acct.rig1","a","00000000","504e86ed","b2957c02"]}`)
		})
	}
}

func TestLongestLine(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(job("a", zeroPrev, "true"))
	p.reset()
	sub := share(p.s.LastJob(), 1)
	p.submit(sub)
	room := 1023 - len(p.out)
	p.reset()
	sub.Worker += strings.Repeat("w", room)
	if p.submit(sub); len(p.out) != 1023 {
		t.Errorf("sent %d bytes, want 1023", len(p.out))
	}
	p.reset()
	sub.Worker += "w"
	if p.submit(sub); len(p.out) != 0 {
		t.Errorf("sent %d bytes, want none", len(p.out))
	}
}

func TestLocalVerdictsComeWithTheNextLineToo(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().submit(upstream.Submit{Tag: 4}).say("")
	p.wantEvents("verdict 4 invalid local")
}

// TestVerdicts is the table of what pools answer to a share.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]mining.Verdict{
		`"result":true,"error":null`:    mining.Accepted,
		`"result":true`:                 mining.Accepted,
		`"result":"OK","error":null`:    mining.Accepted,
		`"result":{"status":"OK"}`:      mining.Accepted,
		`"result":true,"error":[]`:      mining.Accepted,
		`"result":true,"error":""`:      mining.Accepted,
		`"result":true,"error":false`:   mining.Accepted,
		`"jsonrpc":"2.0","result":true`: mining.Accepted,
		`"result":null,"error":null`:    mining.Invalid,
		`"result":false,"error":null`:   mining.Invalid,
		`"error":{"code":22,"message":"duplicate share","data":null},"jsonrpc":"2.0"`: mining.Duplicate, // miningcore
		`"result":null,"error":[21,"Job not found",null]`:                             mining.Stale,
		`"result":false,"error":[21,"Job not found (=stale)",null]`:                   mining.Stale,
		`"result":null,"error":[22,"Duplicate share",null]`:                           mining.Duplicate,
		`"result":null,"error":[23,"Low difficulty share",null]`:                      mining.LowDifficulty,
		`"result":null,"error":[24,"Unauthorized worker",null]`:                       mining.Unauthorized,
		`"result":null,"error":[25,"Not subscribed",null]`:                            mining.Invalid,
		`"result":null,"error":[20,"Other/Unknown",null]`:                             mining.Invalid,
		`"result":null,"error":[20,"unknown-work",null]`:                              mining.Stale, // DATUM, eloipool
		`"result":null,"error":[20,"stale-prevblk",null]`:                             mining.Stale,
		`"result":null,"error":[36,"Job not found",null]`:                             mining.Stale, // btcpool
		`"result":null,"error":[31,"Time too old",null]`:                              mining.Invalid,
		`"result":null,"error":[-1,"H-not-zero",null]`:                                mining.LowDifficulty,
		`"result":null,"error":[0,"high-hash",null]`:                                  mining.LowDifficulty,
		`"result":null,"error":[100,"Difficulty too low",null]`:                       mining.LowDifficulty,
		`"result":null,"error":["23","x",null]`:                                       mining.LowDifficulty,
		`"result":false,"error":"Stale"`:                                              mining.Stale,
		`"result":false,"error":"Invalid JobID"`:                                      mining.Stale,
		`"result":false,"error":"DUPLICATE"`:                                          mining.Duplicate,
		`"result":null,"error":"worker not authorized"`:                               mining.Unauthorized,
		`"result":null,"error":"?"`:                                                   mining.Invalid,
		`"reject-reason":"Above target","result":false,"error":null`:                  mining.LowDifficulty, // ckpool
		`"reject-reason":"Stale","result":null,"error":null`:                          mining.Stale,
		`"result":true,"error":[21,"stale",null]`:                                     mining.Stale,
	} {
		p := newPool(t, upstream.Config{}).steady().say(job("a", zeroPrev, "true"))
		p.submit(share(p.s.LastJob(), 9)).reset()
		p.now = p.now.Add(20 * time.Millisecond)
		p.say(`{"id":2,` + reply + `}`)
		if len(p.events) != 1 || p.events[0].Kind != upstream.Verdict || p.events[0].Tag != 9 || p.events[0].Verdict != want ||
			p.events[0].RTT != 20*time.Millisecond || p.events[0].Late {
			t.Errorf("%s: %+v, want %v", reply, p.events, want)
		}
		if refused := want != mining.Accepted; refused != (p.events[0].Text != "" || p.events[0].Code != 0) && !strings.Contains(reply, `"result":false,"error":null`) {
			t.Errorf("%s: code %d, text %q", reply, p.events[0].Code, p.events[0].Text)
		}
	}
}

func TestVerdictsInAnyOrder(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{}).steady().say(job("a", zeroPrev, "true"))
	for tag := range uint64(4) {
		p.submit(share(p.s.LastJob(), tag+1))
	}
	p.reset()
	p.say(`{"id":4,"result":true}`, `{"id":2,"result":true}`, `{"id":2,"result":true}`, `{"id":5,"error":[22,"dup",null]}`, `{"id":3,"result":true}`)
	p.wantEvents("verdict 3 accepted", "verdict 1 accepted", "answered_twice 1 accepted after accepted",
		"verdict 4 duplicate", "verdict 2 accepted")
	if info := p.s.Info(); info.Pending != 0 || info.Counts.UnknownReplies != 1 {
		t.Errorf("info is %+v", info)
	}
}

func TestSubmitAllocatesNothing(t *testing.T) {
	p := newPool(t, masked()).steady().say(job("a", zeroPrev, "true"))
	sub := share(p.s.LastJob(), 1)
	sub.Version, sub.HasVersion, sub.Reading = 0x20c00000, true, work.ReadXor
	var reply []byte
	id := 3
	exchange := func() {
		sub.Tag++
		p.out = p.s.Submit(sub, p.now, p.out[:0])
		reply = appendReply(reply[:0], id)
		id++
		p.events, p.out, p.err = p.s.Line(reply, p.now, p.events[:0], p.out[:0])
		if p.err != nil || len(p.events) != 1 || p.events[0].Tag != sub.Tag || p.events[0].Verdict != mining.Accepted {
			t.Fatalf("got %v, %+v", p.err, p.events)
		}
	}
	for range 100 {
		exchange()
	}
	if n := testing.AllocsPerRun(2000, exchange); n != 0 {
		t.Errorf("%v allocations a share", n)
	}
}

func BenchmarkSubmitAndVerdict(b *testing.B) {
	p := newPool(b, masked()).steady().say(job("a", zeroPrev, "true"))
	sub := share(p.s.LastJob(), 1)
	sub.HasVersionBits = true
	var reply []byte
	id := 3
	b.ReportAllocs()
	for b.Loop() {
		p.out = p.s.Submit(sub, p.now, p.out[:0])
		reply = appendReply(reply[:0], id)
		id++
		p.events, p.out, p.err = p.s.Line(reply, p.now, p.events[:0], p.out[:0])
	}
	if p.err != nil || len(p.events) != 1 {
		b.Fatalf("got %v, %+v", p.err, p.events)
	}
}
