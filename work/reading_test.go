package work_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

func readings() []work.VersionReading {
	return []work.VersionReading{work.ReadReplace, work.ReadOr, work.ReadXor}
}

func TestVersionReadings(t *testing.T) {
	const none, narrow = work.VersionMask(0), work.VersionMask(0x00c00000)
	for name, c := range map[string]struct {
		job, final work.Version
		mask       work.VersionMask
		bits       map[work.VersionReading]work.VersionMask
		// fails are the readings that cannot come to final.
		fails map[work.VersionReading]bool
	}{
		"S17e, a bit of the mask in the job": {
			0x20800000, 0x20c00000, work.MaskBIP320,
			map[work.VersionReading]work.VersionMask{work.ReadReplace: 0x00c00000, work.ReadOr: 0x00400000, work.ReadXor: 0x00400000},
			nil,
		},
		"nothing of the mask in the job": {
			0x20000000, 0x206a0000, work.MaskBIP320,
			map[work.VersionReading]work.VersionMask{work.ReadReplace: 0x006a0000, work.ReadOr: 0x006a0000, work.ReadXor: 0x006a0000},
			nil,
		},
		"nothing rolled": {
			0x20800000, 0x20800000, work.MaskBIP320,
			map[work.VersionReading]work.VersionMask{work.ReadReplace: 0x00800000, work.ReadOr: 0, work.ReadXor: 0},
			nil,
		},
		"a bit of the job rolled away": {
			0x20800000, 0x20400000, work.MaskBIP320,
			map[work.VersionReading]work.VersionMask{work.ReadReplace: 0x00400000, work.ReadOr: 0x00400000, work.ReadXor: 0x00c00000},
			map[work.VersionReading]bool{work.ReadOr: true},
		},
		"outside of the mask": {
			0x20000000, 0x21400000, narrow,
			map[work.VersionReading]work.VersionMask{work.ReadReplace: 0x00400000, work.ReadOr: 0x00400000, work.ReadXor: 0x00400000},
			map[work.VersionReading]bool{work.ReadReplace: true, work.ReadOr: true, work.ReadXor: true},
		},
		"no mask": {
			0x20800000, 0x20800000, none,
			map[work.VersionReading]work.VersionMask{work.ReadReplace: 0, work.ReadOr: 0, work.ReadXor: 0},
			nil,
		},
	} {
		for _, r := range readings() {
			bits, ok := r.Bits(c.job, c.final, c.mask)
			if bits != c.bits[r] || ok == c.fails[r] {
				t.Errorf("%s: %v of %v to %v gives %v, %t", name, r, c.job, c.final, bits, ok)
			}
		}
	}
}

// TestVersionReadingsAgree has, for every reading: where it says that it can,
// a pool comes to the version; it can wherever the miner kept to the mask, and
// an or only adds.
func TestVersionReadingsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(readings()).Draw(t, "reading")
		job := work.Version(rapid.Uint32().Draw(t, "job"))
		final := work.Version(rapid.Uint32().Draw(t, "final"))
		mask := work.VersionMask(rapid.Uint32().Draw(t, "mask"))
		if rapid.Bool().Draw(t, "kept to the mask") {
			final = mask.Replace(job, work.VersionMask(final))
		}
		bits, ok := r.Bits(job, final, mask)
		if !mask.Allows(bits) {
			t.Fatalf("bits %v of mask %v", bits, mask)
		}
		if ok != (r.Apply(job, bits, mask) == final) {
			t.Fatalf("%v, %t, but the pool comes to %v", bits, ok, r.Apply(job, bits, mask))
		}
		kept := (job^final)&^work.Version(mask) == 0
		if can := kept && (r != work.ReadOr || job&^final == 0); ok != can {
			t.Fatalf("ok is %t, want %t", ok, can)
		}
	})
}

func TestVersionReadingNames(t *testing.T) {
	for r, want := range map[work.VersionReading]string{
		work.ReadReplace: "replace", work.ReadOr: "or", work.ReadXor: "xor", 9: "unknown",
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
