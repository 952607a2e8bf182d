package work

import (
	"encoding/binary"
	"iter"
	"math"
)

const (
	// maxReward is the most that a coinbase may pay, in satoshi: 10,000 BTC.
	// The first blocks paid 50, and no fees came near.
	maxReward = 1_000_000_000_000
	// maxHeight is the highest block that is believed. Before BIP 34 a script
	// began with the bits, which read as 486,604,799 in the first block; the
	// longest of the test networks has come to some millions.
	maxHeight = 100_000_000

	outpointSize = 36 // bytes: an id and an index
	op1, op16    = 0x51, 0x60
)

// Coinbase is what a coinbase transaction says of its block. It refers to the
// bytes that it was parsed from.
type Coinbase struct {
	// Height is the block's, as BIP 34 has it: 1 to 100,000,000. 0 is not
	// known: the script begins with no number in its shortest form, or with
	// one outside of these bounds.
	Height uint32
	// Reward is the sum of the outputs' values in satoshi, which is the subsidy
	// and the fees unless the pool gives some away: 0 to 10^12.
	Reward int64
	// Script is the input's, of any length: the height, whatever the pool puts
	// there of its own, and mostly the extranonce.
	Script []byte

	outputs []byte // counted and checked
}

// ParseCoinbase reads a coinbase transaction: the bytes that [AppendCoinbase]
// makes, or the form with a witness (BIP 144). Numbers are little-endian.
//
// Bytes after the lock time are not looked at: no node would take them, but
// what stands before them is what the pool means to pay. A transaction that
// ends early is an error at every byte. How long the script is, which consensus
// bounds to 100 bytes, is not judged.
//
// The error is a [*ParseError]: [ErrLength] for one that ends early, [ErrForm]
// for one without exactly one input that spends nothing, or with a count that
// is not in its shortest form, [ErrNegative] for an output below 0, and
// [ErrRange] for more than 10,000 BTC: nothing real comes near, and nonsense
// does not enter the books. ParseCoinbase does not allocate but for the error.
func ParseCoinbase(raw []byte) (Coinbase, error) {
	c := cursor{rest: raw}
	c.take(4) // version
	inputs := c.count()
	witness := inputs == 0
	if witness {
		c.want(c.take(1), 1) // the flag, 1
		inputs = c.count()
	}
	outpoint := c.take(outpointSize)
	script := c.bytes()
	c.take(4) // sequence
	if c.err == nil && (inputs != 1 || !spendsNothing(outpoint)) {
		c.err = ErrForm
	}
	parsed := Coinbase{Height: height(script), Script: script}
	parsed.Reward, parsed.outputs = c.outputs()
	if witness {
		c.witness()
	}
	c.take(4) // lock time
	if c.err != nil {
		return Coinbase{}, &ParseError{What: "coinbase", Err: c.err}
	}
	return parsed, nil
}

// Outputs are what is paid, in their order: a value in satoshi, of 0 or more,
// and the script it is paid to, which belongs to the bytes that were parsed.
// There are at most a ninth as many as the coinbase has bytes.
func (c Coinbase) Outputs() iter.Seq2[int64, []byte] {
	return func(yield func(satoshi int64, script []byte) bool) {
		all := cursor{rest: c.outputs}
		for len(all.rest) > 0 {
			value := int64(binary.LittleEndian.Uint64(all.take(8))) //nolint:gosec // checked when parsed
			if !yield(value, all.bytes()) {
				return
			}
		}
	}
}

// spendsNothing says whether an outpoint is the one of a coinbase: no
// transaction's id, and the highest index.
func spendsNothing(outpoint []byte) bool {
	return Hash(outpoint[:32]) == Hash{} && binary.LittleEndian.Uint32(outpoint[32:]) == math.MaxUint32
}

// height is the number that a coinbase's script begins with, as Bitcoin Core
// makes it of a height (CScript() << height): an opcode up to 16, above a push
// of the shortest number whose highest bit, its sign, is 0. Anything else is 0.
func height(script []byte) uint32 {
	if len(script) == 0 {
		return 0
	}
	size := int(script[0])
	if size >= op1 && size <= op16 {
		return uint32(size - op1 + 1)
	}
	if size == 0 || size > 4 || len(script) <= size {
		return 0
	}
	var n uint32
	for i, b := range script[1 : 1+size] {
		n |= uint32(b) << (8 * i)
	}
	sign := uint32(1) << (8*size - 1)
	least := uint32(op16 - op1 + 2) // the lowest number of one byte
	if size > 1 {
		least = sign >> 8
	}
	if n&sign != 0 || n < least || n > maxHeight {
		return 0
	}
	return n
}

// cursor takes a transaction apart. Once something is wrong it yields nothing
// any more.
type cursor struct {
	rest []byte
	err  error
}

// take takes n bytes off; it is nil, and not n bytes, after an error.
func (c *cursor) take(n uint64) []byte {
	if c.err == nil && n > uint64(len(c.rest)) {
		c.err = ErrLength
	}
	if c.err != nil {
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

// want makes it an error that a byte is not the one that must be there.
func (c *cursor) want(got []byte, b byte) {
	if c.err == nil && got[0] != b {
		c.err = ErrForm
	}
}

// count takes a number of Bitcoin's CompactSize form off. It is 0 after an
// error, and what it counts may be more than there is.
func (c *cursor) count() uint64 {
	first := c.take(1)
	if c.err != nil {
		return 0
	}
	var size, least uint64
	switch first[0] {
	case 0xfd:
		size, least = 2, 0xfd
	case 0xfe:
		size, least = 4, 1<<16
	case 0xff:
		size, least = 8, 1<<32
	default:
		return uint64(first[0])
	}
	var wide [8]byte
	copy(wide[:], c.take(size))
	n := binary.LittleEndian.Uint64(wide[:])
	if c.err == nil && n < least {
		c.err = ErrForm
	}
	if c.err != nil {
		return 0
	}
	return n
}

// bytes takes a count and as many bytes off.
func (c *cursor) bytes() []byte { return c.take(c.count()) }

// outputs takes the outputs off: the sum of their values, and their bytes.
func (c *cursor) outputs() (sum int64, raw []byte) {
	left := c.count()
	start := c.rest
	for ; left > 0 && c.err == nil; left-- {
		value := c.take(8)
		c.bytes()
		if c.err == nil {
			sum = c.add(sum, binary.LittleEndian.Uint64(value))
		}
	}
	end := len(start) - len(c.rest)
	return sum, start[:end:end]
}

// add adds an output's value to those before it.
func (c *cursor) add(sum int64, value uint64) int64 {
	switch {
	case value > math.MaxInt64:
		c.err = ErrNegative
	case value > uint64(maxReward-sum): //nolint:gosec // sum is never above it
		c.err = ErrRange
	default:
		return sum + int64(value)
	}
	return sum
}

// witness takes the witness of the one input off.
func (c *cursor) witness() {
	for left := c.count(); left > 0 && c.err == nil; left-- {
		c.bytes()
	}
}
