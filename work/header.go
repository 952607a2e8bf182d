package work

import "encoding/binary"

// HeaderSize is the number of bytes of a block header.
const HeaderSize = 80

// Header is a block header.
type Header struct {
	Version    Version
	PrevHash   Hash
	MerkleRoot Hash
	NTime      NTime
	NBits      NBits
	Nonce      Nonce
}

// ParseHeader reads the [HeaderSize] bytes of a header: version, previous
// block's hash, merkle root, time, bits and nonce, the numbers little-endian.
// The error is a [*ParseError] with [ErrLength].
func ParseHeader(b []byte) (Header, error) {
	if len(b) != HeaderSize {
		return Header{}, &ParseError{What: "header", Err: ErrLength}
	}
	return Header{
		Version:    Version(binary.LittleEndian.Uint32(b)),
		PrevHash:   Hash(b[4:36]),
		MerkleRoot: Hash(b[36:68]),
		NTime:      NTime(binary.LittleEndian.Uint32(b[68:])),
		NBits:      NBits(binary.LittleEndian.Uint32(b[72:])),
		Nonce:      Nonce(binary.LittleEndian.Uint32(b[76:])),
	}, nil
}

// Append appends the [HeaderSize] bytes that [ParseHeader] reads.
func (h Header) Append(dst []byte) []byte {
	var b [HeaderSize]byte
	putHeader(&b, &h)
	return append(dst, b[:]...)
}

// Hash returns the header's SHA-256d, which is the block's hash. It does not
// allocate.
func (h Header) Hash() Hash {
	var b [HeaderSize]byte
	putHeader(&b, &h)
	return DoubleSHA256(b[:])
}

func putHeader(b *[HeaderSize]byte, h *Header) {
	binary.LittleEndian.PutUint32(b[0:], uint32(h.Version))
	copy(b[4:], h.PrevHash[:])
	copy(b[36:], h.MerkleRoot[:])
	binary.LittleEndian.PutUint32(b[68:], uint32(h.NTime))
	binary.LittleEndian.PutUint32(b[72:], uint32(h.NBits))
	binary.LittleEndian.PutUint32(b[76:], uint32(h.Nonce))
}
