package sv1

import (
	"bytes"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/loka/stratum/work"
)

// The messages of a steady state cost no memory.
func TestNoAllocations(t *testing.T) {
	var (
		m         Message
		subscribe Subscribe
		authorize Authorize
		submit    Submit
		notify    = Notify{Coinb1: make([]byte, 0, 500), Coinb2: make([]byte, 0, 500), Branches: make([]work.Hash, 0, MaxBranches)}
		diff      SetDifficulty
		en        SetExtranonce
		buf       = make([]byte, 0, 8192)
	)
	decoded := map[Method]int{}
	for _, line := range captures(t) {
		method := ParseMethod(scan(t, line).Method)
		var decode func() error
		var encode func() []byte
		id := []byte("1")
		switch method {
		case MethodSubscribe:
			decode, encode = func() error { return subscribe.Decode(m.Params) }, func() []byte { return subscribe.Append(buf, id) }
		case MethodAuthorize:
			decode, encode = func() error { return authorize.Decode(m.Params) }, func() []byte { return authorize.Append(buf, id) }
		case MethodSubmit:
			decode, encode = func() error { return submit.Decode(m.Params) }, func() []byte { return submit.Append(buf, id) }
		case MethodNotify:
			decode, encode = func() error { return notify.Decode(m.Params) }, func() []byte { return notify.Append(buf) }
		case MethodSetDifficulty:
			decode, encode = func() error { return diff.Decode(m.Params) }, func() []byte { return diff.Append(buf) }
		case MethodSetExtranonce:
			decode, encode = func() error { return en.Decode(m.Params) }, func() []byte { return en.Append(buf) }
		default:
			decode, encode = func() error { return nil }, func() []byte { return AppendTrue(buf, id) }
		}
		decoded[method]++
		n := testing.AllocsPerRun(20, func() {
			if m.Scan(line) != nil || ParseMethod(m.Method) != method || decode() != nil || len(encode()) == 0 {
				t.Fatalf("%s: failed", line)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
	for _, method := range []Method{MethodSubscribe, MethodAuthorize, MethodSubmit, MethodNotify, MethodSetDifficulty, MethodSetExtranonce} {
		if decoded[method] == 0 {
			t.Errorf("%v: no capture", method)
		}
	}
}

// A reply costs no memory to judge.
func TestNoAllocationsForReplies(t *testing.T) {
	var m Message
	for _, line := range []string{
		`{"id":4,"result":true,"error":null}`, `{"id":4,"result":null,"error":[21,"Job not found",null]}`,
		`{"id":4,"error":{"code":22,"message":"duplicate share","data":null}}`,
	} {
		raw := []byte(line)
		if n := testing.AllocsPerRun(20, func() {
			if m.Scan(raw) != nil || Accepted(&m) == (Refusal(&m).Code != 0) {
				t.Fatal(line)
			}
			_, _ = ParseID(m.ID)
		}); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

// hostile are params of about size bytes, by what is bad about them.
func hostile(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"text":            `["` + fill("a") + `"]`,
		"escapes":         `["` + fill(`\u0041`) + `"]`,
		"hex":             `["j","` + strings.Repeat("0", 64) + `","` + fill("0") + `"]`,
		"odd hex":         `["j","` + strings.Repeat("0", 64) + `","0` + fill("0") + `"]`,
		"branches":        `["j","` + strings.Repeat("0", 64) + `","","",[` + fill(`"`+strings.Repeat("0", 64)+`",`) + `"` + strings.Repeat("0", 64) + `"]]`,
		"digits":          `[` + fill("1") + `]`,
		"digits in text":  `["` + fill("1") + `"]`,
		"elements":        `[` + fill("1,") + `1]`,
		"extensions":      `[[` + fill(`"x",`) + `"y"]]`,
		"many extensions": `[["a","b","c","d","e","f","g","h",` + fill(`"info",`) + `"y"]]`,
		"options":         `[["info"],{` + fill(`"x":1,`) + `"y":1}]`,
		"escaped options": `[["info"],{` + fill(`"\u0078":1,`) + `"y":1}]`,
		"tuples":          `[[` + fill(`["a","\u0062"],`) + `[]],"",4]`,
		"errors":          `{` + fill(`"message":"\u0041",`) + `"code":1}`,
		"depth":           fill("["),
		"deep objects":    fill(`{"a":`),
		"spaces":          `[` + fill(" ") + `]`,
	}
}

// Scan takes nothing of a hostile megabyte, and all decoders together take no
// more than a few times their line's length.
func TestAllocationsAreBounded(t *testing.T) {
	var m Message
	for name, params := range hostile(1 << 20) {
		line := []byte(`{"id":1,"params":` + params + `}`)
		if used := allocated(func() { _ = m.Scan(line) }); used > 4096 {
			t.Errorf("%s: Scan took %d bytes", name, used)
		}
	}
	for name, params := range hostile(1 << 16) { // less: under -race every byte counts
		line := []byte(`{"id":1,"params":` + params + `}`)
		if used := allocated(func() {
			if m.Scan(line) == nil {
				decodeWithAll(m.Params)
			}
			decodeWithAll([]byte(params)) // unscanned, too
		}); used > 30*uint64(len(line)) {
			t.Errorf("%s: %d bytes for a line of %d", name, used, len(line))
		}
	}
}

// decodeWithAll runs every decoder over raw.
func decodeWithAll(raw []byte) {
	for _, m := range []message{
		&Subscribe{}, &Authorize{}, &Submit{}, &Configure{}, &ConfigureReply{}, &SubscribeReply{}, &SuggestDifficulty{}, &SuggestTarget{},
		&GetTransactions{}, &Notify{}, &SetDifficulty{}, &SetExtranonce{}, &SetVersionMask{}, &Reconnect{}, &ShowMessage{},
	} {
		_ = m.Decode(raw)
	}
	_, _ = DecodeError(raw)
	_, _ = Text(raw)
	_, _ = ParseID(raw)
	_ = ParseMethod(raw)
}

// allocated is how many bytes f allocates. The counter is the process's: a
// garbage collection that begins meanwhile starts workers, which are counted
// too, so none may begin; and what else the runtime does only ever adds, so
// the least of a few runs is f's own.
func allocated(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	least := uint64(math.MaxUint64)
	for range 3 {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// Cut anywhere, no line makes a decoder panic.
func TestTruncatedLines(t *testing.T) {
	for _, line := range captures(t) {
		m := scan(t, line)
		for _, raw := range [][]byte{m.Params, m.Result, m.Error} {
			for n := range raw {
				decodeWithAll(raw[:n])
				decodeWithAll(raw[n:])
			}
		}
		for n := range line {
			var cut Message
			if err := cut.Scan(line[:n]); err == nil {
				t.Fatalf("%q: taken", line[:n])
			}
		}
	}
}

// Fields alias the line up to their own end: appending to one copies.
func TestFieldsDoNotOverwrite(t *testing.T) {
	line := []byte(`{"id":1,"method":"mining.submit","params":["worker","job","00000001","504e86ed","b2957c02"]}`)
	before := bytes.Clone(line)
	m := scan(t, line)
	var s Submit
	if err := s.Decode(m.Params); err != nil {
		t.Fatal(err)
	}
	for _, field := range [][]byte{m.ID, m.Method, m.Params, s.Worker, s.JobID} {
		_ = append(field, "xxxxxxxx"...)
	}
	if !bytes.Equal(line, before) {
		t.Errorf("line is now %s", line)
	}
}
