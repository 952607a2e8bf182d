package work

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
	"time"
)

// Difficulty is a share difficulty: 0xffff·2^208 divided by the target. It
// says by how much harder than a difficulty-1 share a share is to find; such a
// share takes about 2^32 hashes.
type Difficulty float64

// HashesPerShare is how many hashes a difficulty-1 share stands for. The mean is
// larger by 15 parts in a million; firmware and pools use 2^32.
const HashesPerShare = 1 << 32

const (
	// difficulty1 is the target of difficulty 1, which a float64 holds exactly.
	difficulty1 = 0xffff * (1 << 208)
	// maxDifficultyText is above the longest form that %f gives a float64.
	maxDifficultyText = 512
	// pow10Exp is the exponent of the largest power of ten in a uint64.
	pow10Exp = 19
)

// ParseDifficulty reads a decimal number with an optional fraction and
// exponent, such as 1024, 65536.0, 0.001 or 1e-05. The error is a
// [*ParseError]: [ErrLength] for more than 512 characters, [ErrSyntax] for
// anything that is not such a number, signed ones included, and [ErrRange] for
// one that is 0 or above the largest float64.
func ParseDifficulty(b []byte) (Difficulty, error) {
	if len(b) > maxDifficultyText {
		return 0, &ParseError{What: "difficulty", Err: ErrLength}
	}
	if !isDecimal(b) {
		return 0, &ParseError{What: "difficulty", Err: ErrSyntax}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if d := Difficulty(f); err == nil && d.Valid() {
		return d, nil
	}
	return 0, &ParseError{What: "difficulty", Err: ErrRange}
}

// isDecimal reports whether b is digits with an optional fraction and
// exponent, with at least one digit before the exponent.
func isDecimal(b []byte) bool {
	whole := countDigits(b)
	b = b[whole:]
	frac := 0
	if len(b) > 0 && b[0] == '.' {
		frac = countDigits(b[1:])
		b = b[1+frac:]
	}
	if whole+frac == 0 {
		return false
	}
	if len(b) == 0 {
		return true
	}
	if b[0]|0x20 != 'e' {
		return false
	}
	b = b[1:]
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		b = b[1:]
	}
	return len(b) > 0 && countDigits(b) == len(b)
}

func countDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// Valid reports whether d is finite and above 0.
func (d Difficulty) Valid() bool { return d > 0 && d <= math.MaxFloat64 }

// AppendJSON appends the number as old firmware can read it: without a
// fraction where it has none (below 2^63), else the shortest decimal form that
// reads back as the same number; never with an exponent. A difficulty that is
// not [Difficulty.Valid] is appended as 0.
func (d Difficulty) AppendJSON(dst []byte) []byte {
	switch {
	case !d.Valid():
		return append(dst, '0')
	case d.isInt64():
		return strconv.AppendInt(dst, int64(d), 10)
	}
	return strconv.AppendFloat(dst, float64(d), 'f', -1, 64)
}

// isInt64 reports whether a valid d is an integer below 2^63.
func (d Difficulty) isInt64() bool { return d < 1<<63 && d == Difficulty(math.Trunc(float64(d))) }

// String prints what [Difficulty.AppendJSON] appends.
func (d Difficulty) String() string { return string(d.AppendJSON(nil)) }

// Target returns the largest target that is at least this difficult:
// floor(0xffff·2^208 / d), exact for the decimal number that
// [Difficulty.AppendJSON] appends, so that 0.001 is a thousandth and not the
// float64 beside it. Above 0xffff·2^208 it is 0; at 65535·2^-48 (about
// 2.33e-10) and below, and for a d that is not [Difficulty.Valid], it is
// 2^256-1, which every hash meets. It does not allocate.
func (d Difficulty) Target() Target {
	if !d.Valid() || d <= 0xffff*(1.0/(1<<48)) {
		return Target{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	}
	digits, exp := d.decimal()
	// d > 2.3e-10 has at most 17 digits, so that 10^-exp < 2^90 and the
	// dividend has at most 314 bits.
	n := wide{3: 0xffff << 16}
	for e := -exp; e > 0; e -= pow10Exp {
		n.mul(pow10(min(e, pow10Exp)))
	}
	n.div(digits)
	for e := exp; e > 0; e -= pow10Exp {
		n.div(pow10(min(e, pow10Exp)))
	}
	// The quotient is below 2^256: the decimal form reads back as d, so that it
	// is above the clamp, which a float64 holds exactly.
	return Target(n[:4])
}

// decimal returns digits·10^exp, the number that AppendJSON appends for a
// valid d.
func (d Difficulty) decimal() (digits uint64, exp int) {
	if d.isInt64() {
		return uint64(d), 0
	}
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], float64(d), 'e', -1, 64)
	mantissa, exponent, _ := bytes.Cut(text, []byte{'e'})
	exp, _ = strconv.Atoi(string(exponent)) // always signed digits
	point := bytes.IndexByte(mantissa, '.')
	for i, c := range mantissa {
		if i == point {
			continue
		}
		digits = 10*digits + uint64(c-'0')
		if point >= 0 && i > point {
			exp--
		}
	}
	return digits, exp
}

func pow10(n int) uint64 {
	v := uint64(1)
	for range n {
		v *= 10
	}
	return v
}

// wide is a 320-bit integer, least significant limb first.
type wide [5]uint64

func (w *wide) mul(m uint64) {
	var carry uint64
	for i, limb := range w {
		hi, lo := bits.Mul64(limb, m)
		var c uint64
		w[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
}

func (w *wide) div(m uint64) {
	var rest uint64
	for i := len(w) - 1; i >= 0; i-- {
		w[i], rest = bits.Div64(rest, w[i], m)
	}
}

// Work returns what a share of this difficulty is worth, in difficulty-1
// shares.
func (d Difficulty) Work() float64 { return float64(d) }

// Hashrate returns the rate, in hashes a second, that does the given work, in
// difficulty-1 shares of 2^32 hashes, in d. It is 0 where d is not above 0.
func Hashrate(work float64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return work * HashesPerShare / d.Seconds()
}

// Done returns the work, in difficulty-1 shares, that a rate of hashes a second is
// expected to do in d: what [Hashrate] makes a rate of again.
func Done(hashrate float64, d time.Duration) float64 {
	return hashrate / HashesPerShare * d.Seconds()
}

// Earning returns what a rate of hashes a second is expected to earn in d where
// some work, in difficulty-1 shares, was worth value: the same price for the same
// work. It is in the unit of value, and 0 where work is not above 0.
func Earning(value, work, hashrate float64, d time.Duration) float64 {
	if !(work > 0) {
		return 0
	}
	return value / work * Done(hashrate, d)
}
