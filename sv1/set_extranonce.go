package sv1

import (
	"math"
	"strconv"

	"github.com/loka/stratum/work"
)

// SetExtranonce is mining.set_extranonce.
type SetExtranonce struct {
	Extranonce1 work.Extranonce
	// Extranonce2Size is in bytes, meaningful when HasSize; without it the
	// size stays as it is.
	Extranonce2Size int
	HasSize         bool
}

// Decode reads params. bfgminer takes them with nulls or less than two of
// them; without an extranonce1 there is nothing to set, which is an error.
func (s *SetExtranonce) Decode(params []byte) error {
	*s = SetExtranonce{}
	p, err := openParams(MethodSetExtranonce, params)
	if err != nil {
		return err
	}
	kind := p.extranonce(&s.Extranonce1)
	if kind != 0 {
		return fault(MethodSetExtranonce, "extranonce1", kind)
	}
	if size := p.next(); size.given() {
		if s.Extranonce2Size, kind = size.integer(math.MaxUint8); kind != 0 {
			return fault(MethodSetExtranonce, "extranonce2 size", kind)
		}
		s.HasSize = true
	}
	return p.end(MethodSetExtranonce)
}

// Append appends the notification's line.
func (s *SetExtranonce) Append(dst []byte) []byte {
	dst = appendRequest(dst, nil, MethodSetExtranonce)
	dst = append(s.Extranonce1.AppendHex(append(dst, '"')), '"')
	if s.HasSize {
		dst = strconv.AppendInt(append(dst, ','), int64(s.Extranonce2Size), 10)
	}
	return append(dst, "]}\n"...)
}
