package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/loka/stratum/internal/sim"
)

// simError tells a flag that the simulator does not take from what went wrong
// later, and names it as it is on the command line.
func simError(err error, command string) error {
	config, ok := errors.AsType[*sim.ConfigError](err)
	if !ok {
		return err
	}
	return usageError{fmt.Sprintf("%s: %s; see `%s --help`", flagOf(config.Field), config.Text, command)}
}

// flagOf is the flag that sets a field of the simulator: "JobInterval" is
// --job-interval.
func flagOf(field string) string {
	switch field {
	case "NBits":
		return "--nbits"
	case "Manners":
		return "--manner"
	}
	var b strings.Builder
	b.WriteByte('-')
	for _, r := range field {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// flagSpan is a flag that takes a time.
type flagSpan struct {
	flag string
	d    time.Duration
}

// notNegative wants times from 0.
func notNegative(spans ...flagSpan) error {
	for _, s := range spans {
		if s.d < 0 {
			return usageError{fmt.Sprintf("%s: %s is negative; want a time such as 500ms or 30s", s.flag, s.d)}
		}
	}
	return nil
}
