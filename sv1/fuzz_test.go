package sv1

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/loka/stratum/work"
)

// relay decodes raw and appends what it held as a line.
type relay func(raw []byte) (line []byte, err error)

// fuzzDecoder runs a decoder over anything. What is sound JSON it must, if it
// takes it at all, write so that it reads the same again, and agree is called
// with what encoding/json makes of the array.
func fuzzDecoder(f *testing.F, decode relay, agree func(t *testing.T, all []any)) {
	f.Helper()
	for _, line := range captures(f) {
		m := scan(f, line)
		for _, raw := range [][]byte{m.Params, m.Result, m.Error} {
			if raw != nil {
				f.Add(raw)
			}
		}
	}
	for _, raw := range []string{"", "null", "[", "[]", "[1,]", `["\u0075"]`, `[{"a":[]},true,"0x1","",-1,1.5e3]`, `{"a":1,"a":2}`, `["`, `[,`, `["a" `, "[\"\xff\"]"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		line, err := decode(raw)
		if err != nil || !inJSON(raw) {
			return
		}
		m := scan(t, line)
		member := m.Params
		if member == nil {
			member = m.Result
		}
		again, err := decode(member)
		if err != nil || !bytes.Equal(line, again) {
			t.Fatalf("%q was written as %q and that as %q, %v", raw, line, again, err)
		}
		if all, ok := elements(raw); ok {
			agree(t, all)
		}
	})
}

// at is an element, nil beyond the end.
func at(all []any, i int) any {
	if i < len(all) {
		return all[i]
	}
	return nil
}

// wantText fails if an optional text is not what encoding/json reads.
func wantText(t *testing.T, got []byte, v any) {
	t.Helper()
	want, given := asText(v)
	if string(got) != want || given != (got != nil) {
		t.Fatalf("text is %q, want %q", got, want)
	}
}

// wantWord fails if a word is not what strconv reads, from hex or decimals.
func wantWord(t *testing.T, got uint32, v any) {
	t.Helper()
	var want uint64
	var err error
	switch v := v.(type) {
	case string:
		want, err = strconv.ParseUint(strings.TrimPrefix(strings.ToLower(v), "0x"), 16, 32)
	case json.Number:
		want, err = strconv.ParseUint(v.String(), 10, 32)
	default:
		t.Fatalf("%v was taken as a word", v)
	}
	if err != nil || uint64(got) != want {
		t.Fatalf("word is %x, want %x, %v", got, want, err)
	}
}

// wantHex fails if bytes are not what encoding/hex reads.
func wantHex(t *testing.T, got []byte, v any) {
	t.Helper()
	digits, ok := v.(string)
	want, err := hex.DecodeString(digits)
	if !ok || err != nil || !bytes.Equal(got, want) {
		t.Fatalf("bytes are %x, want %v, %v", got, v, err)
	}
}

// wantExtranonce is wantHex after an optional 0x.
func wantExtranonce(t *testing.T, got work.Extranonce, v any) {
	t.Helper()
	digits, ok := v.(string)
	if !ok {
		t.Fatalf("%v was taken as an extranonce", v)
	}
	if len(digits) >= 2 && strings.EqualFold(digits[:2], "0x") {
		digits = digits[2:]
	}
	wantHex(t, got.Append(nil), digits)
}

// wantDifficulty fails if a difficulty is not what strconv reads.
func wantDifficulty(t *testing.T, got work.Difficulty, v any) {
	t.Helper()
	digits, _ := asText(v)
	want, err := strconv.ParseFloat(digits, 64)
	if err != nil || float64(got) != want || !(want > 0) || math.IsInf(want, 0) {
		t.Fatalf("difficulty is %v, want %v, %v", got, v, err)
	}
}

var fuzzID = []byte("7")

func FuzzSubscribe(f *testing.F) {
	var s Subscribe
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, s.UserAgent, at(all, 0))
		wantText(t, s.Session, at(all, 1))
		if host, ok := at(all, 2).(string); ok != (s.Host != nil) || string(s.Host) != host {
			t.Fatalf("host is %q", s.Host)
		}
	})
}

func FuzzAuthorize(f *testing.F) {
	var a Authorize
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := a.Decode(raw)
		return a.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, a.User, at(all, 0))
		if at(all, 1) == nil { // written as "", which is not absent
			all = append(all[:1:1], "")
			a.Password = append([]byte{}, a.Password...)
		}
		wantText(t, a.Password, at(all, 1))
	})
}

func FuzzSubmit(f *testing.F) {
	var s Submit
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		var slow Submit
		if slowErr := slow.decodeAny(raw); err == nil && (slowErr != nil || printSubmit(&s) != printSubmit(&slow) || s.Extranonce2 != slow.Extranonce2) {
			panic(fmt.Sprintf("%q: short cut %s, the long way %s, %v", raw, printSubmit(&s), printSubmit(&slow), slowErr))
		}
		return s.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, s.Worker, at(all, 0))
		wantText(t, s.JobID, at(all, 1))
		wantExtranonce(t, s.Extranonce2, at(all, 2))
		wantWord(t, uint32(s.NTime), at(all, 3))
		wantWord(t, uint32(s.Nonce), at(all, 4))
		if s.HasVersionBits {
			wantWord(t, uint32(s.VersionBits), at(all, 5))
		} else if v := at(all, 5); v != nil && v != "" {
			t.Fatalf("no version bits of %v", v)
		}
	})
}

func FuzzConfigure(f *testing.F) {
	var c Configure
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := c.Decode(raw)
		return c.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		names, _ := at(all, 0).([]any)
		asked := map[string]bool{}
		for _, v := range names {
			name, _ := asText(v)
			asked[name] = true
		}
		known := 0
		for name, is := range map[string]bool{
			extVersionRolling: c.VersionRolling, extMinimumDifficulty: c.MinimumDifficulty,
			extSubscribeExtranonce: c.SubscribeExtranonce, extInfo: c.Info,
		} {
			if is != asked[name] {
				t.Fatalf("%s is %v", name, is)
			}
			if is {
				known++
			}
		}
		if len(c.Unknown) != len(asked)-known {
			t.Fatalf("unknown are %q of %v", c.Unknown, names)
		}
	})
}

func FuzzConfigureReply(f *testing.F) {
	var c ConfigureReply
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := c.Decode(raw)
		return c.Append(nil, fuzzID), err
	}, func(t *testing.T, _ []any) {
		t.Helper()
		t.Fatal("an array was taken")
	})
}

func FuzzSubscribeReply(f *testing.F) {
	var s SubscribeReply
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantExtranonce(t, s.Extranonce1, at(all, 1))
		size, _ := asText(at(all, 2))
		if n, err := strconv.ParseUint(size, 10, 8); err != nil || int(n) != s.Extranonce2Size {
			t.Fatalf("size is %d, want %v, %v", s.Extranonce2Size, size, err)
		}
	})
}

func FuzzSuggestDifficulty(f *testing.F) {
	var s SuggestDifficulty
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantDifficulty(t, s.Difficulty, at(all, 0))
	})
}

func FuzzSuggestTarget(f *testing.F) {
	var s SuggestTarget
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		digits, _ := asText(at(all, 0))
		digits = strings.TrimPrefix(strings.ToLower(digits), "0x")
		if want := strings.Repeat("0", 64-len(digits)) + digits; s.Target.String() != want {
			t.Fatalf("target is %v, want %v", s.Target, want)
		}
	})
}

func FuzzGetTransactions(f *testing.F) {
	var g GetTransactions
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := g.Decode(raw)
		return g.Append(nil, fuzzID), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, g.JobID, at(all, 0))
	})
}

func FuzzNotify(f *testing.F) {
	var n Notify
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := n.Decode(raw)
		n.CleanKnown = true // as Append writes it
		return n.Append(nil), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, n.JobID, at(all, 0))
		prev, _ := at(all, 1).(string)
		if got := string(n.PrevHash.AppendPrevHash(nil)); got != strings.ToLower(prev) {
			t.Fatalf("prevhash is %s, want %s", got, prev)
		}
		wantHex(t, n.Coinb1, at(all, 2))
		wantHex(t, n.Coinb2, at(all, 3))
		branches, _ := at(all, 4).([]any)
		if len(branches) != len(n.Branches) {
			t.Fatalf("%d branches, want %d", len(n.Branches), len(branches))
		}
		for i, b := range n.Branches {
			wantHex(t, b[:], branches[i])
		}
		wantWord(t, uint32(n.Version), at(all, 5))
		wantWord(t, uint32(n.NBits), at(all, 6))
		wantWord(t, uint32(n.NTime), at(all, 7))
		if want, ok := at(all, 8).(bool); ok && n.Clean != want {
			t.Fatalf("clean is %v", n.Clean)
		}
	})
}

func FuzzSetDifficulty(f *testing.F) {
	var s SetDifficulty
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantDifficulty(t, s.Difficulty, at(all, 0))
	})
}

func FuzzSetExtranonce(f *testing.F) {
	var s SetExtranonce
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantExtranonce(t, s.Extranonce1, at(all, 0))
		size, given := asText(at(all, 1))
		if given != s.HasSize {
			t.Fatalf("size of %v", at(all, 1))
		}
		if n, err := strconv.ParseUint(size, 10, 8); given && (err != nil || int(n) != s.Extranonce2Size) {
			t.Fatalf("size is %d, want %v, %v", s.Extranonce2Size, size, err)
		}
	})
}

func FuzzSetVersionMask(f *testing.F) {
	var s SetVersionMask
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantWord(t, uint32(s.Mask), at(all, 0))
	})
}

func FuzzReconnect(f *testing.F) {
	var r Reconnect
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := r.Decode(raw)
		return r.Append(nil), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, r.Host, at(all, 0))
	})
}

func FuzzShowMessage(f *testing.F) {
	var s ShowMessage
	fuzzDecoder(f, func(raw []byte) ([]byte, error) {
		err := s.Decode(raw)
		return s.Append(nil), err
	}, func(t *testing.T, all []any) {
		t.Helper()
		wantText(t, s.Text, at(all, 0))
	})
}

// FuzzReply runs all that reads a reply, ids and embedded arguments included,
// over whole lines.
func FuzzReply(f *testing.F) {
	for _, line := range captures(f) {
		f.Add(line)
	}
	f.Add([]byte(`{"id":"4","error":["21","x"],"reject-reason":"\u0061"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var m Message
		if err := m.Scan(line); err != nil {
			return
		}
		e := Refusal(&m)
		if Accepted(&m) && !Granted(&m) {
			t.Fatalf("%q: accepted, not granted", line)
		}
		if _, failed := DecodeError(m.Error); failed && Granted(&m) {
			t.Fatalf("%q: granted in spite of an error", line)
		}
		again, _ := DecodeError(scan(t, AppendError(nil, m.ID, e.Code, string(e.Text))).Error)
		if again.Code != e.Code || !bytes.Equal(again.Text, e.Text) || again.Class() != e.Class() {
			t.Fatalf("%q: %v, written and read %v", line, e, again)
		}
		if id, ok := ParseID(m.ID); ok {
			if back, ok := ParseID(AppendID(nil, id)); !ok || back != id {
				t.Fatalf("id %s is %d and %d", m.ID, id, back)
			}
		}
		var s SuggestDifficulty
		if err := s.DecodeMessage(&m); err == nil && !s.Difficulty.Valid() {
			t.Fatalf("%q: difficulty %v", line, s.Difficulty)
		}
	})
}
