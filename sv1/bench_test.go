package sv1

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/testkit/turns"
	"github.com/loka/stratum/work"
)

// spoken is a line that a proxy says, and the same as encoding/json is given it.
type spoken struct {
	name   string
	append func(dst []byte) []byte
	value  any
}

type (
	replied struct {
		ID     int `json:"id"`
		Result any `json:"result"`
		Error  any `json:"error"`
	}
	asked struct {
		ID     any    `json:"id"`
		Method string `json:"method"`
		Params []any  `json:"params"`
	}
)

func spokenLines() []spoken {
	id := []byte("4711")
	en2, _ := work.MakeExtranonce([]byte{1, 2, 3, 4})
	submit := &Submit{Worker: []byte("farm.rig1"), JobID: []byte("0000002a"), Extranonce2: en2, NTime: 0x65a1b2c3, Nonce: 0x9d0e1f2a, VersionBits: 0xc00000, HasVersionBits: true}
	notify := &Notify{
		JobID: []byte("0000002a"), PrevHash: work.Hash{1}, Coinb1: make([]byte, 58), Coinb2: make([]byte, 150), Branches: make([]work.Hash, 12),
		Version: 0x20000000, NBits: 0x17023a04, NTime: 0x685468d7, Clean: true, CleanKnown: true,
	}
	texts := make([]any, len(notify.Branches))
	for i := range texts {
		texts[i] = string(notify.Branches[i].AppendWire(nil))
	}
	zeros := func(n int) string { return strings.Repeat("0", 2*n) }
	return []spoken{
		{"accepted", func(dst []byte) []byte { return AppendTrue(dst, id) }, replied{4711, true, nil}},
		{"refused", func(dst []byte) []byte { return AppendError(dst, id, 21, "Job not found") }, replied{4711, nil, []any{21, "Job not found", nil}}},
		{"set_difficulty", (&SetDifficulty{Difficulty: 16384}).Append, asked{nil, "mining.set_difficulty", []any{16384}}},
		{
			"submit", func(dst []byte) []byte { return submit.Append(dst, id) },
			asked{4711, "mining.submit", []any{"farm.rig1", "0000002a", "01020304", "65a1b2c3", "9d0e1f2a", "00c00000"}},
		},
		{
			"notify", notify.Append,
			asked{nil, "mining.notify", []any{"0000002a", string(notify.PrevHash.AppendPrevHash(nil)), zeros(58), zeros(150), texts, "20000000", "17023a04", "685468d7", true}},
		},
	}
}

// What is compared says the same.
func TestSpokenLines(t *testing.T) {
	for _, s := range spokenLines() {
		want, err := json.Marshal(s.value)
		if got := s.append(nil); err != nil || string(got) != string(want)+"\n" {
			t.Errorf("%s: %sencoding/json says %s, %v", s.name, got, want, err)
		}
	}
}

// BenchmarkEncoding is the lines that are said most, into memory that is there. x_json
// is how many times as long encoding/json takes for the same; its hex is made already.
func BenchmarkEncoding(b *testing.B) {
	for _, s := range spokenLines() {
		b.Run(s.name, func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			turns.Compare(b, func() { s.append(buf) }, turns.Than("x_json", func() { _, _ = json.Marshal(s.value) }))
		})
	}
}

// BenchmarkDispatch is finding out what a method's name means. x_map is that as a
// multiple of finding it in a map.
func BenchmarkDispatch(b *testing.B) {
	known := make(map[string]Method)
	for m := MethodSubscribe; m <= MethodShowMessage; m++ {
		known[m.String()] = m
	}
	for _, name := range []string{"mining.submit", "mining.notify", "client.show_message", "mining.unheard_of"} {
		b.Run(name, func(b *testing.B) {
			raw := []byte(name)
			var found Method
			turns.Compare(b, func() { found += ParseMethod(raw) }, turns.Of("x_map", func() { found += known[string(raw)] }))
		})
	}
}
