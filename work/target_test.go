package work_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// anyTarget draws targets of every length, and often with equal limbs.
func anyTarget() *rapid.Generator[work.Target] {
	limb := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, math.MaxUint64 - 1, math.MaxUint64}))
	return rapid.Custom(func(t *rapid.T) work.Target {
		var v work.Target
		for i := range rapid.IntRange(0, 4).Draw(t, "limbs") {
			v[i] = limb.Draw(t, "limb")
		}
		return v
	})
}

// hashOf is the hash whose integer is the target.
func hashOf(t work.Target) work.Hash {
	h, err := work.ParseHash(t.String())
	if err != nil {
		panic(err)
	}
	return h
}

func TestTargetMetComparesIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		goal, value := anyTarget().Draw(t, "goal"), anyTarget().Draw(t, "value")
		if rapid.Bool().Draw(t, "close") {
			value = goal
			value[rapid.IntRange(0, 3).Draw(t, "limb")] += rapid.SampledFrom([]uint64{0, 1, math.MaxUint64}).Draw(t, "step")
		}
		cmp := bigOf(value).Cmp(bigOf(goal))
		if got := goal.Met(hashOf(value)); got != (cmp <= 0) {
			t.Fatalf("Met is %t at %d", got, cmp)
		}
		if got := value.Cmp(goal); got != cmp {
			t.Fatalf("Cmp is %d, want %d", got, cmp)
		}
		if hashOf(value).Target() != value {
			t.Fatal("a hash's target is not its integer")
		}
	})
}

func TestTargetMetAtTheBoundary(t *testing.T) {
	goal := target(8192)
	equal(t, "equal", goal.Met(hashOf(goal)), true)
	below, above := goal, goal
	below[3], below[2] = below[3]-1, math.MaxUint64
	above[0]++
	equal(t, "below", goal.Met(hashOf(below)), true)
	equal(t, "above by one", goal.Met(hashOf(above)), false)
	equal(t, "largest", target(1e-12).Met(hashOf(work.Target{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64})), true)
	equal(t, "zero", work.Target{}.Met(work.Hash{}), true)
}

// TestTargetDifficultyRoundsCorrectly: the nearest float64 to the quotient.
func TestTargetDifficultyRoundsCorrectly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyTarget().Draw(t, "target")
		if v == (work.Target{}) {
			v[0] = 1
		}
		want, _ := new(big.Rat).SetFrac(bigDiff1(), bigOf(v)).Float64()
		if got := float64(v.Difficulty()); got != want {
			t.Fatalf("%s: %v, want %v", v, got, want)
		}
		if got := float64(hashOf(v).Difficulty()); got != want {
			t.Fatalf("hash %s: %v, want %v", v, got, want)
		}
	})
}

func TestTargetDifficultyIsFinite(t *testing.T) {
	equal(t, "zero", work.Target{}.Difficulty(), work.Target{1}.Difficulty())
	equal(t, "one", work.Target{1}.Difficulty(), 0xffff*(1<<208))
	equal(t, "zero hash", work.Hash{}.Difficulty().Valid(), true)
	equal(t, "largest", target(1e-12).Difficulty().Valid(), true)
	// pdiff 1 is 2^224-1.
	pdiff := work.Target{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint32}
	equal(t, "pdiff/bdiff", 1/float64(pdiff.Difficulty()), 1.0000152590218967)
}

func TestTargetText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyTarget().Draw(t, "target")
		for _, text := range []string{v.String(), strings.ToUpper(v.String())} {
			if got, err := work.ParseTarget([]byte(text)); err != nil || got != v {
				t.Fatalf("%s reads as %s, %v", text, got, err)
			}
		}
	})
}

// TestNBitsTarget has the cases of Bitcoin Core's arith_uint256 tests
// (bignum_SetCompact), of real blocks, and the edges between them.
func TestNBitsTarget(t *testing.T) {
	for _, c := range []struct {
		nbits  uint32
		target string // leading zeros left out
		again  uint32 // the target's own nbits
		err    error
	}{
		{nbits: 0x1d00ffff, target: "ffff" + strings.Repeat("00", 26), again: 0x1d00ffff},
		{nbits: 0x17023a04, target: "23a04" + strings.Repeat("00", 20), again: 0x17023a04},
		{nbits: 0x207fffff, target: "7fffff" + strings.Repeat("00", 29), again: 0x207fffff},
		{nbits: 0x01123456, target: "12", again: 0x01120000},
		{nbits: 0x02123456, target: "1234", again: 0x02123400},
		{nbits: 0x03123456, target: "123456", again: 0x03123456},
		{nbits: 0x04123456, target: "12345600", again: 0x04123456},
		{nbits: 0x05009234, target: "92340000", again: 0x05009234},
		{nbits: 0x20123456, target: "123456" + strings.Repeat("00", 29), again: 0x20123456},
		{nbits: 0x02008000, target: "80", again: 0x02008000},
		{nbits: 0x04000001, target: "100", again: 0x02010000},
		{nbits: 0x2100ffff, target: "ffff" + strings.Repeat("00", 30), again: 0x2100ffff},
		{nbits: 0x220000ff, target: "ff" + strings.Repeat("00", 31), again: 0x2100ff00},
		{nbits: 0x00000000, err: work.ErrZero},
		{nbits: 0x00123456, err: work.ErrZero},
		{nbits: 0x01003456, err: work.ErrZero},
		{nbits: 0x02000056, err: work.ErrZero},
		{nbits: 0x03000000, err: work.ErrZero},
		{nbits: 0x04000000, err: work.ErrZero},
		{nbits: 0xff000000, err: work.ErrZero},
		{nbits: 0x00923456, err: work.ErrZero},
		{nbits: 0x01803456, err: work.ErrZero},
		{nbits: 0x04800000, err: work.ErrZero},
		{nbits: 0x01fedcba, err: work.ErrNegative},
		{nbits: 0x04923456, err: work.ErrNegative},
		{nbits: 0xff923456, err: work.ErrNegative},
		{nbits: 0xff123456, err: work.ErrOverflow},
		{nbits: 0x23000001, err: work.ErrOverflow},
		{nbits: 0x22000100, err: work.ErrOverflow},
		{nbits: 0x21010000, err: work.ErrOverflow},
	} {
		bits := work.NBits(c.nbits)
		got, err := bits.Target()
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", bits, err, c.err)
			continue
		}
		if c.err != nil {
			equal(t, bits.String(), got, work.Target{})
			continue
		}
		equal(t, bits.String(), strings.TrimLeft(got.String(), "0"), c.target)
		equal(t, bits.String()+" again", got.NBits(), work.NBits(c.again))
	}
	equal(t, "zero", work.Target{}.NBits(), 0)
	equal(t, "largest", target(1e-12).NBits(), 0x2100ffff)
}

// TestNBitsOfAnyTarget: the compact form is the largest one not above it.
func TestNBitsOfAnyTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyTarget().Draw(t, "target")
		if v == (work.Target{}) {
			v[0] = 1
		}
		back, err := v.NBits().Target()
		if err != nil || back.Cmp(v) > 0 {
			t.Fatalf("%s: nbits %s are %s, %v", v, v.NBits(), back, err)
		}
		// What was lost lies below the highest 16 bits.
		lost := new(big.Int).Sub(bigOf(v), bigOf(back))
		if lost.Lsh(lost, 15).Cmp(bigOf(v)) >= 0 {
			t.Fatalf("%s: nbits %s lost too much", v, v.NBits())
		}
		if back.NBits() != v.NBits() {
			t.Fatalf("%s: nbits are not stable: %s, %s", v, v.NBits(), back.NBits())
		}
	})
}

func TestNBitsTargetEqualsBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := work.NBits(rapid.Uint32Range(0, 0x25ffffff).Draw(t, "nbits"))
		n := big.NewInt(int64(bits & 0x7fffff))
		if size := int(bits >> 24); size <= 3 {
			n.Rsh(n, uint(8*(3-size)))
		} else {
			n.Lsh(n, uint(8*(size-3)))
		}
		legal := n.Sign() != 0 && bits&0x800000 == 0 && n.BitLen() <= 256
		got, err := bits.Target()
		if legal != (err == nil) || legal && bigOf(got).Cmp(n) != 0 {
			t.Fatalf("%s: %s, %v; want %x", bits, got, err, n)
		}
	})
}

func FuzzHashes(f *testing.F) {
	f.Add([]byte("6b6455fd6db962c101f2d4fc0d67f4a3bc96391d000152960000000000000000"))
	f.Add([]byte(strings.Repeat("fF", 32)))
	f.Add([]byte(strings.Repeat("0", 63)))
	f.Add([]byte(strings.Repeat("0g", 32)))
	f.Fuzz(func(t *testing.T, b []byte) {
		wire, err := work.HashFromWire(b)
		prev, prevErr := work.PrevHashFromWire(b)
		display, displayErr := work.ParseHash(string(b))
		goal, goalErr := work.ParseTarget(b)
		if (err == nil) != (prevErr == nil) || (err == nil) != (displayErr == nil) || (err == nil) != (goalErr == nil) {
			t.Fatalf("%q: %v, %v, %v, %v", b, err, prevErr, displayErr, goalErr)
		}
		if err != nil {
			if len(b) == 64 && !errors.Is(err, work.ErrDigit) || len(b) != 64 && !errors.Is(err, work.ErrLength) {
				t.Fatalf("%q: %v", b, err)
			}
			return
		}
		want := strings.ToLower(string(b))
		equal(t, "wire", string(wire.AppendWire(nil)), want)
		equal(t, "prevhash", string(prev.AppendPrevHash(nil)), want)
		equal(t, "display", display.String(), want)
		equal(t, "target", goal.String(), want)
		slices.Reverse(display[:])
		equal(t, "display is wire reversed", display, wire)
	})
}

// TestNBitsDifficulty has the example of the Bitcoin wiki's page on difficulty,
// what Bitcoin Core says of a few networks, and bits that are no target.
func TestNBitsDifficulty(t *testing.T) {
	for bits, want := range map[work.NBits]work.Difficulty{
		0x1d00ffff: 1,
		0x1b0404cb: 16307.420938523983,
		0x17023a04: 126411437451912.23,
		0x207fffff: 4.6565423739069247e-10,
		0:          0,
		0x1d80ffff: 0,
		0xff00ffff: 0,
	} {
		equal(t, bits.String(), bits.Difficulty(), want)
	}
	if n := testing.AllocsPerRun(100, func() { _ = work.NBits(0x17023a04).Difficulty() }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
