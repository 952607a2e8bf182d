package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/pipeline/threat"
)

// Guard is what is counted of how miners' connections are guarded.
type Guard struct {
	// HeldSubmits, HeldLogins and HeldOthers count lines after which the reader was
	// held by the rate limit.
	HeldSubmits, HeldLogins, HeldOthers prometheus.Counter

	responses map[threat.Level]prometheus.Counter
	logins    map[logins.Cause]prometheus.Counter
}

func (g *Guard) build(b *builder) {
	held := b.counters("lines_held_total", "Miners' lines after which their connection was held by the rate limit, by kind.", "kind")
	g.HeldSubmits, g.HeldLogins, g.HeldOthers = held.WithLabelValues("submit"), held.WithLabelValues("authorize"), held.WithLabelValues("other")

	responses := b.counters("threat_responses_total", "Connections whose score has come to a threshold, by what they are answered with from there on.", "response")
	g.responses = make(map[threat.Level]prometheus.Counter)
	for _, level := range threat.Levels() {
		g.responses[level] = responses.WithLabelValues(level.String())
	}
	refused := b.counters("logins_refused_total", "Logins that [logins], or who else guards them, refused, by cause; the gate is bans.", "cause")
	g.logins = make(map[logins.Cause]prometheus.Counter)
	for _, cause := range logins.Causes() {
		g.logins[cause] = refused.WithLabelValues(string(cause))
	}
}

// Response returns the counter of connections that come to a level, nil for one
// that is no answer.
func (g *Guard) Response(l threat.Level) prometheus.Counter { return g.responses[l] }

// LoginRefused returns the counter of refused logins by cause, nil for one that
// is not known.
func (g *Guard) LoginRefused(c logins.Cause) prometheus.Counter { return g.logins[c] }
