package sv1

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The scan functions take the whole line and an index, and return the index
// behind what they checked and 0, or the index of the fault and its kind.

// skipSpace returns the index of the first byte at or after i that is not
// JSON white space.
//
//gcassert:inline
func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// scanValue checks the value that begins at i. depth is that of the array or
// object around it.
func scanValue(b []byte, i, depth int) (int, SyntaxKind) {
	if i >= len(b) {
		return i, Malformed
	}
	switch c := b[i]; {
	case c == '"':
		return scanString(b, i+1)
	case c == '-' || c >= '0' && c <= '9':
		return scanNumber(b, i)
	case c == '[':
		return scanArray(b, i+1, depth+1)
	case c == '{':
		return scanObject(b, i+1, depth+1)
	case c == 't':
		return scanLiteral(b, i, "true")
	case c == 'f':
		return scanLiteral(b, i, "false")
	case c == 'n':
		return scanLiteral(b, i, "null")
	}
	return i, Malformed
}

func scanLiteral(b []byte, i int, word string) (int, SyntaxKind) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, Malformed
	}
	return i + len(word), 0
}

// scanArray checks the rest of an array, from behind its bracket.
func scanArray(b []byte, i, depth int) (int, SyntaxKind) {
	if depth > MaxDepth {
		return i - 1, TooDeep
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1, 0
	}
	for {
		var kind SyntaxKind
		if i < len(b) && b[i] == '"' {
			i, kind = scanString(b, i+1)
		} else {
			i, kind = scanValue(b, i, depth)
		}
		if kind != 0 {
			return i, kind
		}
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != ',' {
			break
		}
		i = skipSpace(b, i+1)
	}
	if i >= len(b) || b[i] != ']' {
		return i, Malformed
	}
	return i + 1, 0
}

// plainString returns the index behind the string that begins at i if there
// is one and nothing in it needs a second look, else 0.
func plainString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return 0
	}
	if i = spanPlain(b, i+1); i < len(b) && b[i] == '"' {
		return i + 1
	}
	return 0
}

// scanObject checks the rest of an object, from behind its brace.
func scanObject(b []byte, i, depth int) (int, SyntaxKind) {
	if depth > MaxDepth {
		return i - 1, TooDeep
	}
	i = skipSpace(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1, 0
	}
	for {
		_, value, kind := scanKey(b, i)
		if kind != 0 {
			return value, kind
		}
		if i, kind = scanValue(b, value, depth); kind != 0 {
			return i, kind
		}
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

// scanKey checks an object's key that begins at i, and its colon. It returns
// the index behind the key's closing quote and that of the value.
func scanKey(b []byte, i int) (end, value int, kind SyntaxKind) {
	if i >= len(b) || b[i] != '"' {
		return i, i, Malformed
	}
	if end, kind = scanString(b, i+1); kind != 0 {
		return end, end, kind
	}
	value = skipSpace(b, end)
	if value >= len(b) || b[value] != ':' {
		return end, value, Malformed
	}
	return end, skipSpace(b, value+1), 0
}

// scanString checks the rest of a string, from behind its opening quote.
func scanString(b []byte, i int) (int, SyntaxKind) {
	// Most strings are short and plain: this loop is spanPlain's, written out
	// because the call would cost as much as the work.
	for ; i+8 <= len(b); i += 8 {
		hit := special(binary.LittleEndian.Uint64(b[i : i+8]))
		if hit == 0 {
			continue
		}
		if i += bits.TrailingZeros64(hit) >> 3; b[i] == '"' {
			return i + 1, 0
		}
		break
	}
	return scanRest(b, i)
}

// scanRest is scanString for what its loop left.
func scanRest(b []byte, i int) (int, SyntaxKind) {
	for {
		i = spanPlain(b, i)
		if i >= len(b) {
			return i, Malformed
		}
		if b[i] == '"' {
			return i + 1, 0
		}
		var kind SyntaxKind
		if i, kind = scanSpecial(b, i); kind != 0 {
			return i, kind
		}
	}
}

// scanSpecial checks the escape or the character of more than one byte at i.
func scanSpecial(b []byte, i int) (int, SyntaxKind) {
	switch c := b[i]; {
	case c == '\\':
		return scanEscape(b, i)
	case c >= utf8.RuneSelf:
		if r, n := utf8.DecodeRune(b[i:]); r != utf8.RuneError || n == 3 {
			return i + n, 0
		}
		return i, BadUTF8
	}
	return i, Malformed
}

// scanEscape checks the escape at i, both halves of it if it is a surrogate.
func scanEscape(b []byte, i int) (int, SyntaxKind) {
	if i+1 >= len(b) {
		return i, Malformed
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, 0
	}
	first, ok := unicodeEscape(b, i)
	if !ok {
		return i, Malformed
	}
	if !utf16.IsSurrogate(first) {
		return i + 6, 0
	}
	second, ok := unicodeEscape(b, i+6)
	if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
		return i, LoneSurrogate
	}
	return i + 12, 0
}

// unicodeEscape reads the \uXXXX at i.
func unicodeEscape(b []byte, i int) (r rune, ok bool) {
	if len(b)-i < 6 || b[i] != '\\' || b[i+1] != 'u' {
		return 0, false
	}
	v, ok := hexDigits(b[i+2 : i+6])
	return rune(v), ok //nolint:gosec // four digits
}

// scanNumber checks the number that begins at i.
func scanNumber(b []byte, i int) (int, SyntaxKind) {
	if b[i] == '-' {
		i++
	}
	start := i
	i = skipDigits(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return start, Malformed
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = skipDigits(b, start); i == start {
			return i, Malformed
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(b, start); i == start {
			return i, Malformed
		}
	}
	return i, 0
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// unescape returns the text of a string's content that was scanned: content
// itself if it holds no escape, else a copy.
func unescape(content []byte) []byte {
	if bytes.IndexByte(content, '\\') < 0 {
		return content
	}
	return appendUnescaped(make([]byte, 0, len(content)), content)
}

// appendUnescaped appends the text of a string's content that was scanned. It
// is never longer than the content.
func appendUnescaped(dst, content []byte) []byte {
	for {
		i := bytes.IndexByte(content, '\\')
		if i < 0 || i+1 >= len(content) {
			return append(dst, content...)
		}
		dst = append(dst, content[:i]...)
		n := 2
		switch c := content[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := unicodeEscape(content, i)
			n = 6
			if utf16.IsSurrogate(r) {
				second, _ := unicodeEscape(content, i+6)
				r = utf16.DecodeRune(r, second)
				n = 12
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
		content = content[min(i+n, len(content)):]
	}
}
