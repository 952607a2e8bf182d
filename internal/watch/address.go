package watch

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2/base58"
	"github.com/btcsuite/btcd/address/v2/bech32"
)

// The opcodes of the usual output scripts.
const (
	opReturn      = 0x6a
	opDup         = 0x76
	opHash160     = 0xa9
	opEqual       = 0x87
	opEqualVerify = 0x88
	opCheckSig    = 0xac
	op0, op1      = 0x00, 0x51
	op16          = 0x60
)

// The lengths, in bytes, of what addresses stand for.
const (
	hashSize           = 20
	minProgram         = 2
	maxProgram         = 40
	maxScript          = 10_000 // consensus
	witnessKeyHashSize = 20
	witnessHashSize    = 32
)

// The versions of base58 addresses: of keys and of scripts, on the main network
// and on test networks.
const (
	mainKey, mainScript = 0x00, 0x05
	testKey, testScript = 0x6f, 0xc4
)

// mainHRP is what bech32 addresses of the main network begin with.
const mainHRP = "bc"

// ErrPayout is why a text is no payout.
var ErrPayout = errors.New("neither a Bitcoin address nor an output script in hex")

// ParsePayout reads what a coinbase can pay: an address of the main network or of a
// test network (base58, bech32 or bech32m), or an output script in hex digits. It
// returns the output script. The error wraps [ErrPayout].
func ParsePayout(text string) (script []byte, err error) {
	if script, err = hex.DecodeString(text); err == nil && len(script) > 0 && len(script) <= maxScript {
		return script, nil
	}
	if script, ok := witnessScript(text); ok {
		return script, nil
	}
	hash, version, err := base58.CheckDecode(text)
	if err == nil && len(hash) == hashSize {
		switch version {
		case mainKey, testKey:
			script = append([]byte{opDup, opHash160, hashSize}, hash...)
			return append(script, opEqualVerify, opCheckSig), nil
		case mainScript, testScript:
			script = append([]byte{opHash160, hashSize}, hash...)
			return append(script, opEqual), nil
		}
	}
	return nil, fmt.Errorf("%q is %w", text, ErrPayout)
}

// witnessScript is the script of a bech32 address (BIP 173, BIP 350).
func witnessScript(text string) (script []byte, ok bool) {
	hrp, data, version, err := bech32.DecodeGeneric(text)
	if err != nil || len(data) == 0 || hrp != mainHRP && hrp != "tb" && hrp != "bcrt" {
		return nil, false
	}
	witness := data[0]
	program, err := bech32.ConvertBits(data[1:], 5, 8, false)
	right := witness == 0 && version == bech32.Version0 && (len(program) == witnessKeyHashSize || len(program) == witnessHashSize) ||
		witness > 0 && witness <= 16 && version == bech32.VersionM
	if err != nil || !right || len(program) < minProgram || len(program) > maxProgram {
		return nil, false
	}
	op := byte(op0)
	if witness > 0 {
		op = op1 + witness - 1
	}
	return append([]byte{op, byte(len(program))}, program...), true //nolint:gosec // at most 40
}

// Address is the main network's address of an output script, empty for one that has
// none: whatever network it is of, that is what there is to compare.
func Address(script []byte) string {
	n := len(script)
	switch {
	case n == 5+hashSize && script[0] == opDup && script[1] == opHash160 && script[2] == hashSize && script[n-2] == opEqualVerify && script[n-1] == opCheckSig:
		return base58.CheckEncode(script[3:3+hashSize], mainKey)
	case n == 3+hashSize && script[0] == opHash160 && script[1] == hashSize && script[n-1] == opEqual:
		return base58.CheckEncode(script[2:2+hashSize], mainScript)
	case n >= 2+minProgram && n <= 2+maxProgram && int(script[1]) == n-2:
		return witnessAddress(script[0], script[2:])
	}
	return ""
}

func witnessAddress(op byte, program []byte) string {
	encode, witness := bech32.EncodeM, byte(0)
	switch {
	case op == op0 && (len(program) == witnessKeyHashSize || len(program) == witnessHashSize):
		encode = bech32.Encode
	case op >= op1 && op <= op16:
		witness = op - op1 + 1
	default:
		return ""
	}
	data, err := bech32.ConvertBits(program, 8, 5, true)
	if err != nil {
		return ""
	}
	text, err := encode(mainHRP, append([]byte{witness}, data...))
	if err != nil {
		return ""
	}
	return text
}

// show is how a script is shown: its address, or else its hex digits.
func show(script []byte) string {
	if a := Address(script); a != "" {
		return a
	}
	return hex.EncodeToString(script)
}
