package work

// VersionReading is what a pool makes of the version bits of a submit, its
// sixth field. All readings agree where the job's version has no bit of the
// mask. The zero reading is BIP 310's.
type VersionReading uint8

// The readings that pools have.
const (
	// ReadReplace takes the masked bits from the field; see
	// [VersionMask.Replace].
	ReadReplace VersionReading = iota
	// ReadOr sets them in addition; see [VersionMask.Or].
	ReadOr
	// ReadXor flips them; see [VersionMask.Xor].
	ReadXor
)

// String names the reading as configuration does.
func (r VersionReading) String() string {
	switch r {
	case ReadReplace:
		return "replace"
	case ReadOr:
		return "or"
	case ReadXor:
		return "xor"
	}
	return "unknown"
}

// Apply returns the version that a pool of this reading comes to from the
// job's, with the mask that it granted. Bits outside of the mask are ignored.
func (r VersionReading) Apply(job Version, bits, mask VersionMask) Version {
	switch r {
	case ReadOr:
		return mask.Or(job, bits)
	case ReadXor:
		return mask.Xor(job, bits)
	default:
		return mask.Replace(job, bits)
	}
}

// Bits returns the sixth field that brings a pool of this reading from the
// job's version to final. ok is false where none does: final differs from the
// job outside of the mask or, to a pool that ors, lacks a bit of the job; bits
// is then what comes closest.
func (r VersionReading) Bits(job, final Version, mask VersionMask) (bits VersionMask, ok bool) {
	switch r {
	case ReadOr:
		bits = VersionMask(final&^job) & mask
	case ReadXor:
		bits = VersionMask(final^job) & mask
	default:
		bits = VersionMask(final) & mask
	}
	return bits, r.Apply(job, bits, mask) == final
}
