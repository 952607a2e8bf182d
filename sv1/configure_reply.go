package sv1

import (
	"strconv"

	"github.com/loka/stratum/work"
)

// Grant is the answer to one extension.
type Grant uint8

// The answers to an extension.
const (
	// GrantAbsent: not in the request, so not in the reply.
	GrantAbsent Grant = iota
	// GrantYes is true.
	GrantYes
	// GrantNo is false, or an error text.
	GrantNo
)

// ConfigureReply is the result of mining.configure.
type ConfigureReply struct {
	VersionRolling Grant
	// VersionMask is what may be rolled, when VersionRolling is granted; 0
	// when the reply names none.
	VersionMask         work.VersionMask
	MinimumDifficulty   Grant
	SubscribeExtranonce Grant
	Info                Grant
	// Unknown are other extensions to refuse; a decoded reply has none.
	Unknown [][]byte
}

// Decode reads the result member, an object.
func (c *ConfigureReply) Decode(result []byte) error {
	*c = ConfigureReply{}
	v, ok := parseValue(result)
	switch {
	case !ok:
		return fault(MethodConfigure, "result", FieldFormat)
	case !v.given():
		return fault(MethodConfigure, "result", FieldMissing)
	case v.kind != kindObject:
		return fault(MethodConfigure, "result", FieldType)
	}
	for m := newMembers(v.raw); ; {
		key, v, ok := m.next()
		if !ok {
			return nil
		}
		switch string(key) {
		case extVersionRolling:
			c.VersionRolling = v.grant()
		case extMinimumDifficulty:
			c.MinimumDifficulty = v.grant()
		case extSubscribeExtranonce:
			c.SubscribeExtranonce = v.grant()
		case extInfo:
			c.Info = v.grant()
		case optMask:
			word, _ := v.hex32()
			c.VersionMask = work.VersionMask(word)
		}
	}
}

// grant reads the answer to one extension.
func (v value) grant() Grant {
	if v.kind == kindBool && v.raw[0] == 't' {
		return GrantYes
	}
	return GrantNo
}

// Append appends the reply's line with the keys that were asked for only.
func (c *ConfigureReply) Append(dst, id []byte) []byte {
	dst = append(appendReply(dst, id), '{')
	start := len(dst)
	dst = c.VersionRolling.append(dst, extVersionRolling)
	if c.VersionRolling == GrantYes {
		dst = append(dst, `"`+optMask+`":"`...)
		dst = append(c.VersionMask.AppendHex(dst), `",`...)
	}
	dst = c.MinimumDifficulty.append(dst, extMinimumDifficulty)
	dst = c.SubscribeExtranonce.append(dst, extSubscribeExtranonce)
	dst = c.Info.append(dst, extInfo)
	for _, name := range c.Unknown {
		dst = append(appendString(dst, name), ":false,"...)
	}
	return append(append(trimComma(dst, start), '}'), endOfResult...)
}

// append appends the member of one extension, if it was asked for.
func (g Grant) append(dst []byte, name string) []byte {
	if g == GrantAbsent {
		return dst
	}
	dst = append(append(append(dst, '"'), name...), `":`...)
	return append(strconv.AppendBool(dst, g == GrantYes), ',')
}
