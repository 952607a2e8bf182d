package work

// Nonce is a block header's nonce.
type Nonce uint32

// ParseNonce reads 1 to 8 hex digits of either case, most significant first,
// after an optional 0x. The error is a [*ParseError] with [ErrLength] or
// [ErrDigit].
func ParseNonce(b []byte) (Nonce, error) {
	v, err := parseHex32("nonce", b)
	return Nonce(v), err
}

// AppendHex appends eight lower-case hex digits, most significant first.
func (n Nonce) AppendHex(dst []byte) []byte { return appendHex32(dst, uint32(n)) }

// String prints eight lower-case hex digits.
func (n Nonce) String() string { return hex32String(uint32(n)) }
