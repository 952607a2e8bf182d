package sim

import (
	"encoding/binary"
	"encoding/hex"
)

const (
	opTrue   = 0x51
	opReturn = 0x6a
)

// coinbaseShape is what a coinbase needs besides its template.
type coinbaseShape struct {
	tag        string
	payout     []byte // output script; nil is the template's
	conn, job  uint64 // numbers of the connection, and of the job on it
	extranonce int    // bytes of extranonce1 and extranonce2 together
	padding    int    // bytes of useless outputs
}

// coinbase returns the bytes before and after the extranonce, without witness.
//
// The signature script is the height (BIP34), the pool's tag, the number of
// the job and of the connection (so that no two of them share work, whatever
// the extranonces are) and the extranonce. It stays below the limit of 100
// bytes: 6 + 21 + 9 + 1 + 48.
func (t *template) coinbase(s coinbaseShape) (coinb1, coinb2 []byte) {
	script := appendHeight(nil, t.height)
	script = appendPush(script, []byte(s.tag))
	script = appendPush(script, appendMark(nil, s.conn, s.job))
	script = append(script, byte(s.extranonce)) //nolint:gosec // at most 48

	coinb1 = append(coinb1, 1, 0, 0, 0, 1)
	coinb1 = append(coinb1, make([]byte, 32)...)
	coinb1 = append(coinb1, 0xff, 0xff, 0xff, 0xff)
	coinb1 = appendVarint(coinb1, len(script)+s.extranonce)
	coinb1 = append(coinb1, script...)

	coinb2 = append(coinb2, 0xff, 0xff, 0xff, 0xff)
	outputs := 1
	if t.commitment != nil {
		outputs++
	}
	if s.padding > 0 {
		outputs++
	}
	coinb2 = appendVarint(coinb2, outputs)
	script = t.script
	if s.payout != nil {
		script = s.payout
	}
	coinb2 = appendOutput(coinb2, t.value, script)
	if t.commitment != nil {
		coinb2 = appendOutput(coinb2, 0, t.commitment)
	}
	if s.padding > 0 {
		coinb2 = appendOutput(coinb2, 0, append([]byte{opReturn}, make([]byte, s.padding)...))
	}
	return coinb1, append(coinb2, 0, 0, 0, 0)
}

// payout is the output script that is paid in place of the usual one, or nil.
func (q *Quirks) payout() []byte {
	script, err := hex.DecodeString(q.Payout)
	if err != nil || len(script) == 0 { // it was checked
		return nil
	}
	return script
}

// appendHeight appends a push of the height as BIP34 wants it: OP_1 to OP_16
// for the small ones, else the shortest little-endian number whose top bit is 0.
func appendHeight(dst []byte, height int64) []byte {
	if height <= 0 {
		return append(dst, 0)
	}
	if height <= 16 {
		return append(dst, byte(opTrue-1+height))
	}
	var n []byte
	for v := height; v > 0; v >>= 8 {
		n = append(n, byte(v))
	}
	if n[len(n)-1]&0x80 != 0 {
		n = append(n, 0)
	}
	return appendPush(dst, n)
}

// appendPush appends a push of at most 75 bytes.
func appendPush(dst, data []byte) []byte {
	dst = append(dst, byte(len(data))) //nolint:gosec // at most 75
	return append(dst, data...)
}

func appendOutput(dst []byte, value int64, script []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(value)) //nolint:gosec // amounts are not negative
	dst = appendVarint(dst, len(script))
	return append(dst, script...)
}

// appendVarint appends Bitcoin's CompactSize.
func appendVarint(dst []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(dst, byte(n)) //nolint:gosec // below 0xfd
	case n <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(dst, 0xfd), uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(append(dst, 0xfe), uint32(n)) //nolint:gosec // a block has at most 4 MB
	}
}
