package work_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// field is one of the 32-bit types by its functions.
type field struct {
	what  string
	parse func(b []byte) (uint32, error)
	text  func(v uint32) string
	hex   func(v uint32, dst []byte) []byte
}

// fields are the types whose wire form is eight hex digits.
func fields() []field {
	return []field{
		fieldOf("version", work.ParseVersion),
		fieldOf("version mask", work.ParseVersionMask),
		fieldOf("nbits", work.ParseNBits),
		fieldOf("ntime", work.ParseNTime),
		fieldOf("nonce", work.ParseNonce),
	}
}

func fieldOf[T interface {
	~uint32
	fmt.Stringer
	AppendHex(dst []byte) []byte
}](what string, parse func(b []byte) (T, error)) field {
	return field{
		what:  what,
		parse: func(b []byte) (uint32, error) { v, err := parse(b); return uint32(v), err },
		text:  func(v uint32) string { return T(v).String() },
		hex:   func(v uint32, dst []byte) []byte { return T(v).AppendHex(dst) },
	}
}

func TestFieldsRead(t *testing.T) {
	for _, f := range fields() {
		for text, want := range map[string]uint32{
			"20000000":   0x20000000,
			"00000002":   2,
			"2":          2,
			"504E86ED":   0x504e86ed,
			"504e86ed":   0x504e86ed,
			"0x1fffe000": 0x1fffe000,
			"0X1FFFE000": 0x1fffe000,
			"0":          0,
			"0x0":        0,
			"ffffffff":   0xffffffff,
		} {
			got, err := f.parse([]byte(text))
			if err != nil || got != want {
				t.Errorf("%s %q: %08x, %v", f.what, text, got, err)
			}
		}
	}
}

func TestFieldsRefuse(t *testing.T) {
	for _, f := range fields() {
		for text, want := range map[string]error{
			"":            work.ErrLength,
			"0x":          work.ErrDigit, // two characters: an x is no digit
			"123456789":   work.ErrLength,
			"0x123456789": work.ErrLength,
			"zz":          work.ErrDigit,
			"-1":          work.ErrDigit,
			"+1":          work.ErrDigit,
			" 1":          work.ErrDigit,
			"1_0":         work.ErrDigit,
			"0x0x1":       work.ErrDigit,
		} {
			got, err := f.parse([]byte(text))
			var parse *work.ParseError
			if !errors.Is(err, want) || !errors.As(err, &parse) || parse.What != f.what || got != 0 {
				t.Errorf("%s %q: %08x, %v, want %v", f.what, text, got, err, want)
			}
		}
	}
}

func TestFieldsPrintWhatTheyRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint32().Draw(t, "v")
		for _, f := range fields() {
			text := f.text(v)
			if want := fmt.Sprintf("%08x", v); text != want || string(f.hex(v, []byte("dst"))) != "dst"+want {
				t.Fatalf("%s prints %s, want %s", f.what, text, want)
			}
			for _, form := range []string{text, strings.ToUpper(text), "0x" + text, strconv.FormatUint(uint64(v), 16)} {
				if got, err := f.parse([]byte(form)); err != nil || got != v {
					t.Fatalf("%s %s reads as %08x, %v", f.what, form, got, err)
				}
			}
		}
	})
}

func TestParseErrorNamesTheValue(t *testing.T) {
	_, err := work.ParseNTime([]byte("<script>"))
	equal(t, "text", err.Error(), "ntime: not a hex digit")
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{"", "0", "0x", "0x1", "1fffe000", "FFFFFFFF", "100000000", "zz", "_1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		digits := string(b)
		if len(digits) > 2 && (strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0X")) {
			digits = digits[2:]
		}
		want, wantErr := strconv.ParseUint(digits, 16, 32)
		legal := wantErr == nil && len(digits) <= 8
		for _, field := range fields() {
			got, err := field.parse(b)
			if (err == nil) != legal || legal && got != uint32(want) || !legal && got != 0 {
				t.Fatalf("%s %q: %08x, %v; want %08x, %v", field.what, b, got, err, want, wantErr)
			}
		}
	})
}

// TestVersionMaskRules has the vector on which the three rules part: a job of
// version 20800000, worked as 20c00000, submitted by an S17e as 00400000.
func TestVersionMaskRules(t *testing.T) {
	const mask work.VersionMask = 0x00c00000
	for _, c := range []struct {
		name    string
		version work.Version
		mask    work.VersionMask
		bits    work.VersionMask
		replace work.Version
		or, xor work.Version
	}{
		{"rules part", 0x20800000, mask, 0x00400000, 0x20400000, 0x20c00000, 0x20c00000},
		{"no bit of the mask in the job", 0x20000000, work.MaskBIP320, 0x00b44000, 0x20b44000, 0x20b44000, 0x20b44000},
		{"bit set in both", 0x20002000, work.MaskBIP320, 0x00002000, 0x20002000, 0x20002000, 0x20000000},
		{"no bits cleared", 0x20002000, work.MaskBIP320, 0, 0x20000000, 0x20002000, 0x20002000},
		{"bits outside are ignored", 0x20000000, work.MaskBIP320, 0xffffffff, 0x3fffe000, 0x3fffe000, 0x3fffe000},
		{"ESP counts from the lowest bit", 0x20000004, 0x00ffff00, 0x00000300, 0x20000304, 0x20000304, 0x20000304},
		{"nothing may be rolled", 0x20000004, 0, 0x1fffe000, 0x20000004, 0x20000004, 0x20000004},
	} {
		equal(t, c.name+": replace", c.mask.Replace(c.version, c.bits), c.replace)
		equal(t, c.name+": or", c.mask.Or(c.version, c.bits), c.or)
		equal(t, c.name+": xor", c.mask.Xor(c.version, c.bits), c.xor)
	}
}

func TestVersionMaskProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := work.Version(rapid.Uint32().Draw(t, "version"))
		m := work.VersionMask(rapid.Uint32().Draw(t, "mask"))
		bits := work.VersionMask(rapid.Uint32().Draw(t, "bits"))
		for _, rolled := range []work.Version{m.Replace(v, bits), m.Or(v, bits), m.Xor(v, bits)} {
			if (rolled^v)&^work.Version(m) != 0 {
				t.Fatalf("%s rolled to %s outside of %s", v, rolled, m)
			}
		}
		if v := v &^ work.Version(m); m.Replace(v, bits) != m.Or(v, bits) || m.Or(v, bits) != m.Xor(v, bits) {
			t.Fatal("the rules part on a version without a bit of the mask")
		}
		if m.Allows(bits) != (bits|m == m) || !m.Allows(bits&m) {
			t.Fatal("Allows is wrong")
		}
	})
}

func TestMasksOfTheBIPs(t *testing.T) {
	mask := func(from, to uint) (m work.VersionMask) {
		for i := from; i <= to; i++ {
			m |= 1 << i
		}
		return m
	}
	equal(t, "BIP 320", work.MaskBIP320, mask(13, 28))
	equal(t, "BIP 323", work.MaskBIP323, mask(5, 28))
}
