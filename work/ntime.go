package work

// NTime is a block header's time, in seconds since 1970 UTC.
type NTime uint32

// ParseNTime reads 1 to 8 hex digits of either case, most significant first,
// after an optional 0x. The error is a [*ParseError] with [ErrLength] or
// [ErrDigit].
func ParseNTime(b []byte) (NTime, error) {
	v, err := parseHex32("ntime", b)
	return NTime(v), err
}

// AppendHex appends eight lower-case hex digits, most significant first.
func (t NTime) AppendHex(dst []byte) []byte { return appendHex32(dst, uint32(t)) }

// String prints eight lower-case hex digits.
func (t NTime) String() string { return hex32String(uint32(t)) }
