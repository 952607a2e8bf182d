package work

// Version is a block header's version field. Miners may roll those of its
// bits that a [VersionMask] names.
type Version uint32

// ParseVersion reads 1 to 8 hex digits of either case, most significant
// first, after an optional 0x. The error is a [*ParseError] with [ErrLength]
// or [ErrDigit].
func ParseVersion(b []byte) (Version, error) {
	v, err := parseHex32("version", b)
	return Version(v), err
}

// AppendHex appends eight lower-case hex digits, most significant first.
func (v Version) AppendHex(dst []byte) []byte { return appendHex32(dst, uint32(v)) }

// String prints eight lower-case hex digits.
func (v Version) String() string { return hex32String(uint32(v)) }

// VersionMask is a set of version bits: those that may be rolled, or those
// that a submit carries as its sixth field.
type VersionMask uint32

const (
	// MaskBIP320 is the set of bits 13 to 28, which BIP 320 leaves to miners.
	MaskBIP320 VersionMask = 0x1fffe000
	// MaskBIP323 is the set of bits 5 to 28, which BIP 323 leaves to miners.
	MaskBIP323 VersionMask = 0x1fffffe0
)

// ParseVersionMask reads 1 to 8 hex digits of either case, most significant
// first, after an optional 0x. The error is a [*ParseError] with [ErrLength]
// or [ErrDigit].
func ParseVersionMask(b []byte) (VersionMask, error) {
	v, err := parseHex32("version mask", b)
	return VersionMask(v), err
}

// AppendHex appends eight lower-case hex digits, most significant first.
func (m VersionMask) AppendHex(dst []byte) []byte { return appendHex32(dst, uint32(m)) }

// String prints eight lower-case hex digits.
func (m VersionMask) String() string { return hex32String(uint32(m)) }

// Allows reports whether bits has no bit outside of the mask. A submit whose
// sixth field is not allowed is invalid (BIP 310).
func (m VersionMask) Allows(bits VersionMask) bool { return bits&^m == 0 }

// Replace returns v with its masked bits taken from bits. This is the rule of
// BIP 310. Bits outside of the mask are ignored, as they are in [VersionMask.Or] and
// [VersionMask.Xor]; see [VersionMask.Allows].
func (m VersionMask) Replace(v Version, bits VersionMask) Version {
	return v&^Version(m) | Version(bits&m)
}

// Or returns v with the masked bits of bits set in addition. This is the rule
// of ckpool and DATUM. It equals Replace where v has no bit of the mask.
func (m VersionMask) Or(v Version, bits VersionMask) Version {
	return v | Version(bits&m)
}

// Xor returns v with the masked bits of bits flipped. This is the rule of the
// ESP-Miner family, public-pool and btcpool. It equals Replace where v has no
// bit of the mask.
func (m VersionMask) Xor(v Version, bits VersionMask) Version {
	return v ^ Version(bits&m)
}
