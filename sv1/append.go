package sv1

import "unicode/utf8"

// appendID appends a raw id, null for none.
func appendID(dst, id []byte) []byte {
	if len(id) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, id...)
}

// appendRequest begins a request's or notification's line, up to its first
// parameter.
func appendRequest(dst, id []byte, method Method) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, id)
	dst = append(dst, `,"method":"`...)
	dst = append(dst, method.String()...)
	return append(dst, `","params":[`...)
}

// appendReply begins a reply's line, up to its result.
func appendReply(dst, id []byte) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendID(dst, id)
	return append(dst, `,"result":`...)
}

// appendOptional appends text as a JSON string, nil as null.
func appendOptional(dst, text []byte) []byte {
	if text == nil {
		return append(dst, "null"...)
	}
	return appendString(dst, text)
}

// appendString appends text as a JSON string. What is not UTF-8 becomes
// U+FFFD, so that the line is valid whatever the text.
func appendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for {
		i := spanPlain(text, 0)
		dst = append(dst, text[:i]...)
		if i == len(text) {
			return append(dst, '"')
		}
		r, n := utf8.DecodeRune(text[i:])
		dst = appendEscaped(dst, r)
		text = text[i+n:]
	}
}

// appendEscaped appends one character that is not plain.
func appendEscaped(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r < ' ':
		return append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&0xf])
	}
	return utf8.AppendRune(dst, r)
}
