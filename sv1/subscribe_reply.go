package sv1

import (
	"math"
	"strconv"

	"github.com/loka/stratum/work"
)

// SubscribeReply is the result of mining.subscribe.
type SubscribeReply struct {
	// Session is the session of the mining.notify tuple, or of any tuple;
	// nil when there is none.
	Session []byte
	// Extranonce1 is the pool's part; it may be empty (p2pool).
	Extranonce1 work.Extranonce
	// Extranonce2Size is the miner's part in bytes, 0 to 255; whether it is
	// usable is the caller's to judge.
	Extranonce2Size int
}

// Decode reads the result member: tuples, a flat tuple or none, the size as a
// number or a string. A string result (ckpool: "Initialising") is a
// FieldType error; [Text] reads it.
func (s *SubscribeReply) Decode(result []byte) error {
	*s = SubscribeReply{}
	v, ok := parseValue(result)
	switch {
	case !ok:
		return fault(MethodSubscribe, "result", FieldFormat)
	case !v.given():
		return fault(MethodSubscribe, "result", FieldMissing)
	case v.kind != kindArray:
		return fault(MethodSubscribe, "result", FieldType)
	}
	l := newList(v.raw, 0, ']')
	if tuples := l.next(); tuples.kind == kindArray {
		s.Session = sessionOf(tuples.raw)
	}
	if kind := l.extranonce(&s.Extranonce1); kind != 0 {
		return fault(MethodSubscribe, "extranonce1", kind)
	}
	size, kind := l.next().integer(math.MaxUint8)
	s.Extranonce2Size = size
	return fault(MethodSubscribe, "extranonce2 size", kind)
}

// sessionOf finds the session in a list of [method, session] tuples, or in
// one such tuple: that of mining.notify, or else the last.
func sessionOf(raw []byte) (session []byte) {
	l := newList(raw, 0, ']')
	for l.more() {
		v := l.next()
		var tuple list
		switch v.kind {
		case kindArray:
			tuple = newList(v.raw, 0, ']')
			v = tuple.next()
		case kindString: // p2pool: the tuple is not in a list
			tuple, l.closed = l, true
		default:
			continue
		}
		id, _ := tuple.next().optionalText()
		if id != nil {
			session = id
		}
		if name, _ := v.optionalText(); id != nil && string(name) == "mining.notify" {
			return session
		}
	}
	return session
}

// Append appends the reply's line with both tuples, as cgminer, ckproxy,
// NerdMiner and ESP-Miner need them.
func (s *SubscribeReply) Append(dst, id []byte) []byte {
	dst = appendReply(dst, id)
	dst = append(dst, `[[["mining.set_difficulty",`...)
	dst = appendString(dst, s.Session)
	dst = append(dst, `],["mining.notify",`...)
	dst = appendString(dst, s.Session)
	dst = append(dst, `]],"`...)
	dst = s.Extranonce1.AppendHex(dst)
	dst = append(dst, `",`...)
	dst = strconv.AppendInt(dst, int64(s.Extranonce2Size), 10)
	return append(dst, `],"error":null}`+"\n"...)
}
