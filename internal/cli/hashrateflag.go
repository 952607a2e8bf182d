package cli

import (
	"fmt"
	"math"
	"strconv"

	"github.com/loka/stratum/internal/config"
)

// hashrateFlag is a hashrate in hashes a second, written as a plain number or
// with a unit as the configuration has it.
type hashrateFlag float64

// UnmarshalText reads what was written on the command line.
func (h *hashrateFlag) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		var rate config.Hashrate
		rate, err = config.ParseHashrate(string(text))
		v = float64(rate)
	}
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("%q is no hashrate; write a number above 0, or one with a unit such as 1MH/s", text)
	}
	*h = hashrateFlag(v)
	return nil
}
