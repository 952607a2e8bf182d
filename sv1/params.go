package sv1

import (
	"encoding/binary"
	"math/bits"

	"github.com/loka/stratum/work"
)

// list walks the elements of an array, or the members of an object.
type list struct {
	b []byte
	// i is where the next element begins, or behind the closing byte once
	// closed.
	i      int
	closed bool
	// bad is set once what was walked turned out not to be JSON.
	bad bool
}

// newList walks from behind the opening byte at i.
func newList(b []byte, i int, closing byte) list {
	l := list{b: b, i: skipSpace(b, i+1)}
	if l.i < len(b) && b[l.i] == closing {
		l.i++
		l.closed = true
	}
	return l
}

// next returns the next element; an absent value at the end.
func (l *list) next() value {
	if l.closed {
		return value{}
	}
	start := l.i
	if end := plainString(l.b, start); end > 0 {
		l.skip(end, ']')
		return value{kind: kindString, plain: true, raw: l.b[start+1 : end-1 : end-1]}
	}
	end, kind := scanValue(l.b, start, 1)
	if kind != 0 {
		l.fail()
		return value{}
	}
	l.skip(end, ']')
	return makeValue(l.b[start:end])
}

// word is next for a field of four bytes: hex of 1 to 8 digits, or a number.
func (l *list) word() (uint32, FieldKind) {
	if v, ok := l.fullWord(); ok {
		return v, 0
	}
	return l.next().hex32()
}

// optionalWord is word for a field that may be absent, null or "".
func (l *list) optionalWord() (word uint32, given bool, kind FieldKind) {
	if v, ok := l.fullWord(); ok {
		return v, true, 0
	}
	v := l.next()
	if !v.given() || v.kind == kindString && len(v.raw) == 0 {
		return 0, false, 0
	}
	word, kind = v.hex32()
	return word, true, kind
}

// fullWord is the short cut for the usual eight hex digits, which need no
// other check to be a string; it moves only if it finds them.
func (l *list) fullWord() (word uint32, ok bool) {
	const size = len(`"01234567"`)
	i := l.i
	if l.closed || len(l.b)-i <= size || l.b[i] != '"' || l.b[i+size-1] != '"' {
		return 0, false
	}
	v, bad := hexWord(binary.LittleEndian.Uint64(l.b[i+1:]))
	if bad != 0 {
		return 0, false
	}
	l.skip(i+size, ']')
	return bits.ReverseBytes32(v), true
}

// hash is next for a field of 64 hex digits, read into dst in their order.
func (l *list) hash(dst *work.Hash) FieldKind {
	const size = 2*len(work.Hash{}) + len(`""`)
	if i := l.i; !l.closed && len(l.b)-i > size && l.b[i] == '"' && l.b[i+size-1] == '"' &&
		decodeHash((*[32]byte)(dst), (*[64]byte)(l.b[i+1:])) {
		l.skip(i+size, ']')
		return 0
	}
	return l.next().hash(dst)
}

// text is next for a field that is a string, or a number as its digits.
func (l *list) text() ([]byte, FieldKind) {
	if start := l.i; !l.closed {
		if end := plainString(l.b, start); end > 0 {
			l.skip(end, ']')
			return l.b[start+1 : end-1 : end-1], 0
		}
	}
	return l.next().text()
}

// extranonce is next for an extranonce, with a short cut for four bytes.
func (l *list) extranonce(dst *work.Extranonce) FieldKind {
	if v, ok := l.fullWord(); ok {
		var buf [4]byte
		binary.BigEndian.PutUint32(buf[:], v)
		*dst, _ = work.MakeExtranonce(buf[:])
		return 0
	}
	return l.next().extranonce(dst)
}

// skip goes on from behind an element to the next, or to the end, where the
// array or object closes with the byte given.
func (l *list) skip(end int, closing byte) {
	if end+1 < len(l.b) && l.b[end] == ',' && l.b[end+1] > ' ' {
		l.i = end + 1
		return
	}
	l.skipSpaced(end, closing)
}

func (l *list) skipSpaced(end int, closing byte) {
	end = skipSpace(l.b, end)
	switch {
	case end < len(l.b) && l.b[end] == ',':
		l.i = skipSpace(l.b, end+1)
	case end < len(l.b) && l.b[end] == closing:
		l.i, l.closed = end+1, true
	default:
		l.fail()
	}
}

// more reports whether there is another element.
func (l *list) more() bool { return !l.closed }

func (l *list) fail() { l.bad, l.closed = true, true }

// enter walks the array that is the next element, without a pass over it;
// leave goes on behind it. ok is false when it is no array.
func (l *list) enter() (inner list, ok bool) {
	if l.closed || l.i >= len(l.b) || l.b[l.i] != '[' {
		return list{}, false
	}
	return newList(l.b, l.i, ']'), true
}

// leave goes on behind an inner list that was walked to its end.
func (l *list) leave(inner *list) {
	if inner.bad {
		l.fail()
		return
	}
	l.skip(inner.i, ']')
}

// members walks the members of an object.
type members struct{ list }

// newMembers walks an object that is known to begin with its brace.
func newMembers(raw []byte) members { return members{newList(raw, 0, '}')} }

// next returns the next member, its key unescaped; ok is false at the end.
func (m *members) next() (key []byte, v value, ok bool) {
	if m.closed {
		return nil, value{}, false
	}
	keyEnd, start, kind := scanKey(m.b, m.i)
	if kind != 0 {
		m.fail()
		return nil, value{}, false
	}
	key = unescape(m.b[m.i+1 : keyEnd-1])
	end, kind := scanValue(m.b, start, 1)
	if kind != 0 {
		m.fail()
		return nil, value{}, false
	}
	m.skip(end, '}')
	return key, makeValue(m.b[start:end]), true
}

// openParams begins to walk params, which may be absent or null.
func openParams(method Method, params []byte) (list, error) {
	if isNull(params) {
		return list{closed: true}, nil
	}
	if params[0] != '[' {
		return list{}, fault(method, "params", FieldType)
	}
	return newList(params, 0, ']'), nil
}

// end reports the fault of a list that turned out not to be JSON, which
// cannot be when it was scanned.
func (l *list) end(method Method) error {
	if l.bad {
		return fault(method, "params", FieldFormat)
	}
	return nil
}
