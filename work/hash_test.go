package work_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

func anyHash() *rapid.Generator[work.Hash] {
	return rapid.Custom(func(t *rapid.T) work.Hash {
		return work.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
	})
}

func TestHashForms(t *testing.T) {
	// Header order is 00 01 02 … 1f.
	var h work.Hash
	for i := range h {
		h[i] = byte(i)
	}
	equal(t, "display", h.String(), "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100")
	equal(t, "wire", string(h.AppendWire([]byte("x"))), "x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	equal(t, "prevhash", string(h.AppendPrevHash([]byte("x"))), "x03020100070605040b0a09080f0e0d0c13121110171615141b1a19181f1e1d1c")
}

func TestHashFormsReadWhatTheyPrint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHash().Draw(t, "hash")
		for name, read := range map[string]func(upper bool) (work.Hash, error){
			"display": func(up bool) (work.Hash, error) { return work.ParseHash(cased(h.String(), up)) },
			"wire": func(up bool) (work.Hash, error) {
				return work.HashFromWire([]byte(cased(string(h.AppendWire(nil)), up)))
			},
			"prevhash": func(up bool) (work.Hash, error) {
				return work.PrevHashFromWire([]byte(cased(string(h.AppendPrevHash(nil)), up)))
			},
		} {
			for _, upper := range []bool{false, true} {
				if got, err := read(upper); err != nil || got != h {
					t.Fatalf("%s: %s, %v", name, got, err)
				}
			}
		}
	})
}

func cased(s string, upper bool) string {
	if upper {
		return strings.ToUpper(s)
	}
	return s
}

// TestWordSwapIsItsOwnInverse: taking a swapped form for an unswapped one
// twice gives the hash back.
func TestWordSwapIsItsOwnInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHash().Draw(t, "hash")
		once, err := work.HashFromWire(h.AppendPrevHash(nil))
		if err != nil {
			t.Fatal(err)
		}
		twice, err := work.HashFromWire(once.AppendPrevHash(nil))
		if err != nil || twice != h {
			t.Fatalf("%s, %v, want %s", twice, err, h)
		}
	})
}

func TestHashFormsRefuse(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{"", work.ErrLength},
		{strings.Repeat("0", 63), work.ErrLength},
		{strings.Repeat("0", 65), work.ErrLength},
		{"0x" + strings.Repeat("0", 64), work.ErrLength},
		{"0x" + strings.Repeat("0", 62), work.ErrDigit},
		{strings.Repeat("0", 63) + "g", work.ErrDigit},
		{strings.Repeat("0", 63) + " ", work.ErrDigit},
	} {
		_, wire := work.HashFromWire([]byte(c.text))
		_, prev := work.PrevHashFromWire([]byte(c.text))
		_, display := work.ParseHash(c.text)
		_, goal := work.ParseTarget([]byte(c.text))
		for what, err := range map[string]error{"wire": wire, "prevhash": prev, "display": display, "target": goal} {
			var parse *work.ParseError
			if !errors.Is(err, c.want) || !errors.As(err, &parse) {
				t.Errorf("%s %q: %v, want %v", what, c.text, err, c.want)
			}
		}
	}
}

func TestDoubleSHA256(t *testing.T) {
	// The digest of "hello" twice, as in the Bitcoin wiki's protocol page.
	h := work.DoubleSHA256([]byte("hello"))
	equal(t, "hello", string(h.AppendWire(nil)), "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50")
}

const genesisHeader = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"

func TestGenesisHeader(t *testing.T) {
	raw := must[[]byte](t)(hex.DecodeString(genesisHeader))
	header := must[work.Header](t)(work.ParseHeader(raw))
	equal(t, "header", header, work.Header{
		Version:    1,
		MerkleRoot: must[work.Hash](t)(work.ParseHash("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")),
		NTime:      1231006505,
		NBits:      0x1d00ffff,
		Nonce:      2083236893,
	})
	hash := header.Hash()
	equal(t, "hash", hash.String(), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
	equal(t, "raw hash", hash, work.DoubleSHA256(raw))
	equal(t, "meets its nbits", must[work.Target](t)(header.NBits.Target()).Met(hash), true)
	if d := float64(hash.Difficulty()); d < 2536.426297 || d > 2536.426299 {
		t.Errorf("difficulty %f, want 2536.426298", d)
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	for _, n := range []int{0, 79, 81} {
		if _, err := work.ParseHeader(make([]byte, n)); !errors.Is(err, work.ErrLength) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	raw, err := hex.DecodeString(genesisHeader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:79])
	f.Fuzz(func(t *testing.T, b []byte) {
		header, err := work.ParseHeader(b)
		if (err == nil) != (len(b) == work.HeaderSize) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err != nil {
			return
		}
		if got := header.Append([]byte{1}); !slices.Equal(got[1:], b) || got[0] != 1 {
			t.Fatalf("%x, want %x", got, b)
		}
		equal(t, "hash", header.Hash(), work.DoubleSHA256(b))
	})
}
