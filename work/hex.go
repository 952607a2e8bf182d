package work

import "encoding/hex"

const hexDigits = "0123456789abcdef"

// parseHex32 reads 1 to 8 hex digits of either case, most significant first,
// after an optional 0x. Firmware drops leading zeros and mixes cases, so
// neither is held against it.
func parseHex32(what string, b []byte) (uint32, error) {
	if len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' {
		b = b[2:]
	}
	if len(b) == 0 || len(b) > 8 {
		return 0, &ParseError{What: what, Err: ErrLength}
	}
	var v uint32
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, &ParseError{What: what, Err: ErrDigit}
		}
		v = v<<4 | uint32(c)
	}
	return v, nil
}

// appendHex32 appends eight lower-case hex digits, most significant first.
func appendHex32(dst []byte, v uint32) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&0xf])
	}
	return dst
}

func hex32String(v uint32) string {
	var buf [8]byte
	return string(appendHex32(buf[:0], v))
}

// decodeHash reads exactly 64 hex digits of either case, in the order given.
func decodeHash(what string, b []byte) (h Hash, err error) {
	if len(b) != 2*len(h) {
		return Hash{}, &ParseError{What: what, Err: ErrLength}
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return Hash{}, &ParseError{What: what, Err: ErrDigit}
	}
	return h, nil
}
