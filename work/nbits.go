package work

// NBits is the compact form of the network's target: an exponent in bytes
// (the highest byte) and a 23-bit mantissa with a sign bit above it.
type NBits uint32

const (
	compactSign     = 0x00800000
	compactMantissa = 0x007fffff
)

// ParseNBits reads 1 to 8 hex digits of either case, most significant first,
// after an optional 0x. The error is a [*ParseError] with [ErrLength] or
// [ErrDigit]. Whether the bits stand for a target is for [NBits.Target] to say.
func ParseNBits(b []byte) (NBits, error) {
	v, err := parseHex32("nbits", b)
	return NBits(v), err
}

// AppendHex appends eight lower-case hex digits, most significant first.
func (b NBits) AppendHex(dst []byte) []byte { return appendHex32(dst, uint32(b)) }

// String prints eight lower-case hex digits.
func (b NBits) String() string { return hex32String(uint32(b)) }

// Target returns the target that the bits stand for. As for Bitcoin Core's
// CheckProofOfWork (arith_uint256::SetCompact), bits that are negative, have
// more than 256 bits or are zero are no target: the error is a [*ParseError]
// with [ErrNegative], [ErrOverflow] or [ErrZero].
func (b NBits) Target() (Target, error) {
	size := uint(b >> 24)
	word := uint64(b & compactMantissa)
	if size <= 3 {
		word >>= 8 * (3 - size)
	}
	switch {
	case word == 0:
		return Target{}, &ParseError{What: "nbits", Err: ErrZero}
	case b&compactSign != 0:
		return Target{}, &ParseError{What: "nbits", Err: ErrNegative}
	case size > 34, word > 0xff && size > 33, word > 0xffff && size > 32:
		return Target{}, &ParseError{What: "nbits", Err: ErrOverflow}
	case size <= 3:
		return Target{word}, nil
	}
	shift := 8 * (size - 3)
	limb, rest := shift/64, shift%64
	var t Target
	t[limb] = word << rest
	if rest > 0 && limb < 3 {
		t[limb+1] = word >> (64 - rest)
	}
	return t, nil
}

// Difficulty returns how much harder than difficulty 1 a block is to find: that
// of [NBits.Target], to the precision of a float64. It is 0, which is no
// difficulty, where the bits are no target. It does not allocate.
func (b NBits) Difficulty() Difficulty {
	t, err := b.Target()
	if err != nil {
		return 0
	}
	return t.Difficulty()
}
