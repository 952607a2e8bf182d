package sv1

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/loka/stratum/work"
)

// The extensions and their options, as on the wire.
const (
	extVersionRolling      = "version-rolling"
	extMinimumDifficulty   = "minimum-difficulty"
	extSubscribeExtranonce = "subscribe-extranonce"
	extInfo                = "info"

	optMask        = "version-rolling.mask"
	optMinBitCount = "version-rolling.min-bit-count"
	optBitCount    = "version-rolling.bit-count" // Braiins' bmminer
	optMinimum     = "minimum-difficulty.value"
)

// MaxExtensions is how many unknown extensions of one mining.configure are
// noted; a request with more is refused.
const MaxExtensions = 16

// Configure is mining.configure (BIP310). Extensions that were not asked for
// must not be answered (Whatsminer M30S+ loops on them).
type Configure struct {
	// VersionRolling asks to roll the bits of VersionMask. An absent mask is
	// all bits; one that cannot be read is 0, so that nothing can be granted.
	VersionRolling bool
	VersionMask    work.VersionMask
	// MinBitCount is only diagnostic; 0 when absent or unreadable.
	MinBitCount int
	// MinimumDifficulty asks for difficulties of MinDifficulty or more; 0
	// when absent or unreadable.
	MinimumDifficulty bool
	MinDifficulty     work.Difficulty
	// SubscribeExtranonce asks for mining.set_extranonce.
	SubscribeExtranonce bool
	// Info announces the device; its values are not kept.
	Info bool
	// Unknown are the other extensions asked for.
	Unknown [][]byte
}

// Decode reads params. It reuses the memory of Unknown.
func (c *Configure) Decode(params []byte) error {
	*c = Configure{Unknown: c.Unknown[:0]}
	p, err := openParams(MethodConfigure, params)
	if err != nil {
		return err
	}
	if kind := c.extensions(p.next()); kind != 0 {
		return fault(MethodConfigure, "extensions", kind)
	}
	if c.VersionRolling {
		c.VersionMask = math.MaxUint32
	}
	if kind := c.options(p.next()); kind != 0 {
		return fault(MethodConfigure, "options", kind)
	}
	return p.end(MethodConfigure)
}

// extensions decodes the list of what is asked for.
func (c *Configure) extensions(v value) FieldKind {
	switch {
	case !v.given():
		return FieldMissing
	case v.kind != kindArray:
		return FieldType
	}
	l := newList(v.raw, 0, ']')
	for l.more() {
		name, kind := l.next().text()
		if kind != 0 {
			return kind
		}
		switch string(name) {
		case extVersionRolling:
			c.VersionRolling = true
		case extMinimumDifficulty:
			c.MinimumDifficulty = true
		case extSubscribeExtranonce:
			c.SubscribeExtranonce = true
		case extInfo:
			c.Info = true
		default:
			if !c.addUnknown(name) {
				return FieldRange
			}
		}
	}
	return 0
}

// addUnknown notes an extension once; ok is false when there are too many.
func (c *Configure) addUnknown(name []byte) (ok bool) {
	if slices.ContainsFunc(c.Unknown, func(have []byte) bool { return bytes.Equal(have, name) }) {
		return true
	}
	if len(c.Unknown) == MaxExtensions {
		return false
	}
	c.Unknown = append(c.Unknown, name)
	return true
}

// options decodes the object of the extensions' options. Those of extensions
// that were not asked for are ignored, and what cannot be read only takes the
// option away: a miner that cannot spell its mask still gets an answer.
func (c *Configure) options(v value) FieldKind {
	switch {
	case !v.given():
		return 0
	case v.kind != kindObject:
		return FieldType
	}
	var mask, bits, minimum bool
	for m := newMembers(v.raw); ; {
		key, v, ok := m.next()
		if !ok {
			return 0
		}
		seen := false
		switch string(key) {
		case optMask:
			seen, mask = mask, true
			if c.VersionRolling && v.given() {
				word, _ := v.hex32()
				c.VersionMask = work.VersionMask(word)
			}
		case optMinBitCount, optBitCount:
			seen, bits = bits, true
			if word, _ := v.hex32(); c.VersionRolling && word <= 32 {
				c.MinBitCount = int(word)
			}
		case optMinimum:
			seen, minimum = minimum, true
			if c.MinimumDifficulty {
				c.MinDifficulty, _ = v.difficulty()
			}
		}
		if seen {
			return FieldDuplicate
		}
	}
}

// Append appends the request's line. A nil id is written as null.
func (c *Configure) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodConfigure)
	dst = append(dst, '[')
	asked := []struct {
		name string
		is   bool
	}{
		{extVersionRolling, c.VersionRolling},
		{extMinimumDifficulty, c.MinimumDifficulty},
		{extSubscribeExtranonce, c.SubscribeExtranonce},
		{extInfo, c.Info},
	}
	start := len(dst)
	for _, ext := range asked {
		if ext.is {
			dst = append(append(append(dst, '"'), ext.name...), `",`...)
		}
	}
	for _, name := range c.Unknown {
		dst = append(appendString(dst, name), ',')
	}
	dst = append(trimComma(dst, start), `],{`...)
	start = len(dst)
	if c.VersionRolling {
		dst = append(dst, `"`+optMask+`":"`...)
		dst = append(c.VersionMask.AppendHex(dst), `",`...)
	}
	if c.VersionRolling && c.MinBitCount > 0 {
		dst = append(dst, `"`+optMinBitCount+`":`...)
		dst = append(strconv.AppendInt(dst, int64(c.MinBitCount), 10), ',')
	}
	if c.MinimumDifficulty && c.MinDifficulty > 0 {
		dst = append(dst, `"`+optMinimum+`":`...)
		dst = append(c.MinDifficulty.AppendJSON(dst), ',')
	}
	return append(trimComma(dst, start), "}]}\n"...)
}

// trimComma removes the last byte, a comma, if anything was appended since
// dst was of length start.
func trimComma(dst []byte, start int) []byte {
	if len(dst) > start {
		return dst[:len(dst)-1]
	}
	return dst
}
