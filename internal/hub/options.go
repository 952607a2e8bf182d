package hub

import (
	"strings"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// options are what a miner's password asks for; 0 asks for nothing.
type options struct {
	// fixed is a difficulty that stays: "d=1024" or "diff=1024".
	fixed work.Difficulty
	// least is the lowest that the miner wants: "md=512".
	least work.Difficulty
}

// readOptions reads a password such as "x", "d=1024" or "foo,d=64;md=16". Keys
// are of either case; what is not known or not a difficulty is ignored.
func readOptions(password mining.Secret) options {
	var o options
	split := func(r rune) bool { return r == ',' || r == ';' || r == '&' || r == ' ' }
	for field := range strings.FieldsFuncSeq(password.Reveal(), split) {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			continue
		}
		d, err := work.ParseDifficulty([]byte(value))
		if err != nil {
			continue
		}
		switch strings.ToLower(key) {
		case "d", "diff":
			o.fixed = d
		case "md":
			o.least = d
		}
	}
	return o
}
