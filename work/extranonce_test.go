package work_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

func anyExtranonce() *rapid.Generator[work.Extranonce] {
	return rapid.Custom(func(t *rapid.T) work.Extranonce {
		e, ok := work.MakeExtranonce(rapid.SliceOfN(rapid.Byte(), 0, work.MaxExtranonce).Draw(t, "bytes"))
		if !ok {
			t.Fatal("refused")
		}
		return e
	})
}

func TestExtranonceText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExtranonce().Draw(t, "e")
		text := string(e.AppendHex(nil))
		if text != e.String() || text != hex.EncodeToString(e.Append(nil)) || len(text) != 2*e.Len() {
			t.Fatalf("prints %s and %s", text, e)
		}
		for _, form := range []string{text, strings.ToUpper(text)} {
			if got, err := work.ParseExtranonce([]byte(form)); err != nil || got != e {
				t.Fatalf("%s reads as %s, %v", form, got, err)
			}
		}
	})
}

func TestExtranonceConcatAndSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyExtranonce().Draw(t, "a"), anyExtranonce().Draw(t, "b")
		joined, ok := a.Concat(b)
		if ok != (a.Len()+b.Len() <= work.MaxExtranonce) {
			t.Fatalf("%d and %d bytes: ok is %t", a.Len(), b.Len(), ok)
		}
		if !ok {
			if joined != (work.Extranonce{}) {
				t.Fatal("not empty where refused")
			}
			return
		}
		if !bytes.Equal(joined.Append(nil), b.Append(a.Append(nil))) {
			t.Fatalf("%s and %s make %s", a, b, joined)
		}
		// Equality by == holds however the value came about.
		if got, ok := joined.Slice(0, a.Len()); !ok || got != a {
			t.Fatalf("head %s, want %s", got, a)
		}
		if got, ok := joined.Slice(a.Len(), joined.Len()); !ok || got != b {
			t.Fatalf("tail %s, want %s", got, b)
		}
	})
}

func TestExtranonceSliceRefuses(t *testing.T) {
	e := must[work.Extranonce](t)(work.ParseExtranonce([]byte("01020304")))
	for _, r := range [][2]int{{-1, 2}, {2, 1}, {0, 5}, {5, 5}, {3, 40}} {
		if got, ok := e.Slice(r[0], r[1]); ok || got != (work.Extranonce{}) {
			t.Errorf("%v: %s", r, got)
		}
	}
	got, ok := e.Slice(4, 4)
	equal(t, "empty tail", ok && got.Len() == 0, true)
}

func TestExtranonceRefuses(t *testing.T) {
	if _, ok := work.MakeExtranonce(make([]byte, work.MaxExtranonce+1)); ok {
		t.Error("33 bytes taken")
	}
	for text, want := range map[string]error{
		"0":                      work.ErrLength,
		"000":                    work.ErrLength,
		strings.Repeat("00", 33): work.ErrLength,
		"0g":                     work.ErrDigit,
		"0x":                     work.ErrDigit,
		"00zz":                   work.ErrDigit,
	} {
		got, err := work.ParseExtranonce([]byte(text))
		if !errors.Is(err, want) || got != (work.Extranonce{}) {
			t.Errorf("%q: %s, %v, want %v", text, got, err, want)
		}
	}
}

func FuzzExtranonce(f *testing.F) {
	for _, s := range []string{"", "00", "4128064F", "123", "0g", strings.Repeat("ab", 32), strings.Repeat("ab", 33)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, wantErr := hex.DecodeString(string(b))
		legal := wantErr == nil && len(want) <= work.MaxExtranonce
		got, err := work.ParseExtranonce(b)
		if (err == nil) != legal {
			t.Fatalf("%q: %v", b, err)
		}
		if legal && (!bytes.Equal(got.Append(nil), want) || got.String() != strings.ToLower(string(b))) {
			t.Fatalf("%q: %s", b, got)
		}
	})
}

func TestAppendCoinbase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")
		suffix := rapid.SliceOf(rapid.Byte()).Draw(t, "suffix")
		en1, en2 := anyExtranonce().Draw(t, "en1"), anyExtranonce().Draw(t, "en2")
		got := work.AppendCoinbase([]byte("dst"), prefix, en1, en2, suffix)
		want := bytes.Join([][]byte{[]byte("dst"), prefix, en1.Append(nil), en2.Append(nil), suffix}, nil)
		if !bytes.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
	})
}
