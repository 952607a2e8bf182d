package telemetry

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

const (
	// shortest is the shortest secret that is looked for wherever it may stand: to take
	// "x", which is many a pool's password, out of a text would leave nothing of it.
	shortest = 5
	// maxText bounds a text that leaves, in bytes.
	maxText = 8 << 10
	stars   = "***"
)

// secretKeys are names of what is secret whatever it is.
//
//nolint:gochecknoglobals // a table
var secretKeys = []string{"password", "secret", "token", "authorization"}

// userinfo is what stands before a host in a URL, named what stands after the name of a
// secret.
var (
	userinfo = regexp.MustCompile(`://[^/\s"'@]*@`)
	named    = regexp.MustCompile(`(?i)\b(password|passwd|secret|token|authorization|bearer)\b("?\s*[:=]\s*"?|\s+)(?:(?:bearer|basic)\s+)?[^\s"',;&]+`)
)

// scrubber takes secrets out of texts.
type scrubber struct{ known *strings.Replacer }

func newScrubber(secrets []mining.Secret) *scrubber {
	all := make([]string, 0, len(secrets))
	for _, s := range secrets {
		if len(s) >= shortest {
			all = append(all, s.Reveal())
		}
	}
	// The replacer takes the first that fits: a secret may begin as another does.
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(all))
	for _, s := range all {
		pairs = append(pairs, s, stars)
	}
	return &scrubber{strings.NewReplacer(pairs...)}
}

// text is a text without secrets, and not longer than may leave.
func (s *scrubber) text(of string) string {
	if len(of) > 4*maxText { // what is cut off need not be looked at
		of = of[:4*maxText]
	}
	of = s.known.Replace(of)
	of = userinfo.ReplaceAllString(of, "://"+stars+"@")
	of = named.ReplaceAllString(of, "$1$2"+stars)
	if len(of) > maxText {
		of = of[:maxText] + "…"
	}
	return strings.ToValidUTF8(of, "?")
}

// attr is what an attribute of the log says, without secrets. mining.Secret prints as
// stars, in whatever it is.
func (s *scrubber) attr(key string, v slog.Value) string {
	if last := key[strings.LastIndexByte(key, '.')+1:]; slices.Contains(secretKeys, strings.ToLower(last)) {
		return stars
	}
	return s.text(v.String())
}
