package sv1

import (
	"errors"
	"strconv"
)

// Errors of [Reader] and [SplitLine].
var (
	// ErrLineTooLong is a line with no end within the limit.
	ErrLineTooLong = errors.New("line too long")
	// ErrNUL is a zero byte in a line; C peers lose what follows it.
	ErrNUL = errors.New("zero byte in line")
)

// SyntaxKind says what is wrong with a line.
type SyntaxKind uint8

// What can be wrong with a line.
const (
	// Malformed is what no JSON parser takes.
	Malformed SyntaxKind = iota + 1
	// Empty is a line of nothing but white space.
	Empty
	// NotObject is a line that does not begin with an object: a batch, a
	// bare value, or no JSON at all.
	NotObject
	// TrailingData is something after the object.
	TrailingData
	// TooDeep is nesting beyond [MaxDepth].
	TooDeep
	// BadUTF8 is a string that is not UTF-8.
	BadUTF8
	// LoneSurrogate is an escaped half of a surrogate pair.
	LoneSurrogate
	// DuplicateKey is a known member given twice.
	DuplicateKey
	// EscapedKey is a known member's name written with an escape.
	EscapedKey
	// BadID is an id that is a boolean, an array or an object.
	BadID
	// BadMethod is a method that is neither a string nor null.
	BadMethod
)

// String says it in words.
func (k SyntaxKind) String() string {
	switch k {
	case Malformed:
		return "malformed JSON"
	case Empty:
		return "empty line"
	case NotObject:
		return "not a JSON object"
	case TrailingData:
		return "data behind the JSON object"
	case TooDeep:
		return "JSON nested too deep"
	case BadUTF8:
		return "string not in UTF-8"
	case LoneSurrogate:
		return "lone surrogate in a string"
	case DuplicateKey:
		return "duplicate key"
	case EscapedKey:
		return "known key written with an escape"
	case BadID:
		return "id not a number, string or null"
	case BadMethod:
		return "method not a string"
	}
	return "unknown syntax error"
}

// SyntaxError is why [Message.Scan] refused a line.
type SyntaxError struct {
	Kind SyntaxKind
	// Offset is the byte of the line at which it was found.
	Offset int
}

// Error says what is wrong, and where.
func (e *SyntaxError) Error() string {
	return e.Kind.String() + " at byte " + strconv.Itoa(e.Offset)
}

// FieldKind says what is wrong with a field.
type FieldKind uint8

// What can be wrong with a field.
const (
	// FieldMissing is a required field that is absent or null.
	FieldMissing FieldKind = iota + 1
	// FieldType is a value of a JSON type that this field cannot be read from.
	FieldType
	// FieldFormat is a text that is not what the field is made of, such as
	// hex of an odd length.
	FieldFormat
	// FieldRange is a value outside the field's range.
	FieldRange
	// FieldDuplicate is a known option given twice.
	FieldDuplicate
)

// String says it in words that follow the field's name.
func (k FieldKind) String() string {
	switch k {
	case FieldMissing:
		return "missing"
	case FieldType:
		return "of the wrong type"
	case FieldFormat:
		return "malformed"
	case FieldRange:
		return "out of range"
	case FieldDuplicate:
		return "given twice"
	}
	return "unsound"
}

// FieldError is why a decoder refused a message.
type FieldError struct {
	// Method is the message it was found in.
	Method Method
	// Field is the field's name, such as "extranonce2".
	Field string
	Kind  FieldKind
}

// Error says what is wrong with which field, in words fit for a reply.
func (e *FieldError) Error() string {
	return e.Method.String() + ": " + e.Field + " " + e.Kind.String()
}

// fault makes a FieldError of a fault, nil of none.
func fault(method Method, field string, kind FieldKind) error {
	if kind == 0 {
		return nil
	}
	return &FieldError{Method: method, Field: field, Kind: kind}
}
