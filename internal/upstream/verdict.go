package upstream

import (
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// refusal turns a pool's refusal of a share into a verdict.
//
// "Job not found" is Stale and not JobNotFound: only jobs that this pool gave
// are submitted, so it has forgotten the job.
func refusal(e sv1.Error) mining.Verdict {
	switch e.Class() {
	case sv1.ClassStale, sv1.ClassJobNotFound:
		return mining.Stale
	case sv1.ClassDuplicate:
		return mining.Duplicate
	case sv1.ClassLowDifficulty:
		return mining.LowDifficulty
	case sv1.ClassUnauthorized:
		return mining.Unauthorized
	case sv1.ClassOther:
	}
	return mining.Invalid
}

// shown makes a text of a pool fit to show: printable ASCII, at most MaxText
// bytes; a run of anything else becomes one dot.
func shown(text []byte) string {
	buf := make([]byte, 0, min(len(text), MaxText))
	foreign := false
	for _, c := range text {
		switch {
		case len(buf) == MaxText:
			return string(buf)
		case c >= 0x20 && c < 0x7f:
			buf, foreign = append(buf, c), false
		case !foreign:
			buf, foreign = append(buf, '.'), true
		}
	}
	return string(buf)
}
