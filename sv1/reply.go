package sv1

// Codes of a refusal.
const (
	CodeOther         = 20
	CodeStale         = 21
	CodeDuplicate     = 22
	CodeLowDifficulty = 23
	CodeUnauthorized  = 24
	CodeNotSubscribed = 25
)

// endOfResult ends a reply that is no refusal.
const endOfResult = `,"error":null}` + "\n"

// AppendTrue appends the line of a reply whose result is true. A nil id is
// written as null, here and in the others.
func AppendTrue(dst, id []byte) []byte {
	return append(appendReply(dst, id), "true"+endOfResult...)
}

// AppendResult appends the line of a reply whose result is the raw JSON given.
func AppendResult(dst, id, result []byte) []byte {
	return append(append(appendReply(dst, id), result...), endOfResult...)
}

// AppendText appends the line of a reply whose result is a string.
func AppendText(dst, id []byte, text string) []byte {
	return append(appendString(appendReply(dst, id), []byte(text)), endOfResult...)
}

// Accepted reports whether m, the reply to a mining.submit, takes the share:
// no error (see [DecodeError]) and a result that is there and neither null
// nor false. A null result without an error is no acceptance; for other
// requests see [Granted].
func Accepted(m *Message) bool {
	return !isNull(m.Result) && granted(m)
}

// Granted is [Accepted] for requests other than mining.submit: a result that
// is null or absent grants too, unless there is a reject-reason. p2pool so
// answers mining.authorize.
func Granted(m *Message) bool {
	if isNull(m.Result) {
		return isNull(m.RejectReason) && granted(m)
	}
	return granted(m)
}

func granted(m *Message) bool {
	if string(m.Result) == "false" {
		return false
	}
	_, failed := DecodeError(m.Error)
	return !failed
}

// Text reads a raw JSON value that is a string. The bytes alias raw unless
// there was an escape.
func Text(raw []byte) (text []byte, ok bool) {
	v, ok := parseValue(raw)
	if !ok || v.kind != kindString {
		return nil, false
	}
	return unescape(v.raw), true
}
