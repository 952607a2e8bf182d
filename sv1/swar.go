package sv1

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes at a time: a byte of the mask has its high bit set where the
// input's byte is of interest.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	quotes = '"' * ones
	slants = '\\' * ones
	blanks = ' ' * ones
)

// spanPlain returns the index of the first byte of b at or after i that a
// string cannot simply run over: a quote, a backslash, a control character or
// a byte of 0x80 or more; len(b) when there is none.
func spanPlain(b []byte, i int) int {
	for first := i + 16; i < first && i+8 <= len(b); i += 8 {
		if hit := special(binary.LittleEndian.Uint64(b[i : i+8])); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i+32 <= len(b); i += 32 {
		w := b[i : i+32]
		if special(binary.LittleEndian.Uint64(w))|special(binary.LittleEndian.Uint64(w[8:]))|
			special(binary.LittleEndian.Uint64(w[16:]))|special(binary.LittleEndian.Uint64(w[24:])) != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if hit := special(binary.LittleEndian.Uint64(b[i : i+8])); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' || c >= 0x80 {
			return i
		}
	}
	return i
}

// special has the high bit set in bytes of x that spanPlain stops at.
// Subtracting borrows into higher bytes only above a true hit, so the lowest
// set bit is always right, which is all that is used.
//
//gcassert:inline
func special(x uint64) uint64 {
	return (((x ^ quotes) - ones) | ((x ^ slants) - ones) | (x - blanks) | x) & highs
}

// hexWord reads eight hex digits of either case, the first of them in the low
// byte of x. The bytes of v are in the digits' order. bad is 0 if all were
// digits, else v is nonsense.
//
//gcassert:inline
func hexWord(x uint64) (v uint32, bad uint64) {
	letter := x >> 6 & ones
	nibble := x&(0x0f*ones) + letter*9
	// Printing the nibbles must give back the digits; a nibble above 15, which
	// 'g' and the like make, is no digit either.
	tens := (nibble + 6*ones) >> 4 & ones
	bad = (x | letter<<5) ^ (nibble + '0'*ones + tens*('a'-'9'-1)) | nibble&(0xf0*ones)
	pairs := (nibble<<4 | nibble>>8) & 0x00ff00ff00ff00ff
	pairs = (pairs | pairs>>8) & 0x0000ffff0000ffff
	return uint32(pairs | pairs>>16), bad //nolint:gosec // the low half is what is wanted
}

// decodeHash decodes 64 hex digits.
func decodeHash(dst *[32]byte, digits *[64]byte) bool {
	var bad uint64
	for i := 0; i < 32; i += 4 { // two words at a time are slower: they do not fit the registers
		v, wrong := hexWord(binary.LittleEndian.Uint64(digits[2*i : 2*i+8])) //gcassert:bce
		binary.LittleEndian.PutUint32(dst[i:i+4], v)                         //gcassert:bce
		bad |= wrong
	}
	return bad == 0
}

// decodeHex decodes len(dst) bytes from twice as many hex digits.
func decodeHex(dst, digits []byte) bool {
	if len(digits) != 2*len(dst) {
		return false
	}
	for len(dst) >= 32 && len(digits) >= 64 {
		if !decodeHash((*[32]byte)(dst), (*[64]byte)(digits)) {
			return false
		}
		dst, digits = dst[32:], digits[64:]
	}
	for len(dst) >= 4 && len(digits) >= 8 {
		v, bad := hexWord(binary.LittleEndian.Uint64(digits))
		if bad != 0 {
			return false
		}
		binary.LittleEndian.PutUint32(dst, v)
		dst, digits = dst[4:], digits[8:]
	}
	for i := range dst {
		v, ok := hexDigits(digits[2*i : 2*i+2])
		if !ok {
			return false
		}
		dst[i] = byte(v) //nolint:gosec // two digits
	}
	return true
}

// hexDigits reads at most 8 hex digits of either case, the most significant
// first; none is 0.
func hexDigits(b []byte) (v uint32, ok bool) {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint32(c)
	}
	return v, true
}

// hex32 reads 1 to 8 hex digits of either case, most significant first, after
// an optional 0x.
func hex32(b []byte) (v uint32, ok bool) {
	if len(b) == 8 {
		if v, bad := hexWord(binary.LittleEndian.Uint64(b)); bad == 0 {
			return bits.ReverseBytes32(v), true
		}
	}
	b = trim0x(b)
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	return hexDigits(b)
}

// trim0x removes a leading 0x or 0X.
func trim0x(b []byte) []byte {
	if len(b) >= 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		return b[2:]
	}
	return b
}
