package work

import "errors"

// What can be wrong with a value that is read. They come wrapped in a
// [*ParseError]; match them with errors.Is.
var (
	// ErrLength: too few or too many characters or bytes.
	ErrLength = errors.New("wrong length")
	// ErrDigit: a character that is not a hex digit.
	ErrDigit = errors.New("not a hex digit")
	// ErrSyntax: not a decimal number.
	ErrSyntax = errors.New("not a decimal number")
	// ErrRange: a number outside of what the type can hold, or of what is taken.
	ErrRange = errors.New("out of range")
	// ErrNegative: compact bits, or an amount, with the sign set.
	ErrNegative = errors.New("negative")
	// ErrOverflow: compact bits of more than 256 bits.
	ErrOverflow = errors.New("more than 256 bits")
	// ErrZero: compact bits that stand for zero.
	ErrZero = errors.New("zero")
	// ErrForm: bytes that are not what they should be.
	ErrForm = errors.New("malformed")
)

// ParseError says which kind of value could not be read, and why. It does not
// hold the input, which is a peer's and may be anything.
type ParseError struct {
	// What is the kind of value, such as "ntime".
	What string
	// Err is one of this package's errors.
	Err error
}

// Error names the value and the reason.
func (e *ParseError) Error() string { return e.What + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }
