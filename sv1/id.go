package sv1

import (
	"bytes"
	"math"
	"strconv"
)

// AppendID appends an id of our own making: a bare decimal integer, which is
// the only form that every pool echoes.
func AppendID(dst []byte, id uint64) []byte { return strconv.AppendUint(dst, id, 10) }

// ParseID reads an id made by [AppendID] from a reply. Pools that echo 4 as
// "4" or 4.0 are understood; anything else, null among them, is not ok.
func ParseID(raw []byte) (id uint64, ok bool) {
	if len(raw) >= 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	whole := skipDigits(raw, 0)
	if fraction := raw[whole:]; len(fraction) > 1 && fraction[0] == '.' &&
		len(bytes.TrimRight(fraction[1:], "0")) == 0 {
		raw = raw[:whole]
	}
	return decimal(raw, math.MaxInt64)
}
