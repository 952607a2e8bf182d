package work

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// Hash is a SHA-256d digest in the byte order of the block header, which is
// the little-endian form of the 256-bit integer compared with a target.
type Hash [32]byte

// DoubleSHA256 returns SHA-256(SHA-256(b)), the digest of Bitcoin's headers
// and of its transactions (without witness). It does not allocate.
func DoubleSHA256(b []byte) Hash {
	first := sha256.Sum256(b)
	return sha256.Sum256(first[:])
}

// ParseHash reads the display form: 64 hex digits of either case, last byte
// of the header order first, as [Hash.String] prints. The error is a
// [*ParseError] with [ErrLength] or [ErrDigit].
func ParseHash(display string) (Hash, error) {
	h, err := decodeHash("hash", []byte(display))
	if err != nil {
		return Hash{}, err
	}
	slices.Reverse(h[:])
	return h, nil
}

// String prints the display form: 64 lower-case hex digits, bytes reversed.
// The digits are those of the integer that is compared with a target.
func (h Hash) String() string {
	slices.Reverse(h[:])
	return hex.EncodeToString(h[:])
}

// HashFromWire reads 64 hex digits of either case without any reordering, the
// form of merkle branches in mining.notify. The error is a [*ParseError] with
// [ErrLength] or [ErrDigit].
func HashFromWire(b []byte) (Hash, error) { return decodeHash("hash", b) }

// AppendWire appends 64 lower-case hex digits without any reordering, the
// form of merkle branches in mining.notify.
func (h Hash) AppendWire(dst []byte) []byte { return hex.AppendEncode(dst, h[:]) }

// PrevHashFromWire reads the prevhash of mining.notify: 64 hex digits of
// either case, in which the bytes of each 4-byte word stand in reverse. The
// result is in header order. The error is a [*ParseError] with [ErrLength] or
// [ErrDigit].
func PrevHashFromWire(b []byte) (Hash, error) {
	h, err := decodeHash("prevhash", b)
	if err != nil {
		return Hash{}, err
	}
	return h.wordSwap(), nil
}

// AppendPrevHash appends the hash as the prevhash of mining.notify: 64
// lower-case hex digits, the bytes of each 4-byte word reversed.
func (h Hash) AppendPrevHash(dst []byte) []byte {
	h = h.wordSwap()
	return hex.AppendEncode(dst, h[:])
}

// wordSwap reverses the bytes within each 4-byte word; it is its own inverse.
func (h Hash) wordSwap() Hash {
	for i := 0; i < len(h); i += 4 {
		word := h[i:]
		binary.BigEndian.PutUint32(word, binary.LittleEndian.Uint32(word))
	}
	return h
}

// Target returns the hash as a 256-bit integer: the smallest target it meets.
func (h Hash) Target() Target {
	return Target{
		binary.LittleEndian.Uint64(h[0:8]),
		binary.LittleEndian.Uint64(h[8:16]),
		binary.LittleEndian.Uint64(h[16:24]),
		binary.LittleEndian.Uint64(h[24:32]),
	}
}

// Difficulty returns the highest difficulty that the hash meets, to the
// precision of a float64: good for books and displays, while [Target.Met]
// decides whether a share counts. It does not allocate.
func (h Hash) Difficulty() Difficulty { return h.Target().Difficulty() }
