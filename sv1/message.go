package sv1

import (
	"bytes"
	"encoding/binary"
)

// MaxDepth is how deep a line's arrays and objects may nest, the line's own
// object included.
const MaxDepth = 8

// Message is one line: a request, a notification or a response. Its fields
// are raw JSON, aliasing the line; nil means that the member is absent, while
// a member that is null is the four bytes "null".
type Message struct {
	// ID is the id's own bytes: a number, a string with its quotes, or null.
	// Echo it as it is: firmware uses integers, floats, strings and negative
	// and repeated numbers, and expects back what it sent.
	ID []byte
	// Method is the content of the method's string, without quotes; nil when
	// absent or null. An escape in it is left as it is, so that such a method
	// is no known one.
	Method []byte
	// Params, Result and Error are the members of these names.
	Params, Result, Error []byte
	// RejectReason is the member "reject-reason" of the ckpool family.
	RejectReason []byte
}

// Kind is what a [Message] is.
type Kind uint8

// The kinds of message.
const (
	// KindUnknown is an object with neither method, result nor error.
	KindUnknown Kind = iota
	// KindRequest has a method and an id that is not null: it wants an answer.
	KindRequest
	// KindNotification has a method and no id, or a null one.
	KindNotification
	// KindResponse has a result or an error and no method. ESP-Miner's pong,
	// which has a method, is one too, as is any message with a method and a
	// result that is not null.
	KindResponse
)

// Scan checks line, which may end in blanks, CR or LF, and points m's fields
// into it. The error is a *[SyntaxError]. With its kinds [BadID] and
// [BadMethod] the line was sound JSON and the other fields of m are set; with
// any other kind m is empty.
//
// Any key order and white space is taken. Members with unknown names are
// checked and ignored, and those that differ from a known name only in case
// are unknown: "ID" is not the id. A known name that is given twice, or
// written with an escape, is refused, so that no two parsers on a line's way
// can read different things in it.
func (m *Message) Scan(line []byte) error {
	*m = Message{}
	i := skipSpace(line, 0)
	if i >= len(line) {
		return &SyntaxError{Kind: Empty, Offset: i}
	}
	if line[i] != '{' {
		return &SyntaxError{Kind: NotObject, Offset: i}
	}
	s := memberScan{m: m, line: line}
	end, kind := s.object(i + 1)
	if kind == 0 {
		if end = skipSpace(line, end); end < len(line) {
			kind = TrailingData
		}
	}
	if kind != 0 {
		*m = Message{}
		return &SyntaxError{Kind: kind, Offset: end}
	}
	if s.policy != 0 {
		return &SyntaxError{Kind: s.policy, Offset: s.policyAt}
	}
	return nil
}

// memberScan is the state of one Scan.
type memberScan struct {
	m    *Message
	line []byte
	// seen has a bit for each known member met.
	seen member
	// policy is BadID or BadMethod once met, found at policyAt.
	policy   SyntaxKind
	policyAt int
}

// member is one of the known members, as a bit.
type member uint8

const (
	memberID member = 1 << iota
	memberMethod
	memberParams
	memberResult
	memberError
	memberRejectReason
)

// memberOf names a key.
func memberOf(key []byte) member {
	switch string(key) {
	case "id":
		return memberID
	case "method":
		return memberMethod
	case "params":
		return memberParams
	case "result":
		return memberResult
	case "error":
		return memberError
	case "reject-reason":
		return memberRejectReason
	}
	return 0
}

// object scans the line's object from behind its brace.
func (s *memberScan) object(i int) (int, SyntaxKind) {
	b := s.line
	i = skipSpace(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1, 0
	}
	for {
		var kind SyntaxKind
		which, value := frequentKey(b, i)
		if which == 0 {
			which, value, kind = s.rareKey(i)
		}
		if kind == 0 && s.seen&which != 0 {
			value, kind = i, DuplicateKey
		}
		if kind != 0 {
			return value, kind
		}
		s.seen |= which
		switch { // as in scanValue: its call would cost as much as what is checked
		case value >= len(b):
			return value, Malformed
		case b[value] == '"':
			i, kind = scanString(b, value+1)
		case b[value] == '[':
			i, kind = scanArray(b, value+1, 2)
		case b[value]-'0' <= 9:
			i, kind = scanNumber(b, value)
		default:
			i, kind = scanValue(b, value, 1)
		}
		if kind != 0 {
			return i, kind
		}
		s.member(which, value, i)
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != ',' {
			break
		}
		i = skipSpace(b, i+1)
	}
	if i >= len(b) || b[i] != '}' {
		return i, Malformed
	}
	return i + 1, 0
}

// rareKey names the member whose key begins at i, and refuses one in disguise. value is
// the index of its value, or that of the fault.
func (s *memberScan) rareKey(i int) (which member, value int, kind SyntaxKind) {
	end, value, kind := scanKey(s.line, i)
	if kind != 0 {
		return 0, value, kind
	}
	key := s.line[i+1 : end-1]
	if which = memberOf(key); which == 0 && bytes.IndexByte(key, '\\') >= 0 && escapedMember(key) {
		return 0, i, EscapedKey
	}
	return which, value, 0
}

// frequentKey is a short cut for the keys that every line has, written
// without white space around the colon; which is 0 for all else.
func frequentKey(b []byte, i int) (which member, value int) {
	const (
		id     = 'i' | 'd'<<8 | '"'<<16 | ':'<<24
		method = 'm' | 'e'<<8 | 't'<<16 | 'h'<<24 | 'o'<<32 | 'd'<<40 | '"'<<48 | ':'<<56
		params = 'p' | 'a'<<8 | 'r'<<16 | 'a'<<24 | 'm'<<32 | 's'<<40 | '"'<<48 | ':'<<56
		result = 'r' | 'e'<<8 | 's'<<16 | 'u'<<24 | 'l'<<32 | 't'<<40 | '"'<<48 | ':'<<56
	)
	if len(b)-i < 10 || b[i] != '"' || b[i+9] <= ' ' {
		return 0, 0
	}
	switch x := binary.LittleEndian.Uint64(b[i+1:]); {
	case x == method:
		return memberMethod, i + 9
	case x == params:
		return memberParams, i + 9
	case x == result:
		return memberResult, i + 9
	case x&0xffffffff == id && x>>32&0xff > ' ':
		return memberID, i + 5
	}
	return 0, 0
}

// escapedMember reports whether a key with escapes spells a known member.
func escapedMember(key []byte) bool {
	var buf [6 * len("reject-reason")]byte
	return len(key) <= len(buf) && memberOf(appendUnescaped(buf[:0], key)) != 0
}

// member notes the value of a member.
func (s *memberScan) member(which member, start, end int) {
	raw := s.line[start:end:end]
	switch which {
	case memberID:
		switch raw[0] {
		case 't', 'f', '[', '{':
			s.refuse(BadID, start)
		default:
			s.m.ID = raw
		}
	case memberMethod:
		switch raw[0] {
		case '"':
			s.m.Method = raw[1 : len(raw)-1]
		case 'n':
		default:
			s.refuse(BadMethod, start)
		}
	case memberParams:
		s.m.Params = raw
	case memberResult:
		s.m.Result = raw
	case memberError:
		s.m.Error = raw
	case memberRejectReason:
		s.m.RejectReason = raw
	}
}

func (s *memberScan) refuse(kind SyntaxKind, at int) {
	if s.policy == 0 {
		s.policy, s.policyAt = kind, at
	}
}

// Kind tells what m is.
func (m *Message) Kind() Kind {
	switch {
	case m.Method == nil && m.Result == nil && m.Error == nil:
		return KindUnknown
	case m.Method == nil, !isNull(m.Result), string(m.Method) == "pong":
		return KindResponse
	case m.HasID():
		return KindRequest
	}
	return KindNotification
}

// HasID reports whether m has an id that is not null: whether its sender
// waits for an answer.
func (m *Message) HasID() bool { return !isNull(m.ID) }

// isNull reports whether a member is absent or null.
func isNull(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }
