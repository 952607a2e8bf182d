package work

import "encoding/hex"

// MaxExtranonce is the largest extranonce that is handled, in bytes.
const MaxExtranonce = 32

// Extranonce is a part of the coinbase's extranonce, of 0 to [MaxExtranonce]
// bytes, in the order in which they stand in the coinbase. Two of them are
// equal by == exactly if their bytes are. The zero value is empty.
type Extranonce struct {
	n uint8
	b [MaxExtranonce]byte // zero from n on
}

// MakeExtranonce copies b; ok is false when it is longer than [MaxExtranonce].
func MakeExtranonce(b []byte) (e Extranonce, ok bool) {
	if len(b) > MaxExtranonce {
		return Extranonce{}, false
	}
	e.n = uint8(len(b)) //nolint:gosec // at most MaxExtranonce
	copy(e.b[:], b)
	return e, true
}

// ParseExtranonce reads an even number of hex digits of either case, at most
// 2·[MaxExtranonce]; none is the empty extranonce. The error is a
// [*ParseError] with [ErrLength] or [ErrDigit].
func ParseExtranonce(digits []byte) (e Extranonce, err error) {
	if len(digits)%2 != 0 || len(digits) > 2*MaxExtranonce {
		return Extranonce{}, &ParseError{What: "extranonce", Err: ErrLength}
	}
	if _, err := hex.Decode(e.b[:], digits); err != nil {
		return Extranonce{}, &ParseError{What: "extranonce", Err: ErrDigit}
	}
	e.n = uint8(len(digits) / 2) //nolint:gosec // at most MaxExtranonce
	return e, nil
}

// Len is the number of bytes.
func (e Extranonce) Len() int { return int(e.n) }

// Append appends the bytes.
func (e Extranonce) Append(dst []byte) []byte { return append(dst, e.b[:e.n]...) }

// AppendHex appends two lower-case hex digits for each byte.
func (e Extranonce) AppendHex(dst []byte) []byte { return hex.AppendEncode(dst, e.b[:e.n]) }

// String prints two lower-case hex digits for each byte.
func (e Extranonce) String() string { return hex.EncodeToString(e.b[:e.n]) }

// Concat returns the bytes of e followed by those of f; ok is false when they
// are more than [MaxExtranonce].
func (e Extranonce) Concat(f Extranonce) (joined Extranonce, ok bool) {
	if e.Len()+f.Len() > MaxExtranonce {
		return Extranonce{}, false
	}
	copy(e.b[e.n:], f.b[:f.n])
	e.n += f.n
	return e, true
}

// Slice returns the bytes from i up to but not including j; ok is false unless
// 0 ≤ i ≤ j ≤ [Extranonce.Len].
func (e Extranonce) Slice(i, j int) (part Extranonce, ok bool) {
	if i < 0 || i > j || j > e.Len() {
		return Extranonce{}, false
	}
	return MakeExtranonce(e.b[i:j])
}
