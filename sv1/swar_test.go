package sv1

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// Every byte at every place of a word is a digit for hexWord exactly if it is
// one for encoding/hex, and then they agree.
func TestHexWordEveryByte(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const digits = "0123456789abcdefABCDEF"
	for range 50 {
		for at := range 8 {
			for c := range 256 {
				var text [8]byte
				for i := range text {
					text[i] = digits[random.IntN(len(digits))]
				}
				text[at] = byte(c)
				var want [4]byte
				_, err := hex.Decode(want[:], text[:])
				v, bad := hexWord(binary.LittleEndian.Uint64(text[:]))
				if (bad == 0) != (err == nil) {
					t.Fatalf("%q: bad is %x, encoding/hex says %v", text, bad, err)
				}
				if err == nil && v != binary.LittleEndian.Uint32(want[:]) {
					t.Fatalf("%q is %08x, want % x", text, v, want)
				}
			}
		}
	}
}

func TestDecodeHexEveryLength(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for n := range 150 {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(random.Uint32())
		}
		text := []byte(hex.EncodeToString(want))
		if n%2 == 0 {
			text = bytes.ToUpper(text)
		}
		got := make([]byte, n)
		if !decodeHex(got, text) || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %x, want %x", n, got, want)
		}
		for at := range text {
			bad := bytes.Clone(text)
			bad[at] = 'g'
			if decodeHex(got, bad) {
				t.Fatalf("%q taken", bad)
			}
		}
		if decodeHex(got, append(text, '0')) {
			t.Fatal("odd length taken")
		}
	}
}

func TestHex32(t *testing.T) {
	for text, want := range map[string]uint32{
		"0": 0, "f": 15, "B2957C02": 0xb2957c02, "b2957c02": 0xb2957c02, "0x2": 2, "0Xdeadbeef": 0xdeadbeef, "00000002": 2, "ffffffff": 0xffffffff,
	} {
		if got, ok := hex32([]byte(text)); !ok || got != want {
			t.Errorf("%q is %x, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "0x", "123456789", "0x123456789", "g", "-1", " 1", "1 ", "+1", "0x0x1"} {
		if _, ok := hex32([]byte(text)); ok {
			t.Errorf("%q taken", text)
		}
	}
}

func TestSpanPlain(t *testing.T) {
	for length := range 100 {
		for at := range length + 1 {
			for _, c := range []byte{'"', '\\', 0, 0x1f, 0x80, 0xff} {
				b := bytes.Repeat([]byte("a"), length)
				if at < length {
					b[at] = c
				}
				if got := spanPlain(b, 0); got != at {
					t.Fatalf("%q: %d, want %d", b, got, at)
				}
			}
		}
	}
}
