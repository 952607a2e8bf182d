package metrics

import "github.com/prometheus/client_golang/prometheus"

// HTTPRefusals lists why a request of the HTTP side is not served.
func HTTPRefusals() []string {
	return []string{"no_token", "wrong_token", "expired_token", "role", "throttled", "rate_limited", "cross_site", "host"}
}

func (m *Metrics) buildHTTP(b *builder) {
	refused := b.counters("http_refused_total", "HTTP requests that were not served for who asked, by reason: no_token, wrong_token, expired_token, role (the token may do less), "+
		"throttled (a wrong token after many others), rate_limited (too many requests), cross_site (a write that another web page had sent), host (on loopback, which the request does not name).", "reason")
	m.http = make(map[string]prometheus.Counter)
	for _, why := range HTTPRefusals() {
		m.http[why] = refused.WithLabelValues(why)
	}
}

// HTTPRefused returns the counter of HTTP requests that are refused for a reason. One
// that [HTTPRefusals] does not list is counted as the first.
func (m *Metrics) HTTPRefused(why string) prometheus.Counter {
	if c, ok := m.http[why]; ok {
		return c
	}
	return m.http[HTTPRefusals()[0]]
}
