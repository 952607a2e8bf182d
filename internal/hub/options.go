package hub

import (
	"strings"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// maxOption is the longest text of an option that is looked at, in bytes: that of
// a name.
const maxOption = 64

// options are what a miner's password asks for; 0 and "" ask for nothing.
type options struct {
	// fixed is a difficulty that stays: "d=1024" or "diff=1024".
	fixed work.Difficulty
	// least is the lowest that the miner wants: "md=512".
	least work.Difficulty
	// pool and group are names that routes may go by: "pool=main" and
	// "group=farm".
	pool, group string
}

// optionsOf are those of a login.
func optionsOf(req *mining.Request) options {
	if req.NoOptions {
		return options{}
	}
	return readOptions(req.Password)
}

// readOptions reads a password such as "x", "d=1024" or "foo,d=64;group=farm".
// Keys are of either case, of two alike the later holds; what is not known, too
// long or not a difficulty is ignored.
func readOptions(password mining.Secret) options {
	var o options
	split := func(r rune) bool { return r == ',' || r == ';' || r == '&' || r == ' ' }
	for field := range strings.FieldsFuncSeq(password.Reveal(), split) {
		key, value, ok := strings.Cut(field, "=")
		if !ok || len(value) > maxOption {
			continue
		}
		switch strings.ToLower(key) {
		case "d", "diff":
			difficulty(&o.fixed, value)
		case "md":
			difficulty(&o.least, value)
		case "pool":
			o.pool = value
		case "group":
			o.group = value
		}
	}
	return o
}

// difficulty reads one, and leaves what is there if it is none.
func difficulty(into *work.Difficulty, text string) {
	if d, err := work.ParseDifficulty([]byte(text)); err == nil {
		*into = d
	}
}
