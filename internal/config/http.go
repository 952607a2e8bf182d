package config

// Bounds of how often one may ask.
const (
	maxRateLimit = 1e6
	maxRateBurst = 1_000_000
)

// checkHTTP checks how often one may ask.
func (l *loader) checkHTTP(h HTTP) {
	if !(h.RateLimit >= 0) || h.RateLimit > maxRateLimit {
		l.add("http.rate_limit", "%s is out of range; write a number of requests a second from 0.0, which is any number, to %.0f", l.quote("http.rate_limit", h.RateLimit), maxRateLimit)
	}
	if h.RateBurst < 1 || h.RateBurst > maxRateBurst {
		l.add("http.rate_burst", "%s is out of range; write a number of requests from 1 to %d", l.quote("http.rate_burst", h.RateBurst), maxRateBurst)
	}
}

// httpMeanings is the documentation of the keys that say how often one may ask.
func httpMeanings() map[string]meaning {
	return map[string]meaning{
		"http.rate_limit": {"Requests a second that one token, or one address that shows none, may send on the whole; more are answered with 429, and answers say by `RateLimit` how many are left. 0 is any number. `/live` and `/ready` are not counted.", ""},
		"http.rate_burst": {"How many requests one may send at once before `rate_limit` holds.", ""},
	}
}
