package sv1

import (
	"bytes"
	"errors"
	"math"

	"github.com/loka/stratum/work"
)

// valueKind is the JSON type of a [value].
type valueKind uint8

const (
	kindAbsent valueKind = iota
	kindNull
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// value is one raw JSON value; a string is without its quotes.
type value struct {
	kind valueKind
	// plain says that a string is known to hold no escape.
	plain bool
	raw   []byte
}

// makeValue takes a raw value that was scanned; nil is absent.
func makeValue(raw []byte) value {
	if len(raw) == 0 {
		return value{}
	}
	switch raw[0] {
	case '"':
		return value{kind: kindString, raw: raw[1 : len(raw)-1 : len(raw)-1]}
	case '[':
		return value{kind: kindArray, raw: raw}
	case '{':
		return value{kind: kindObject, raw: raw}
	case 'n':
		return value{kind: kindNull, raw: raw}
	case 't', 'f':
		return value{kind: kindBool, raw: raw}
	}
	return value{kind: kindNumber, raw: raw}
}

// parseValue takes raw bytes that may be anything; ok is false when they are
// not exactly one JSON value within the depth.
func parseValue(raw []byte) (v value, ok bool) {
	if len(raw) == 0 {
		return value{}, true
	}
	end, kind := scanValue(raw, 0, 0)
	if kind != 0 || end != len(raw) {
		return value{}, false
	}
	return makeValue(raw), true
}

// given reports whether v is there and not null.
func (v value) given() bool { return v.kind > kindNull }

// text reads a string, or a number as its digits.
func (v value) text() (text []byte, fault FieldKind) {
	switch v.kind {
	case kindString:
		if v.plain {
			return v.raw, 0
		}
		return unescape(v.raw), 0
	case kindNumber:
		return v.raw, 0
	case kindAbsent, kindNull:
		return nil, FieldMissing
	case kindBool, kindArray, kindObject:
	}
	return nil, FieldType
}

// optionalText is text, but absent and null are nil and no fault.
func (v value) optionalText() (text []byte, fault FieldKind) {
	if !v.given() {
		return nil, 0
	}
	return v.text()
}

// hex32 reads hex of 1 to 8 digits, or a number that fits.
func (v value) hex32() (n uint32, fault FieldKind) {
	var ok bool
	switch v.kind {
	case kindString:
		if n, ok = hex32(v.raw); ok {
			return n, 0
		}
		return 0, FieldFormat
	case kindNumber:
		u, ok := decimal(v.raw, math.MaxUint32)
		if !ok {
			return 0, FieldRange
		}
		return uint32(u), 0 //nolint:gosec // checked by decimal
	case kindAbsent, kindNull:
		return 0, FieldMissing
	case kindBool, kindArray, kindObject:
	}
	return 0, FieldType
}

// hash reads exactly 64 hex digits into dst, in the order given.
func (v value) hash(dst *work.Hash) (fault FieldKind) {
	switch {
	case v.kind == kindString && decodeHex(dst[:], v.raw):
		return 0
	case v.kind == kindString:
		return FieldFormat
	case !v.given():
		return FieldMissing
	}
	return FieldType
}

// appendHex appends the bytes of an even number of hex digits.
func (v value) appendHex(dst []byte) (longer []byte, fault FieldKind) {
	switch {
	case v.kind == kindString:
		n := len(v.raw) / 2
		dst = growBy(dst, n)
		if !decodeHex(dst[len(dst)-n:], v.raw) {
			return dst, FieldFormat
		}
		return dst, 0
	case !v.given():
		return dst, FieldMissing
	}
	return dst, FieldType
}

// growBy lengthens b by n bytes of whatever is there.
func growBy(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, len(b)+n), b...)
	}
	return b[:len(b)+n]
}

// extranonce reads an even number of hex digits after an optional 0x.
func (v value) extranonce(dst *work.Extranonce) (fault FieldKind) {
	switch {
	case v.kind == kindString:
		digits := trim0x(v.raw)
		if len(digits) > 2*work.MaxExtranonce {
			return FieldRange
		}
		var buf [work.MaxExtranonce]byte
		n := len(digits) / 2
		if !decodeHex(buf[:n], digits) {
			return FieldFormat
		}
		*dst, _ = work.MakeExtranonce(buf[:n])
		return 0
	case !v.given():
		return FieldMissing
	}
	return FieldType
}

// difficulty reads a number in any JSON form, or a string of one.
func (v value) difficulty() (d work.Difficulty, fault FieldKind) {
	switch {
	case !v.given():
		return 0, FieldMissing
	case v.kind != kindNumber && v.kind != kindString:
		return 0, FieldType
	}
	if u, ok := decimal(v.raw, 1<<53); ok && u > 0 {
		return work.Difficulty(u), 0
	}
	raw := bytes.TrimPrefix(v.raw, []byte("-"))
	d, err := work.ParseDifficulty(raw)
	switch {
	case err == nil && len(raw) == len(v.raw):
		return d, 0
	case err == nil || v.kind == kindNumber || errors.Is(err, work.ErrRange):
		return 0, FieldRange
	}
	return 0, FieldFormat
}

// integer reads a whole number from 0 to limit, or a string of one.
func (v value) integer(limit uint64) (n int, fault FieldKind) {
	switch {
	case !v.given():
		return 0, FieldMissing
	case v.kind != kindNumber && v.kind != kindString:
		return 0, FieldType
	}
	u, ok := decimal(v.raw, limit)
	switch {
	case ok:
		return int(u), 0 //nolint:gosec // limits are far below the largest int
	case v.kind == kindNumber:
		return 0, FieldRange
	}
	if len(v.raw) > 0 && skipDigits(v.raw, 0) == len(v.raw) {
		return 0, FieldRange
	}
	return 0, FieldFormat
}

// decimal reads 1 to 19 decimal digits of a number up to limit.
func decimal(b []byte, limit uint64) (u uint64, ok bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c)
	}
	return u, u <= limit
}

// flag reads a boolean as pools send it: true, "true", 1 and their opposites.
// known is false for anything else.
func (v value) flag() (set, known bool) {
	switch string(v.raw) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}
