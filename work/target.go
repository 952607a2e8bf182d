package work

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"
	"slices"
)

// Target is a 256-bit unsigned integer as four 64-bit limbs, least significant
// first: the largest value that a hash may have.
type Target [4]uint64

// ParseTarget reads 64 hex digits of either case, most significant first, as
// [Target.String] prints. The error is a [*ParseError] with [ErrLength] or
// [ErrDigit].
func ParseTarget(b []byte) (Target, error) {
	h, err := decodeHash("target", b)
	if err != nil {
		return Target{}, err
	}
	slices.Reverse(h[:])
	return h.Target(), nil
}

// String prints 64 lower-case hex digits, most significant first.
func (t Target) String() string {
	var b [32]byte
	for i, limb := range t {
		binary.BigEndian.PutUint64(b[24-8*i:], limb)
	}
	return hex.EncodeToString(b[:])
}

// Met reports whether the hash, as an integer, is not above the target. The
// comparison is exact and does not allocate.
func (t Target) Met(h Hash) bool { return h.Target().Cmp(t) <= 0 }

// Cmp returns -1, 0 or +1 as t is below, equal to or above u.
func (t Target) Cmp(u Target) int {
	for i := 3; i >= 0; i-- {
		switch {
		case t[i] < u[i]:
			return -1
		case t[i] > u[i]:
			return 1
		}
	}
	return 0
}

// Difficulty returns 0xffff·2^208 / t, to the precision of a float64. It is
// always finite and above 0: a zero target counts as 1. It does not allocate.
func (t Target) Difficulty() Difficulty {
	if t == (Target{}) {
		t[0] = 1
	}
	// The target as an unevaluated sum hi+lo of two float64, so that one
	// Newton step on the remainder gives the correctly rounded quotient.
	hi, lo := t.split()
	q := difficulty1 / hi
	rest := math.FMA(-q, hi, difficulty1) - q*lo
	return Difficulty(q + rest/hi)
}

// split returns the target's highest bits (at most 53) and the 53 below them
// as two float64 values; what is below those is dropped.
func (t Target) split() (hi, lo float64) {
	top := 3
	for top > 0 && t[top] == 0 {
		top--
	}
	// The 128 bits from the highest set one down.
	n := bits.LeadingZeros64(t[top])
	var w [2]uint64
	w[0] = t[top] << n
	if top > 0 {
		w[0] |= t[top-1] >> (64 - n)
		w[1] = t[top-1] << n
	}
	if top > 1 {
		w[1] |= t[top-2] >> (64 - n)
	}
	exp := 64*top - n
	hi = math.Ldexp(float64(w[0]>>11), exp+11)
	lo = math.Ldexp(float64((w[0]<<53|w[1]>>11)>>11), exp-42)
	return hi, lo
}

// NBits returns the compact form, in which the lowest bits of the target are
// lost (Bitcoin Core's arith_uint256::GetCompact). A zero target gives 0.
func (t Target) NBits() NBits {
	size := (t.bitLen() + 7) / 8
	var word uint64
	if size <= 3 {
		word = t[0] << (8 * (3 - size))
	} else {
		shift := uint(8 * (size - 3))
		limb, rest := shift/64, shift%64
		word = t[limb] >> rest
		if rest > 0 && limb < 3 {
			word |= t[limb+1] << (64 - rest)
		}
		word &= 0xffffff
	}
	if word&compactSign != 0 { // keep the sign bit clear
		word >>= 8
		size++
	}
	return NBits(uint64(size)<<24 | word) //nolint:gosec // size ≤ 33 and word < 2^23
}

// bitLen is the number of bits needed for t, 0 for zero.
func (t Target) bitLen() int {
	for i := 3; i >= 0; i-- {
		if t[i] != 0 {
			return 64*i + bits.Len64(t[i])
		}
	}
	return 0
}
