package cli

import (
	"fmt"
	"strings"
	"time"
)

// statusListeners is what status prints of GET /api/v1/listeners.
type statusListeners struct {
	Listeners []struct {
		Address      string `json:"address"`
		TLS          string `json:"tls"`
		Certificates []struct {
			Kind        string    `json:"kind"`
			NotAfter    time.Time `json:"not_after"`
			Fingerprint string    `json:"fingerprint"`
			SelfSigned  bool      `json:"self_signed"`
		} `json:"certificates"`
		Problems []string `json:"problems"`
	} `json:"listeners"`
}

// certificates says which ones miners are shown, so that a miner's setting can be
// compared, and what is wrong with them.
func (l *statusListeners) certificates(b *strings.Builder) {
	for i := range l.Listeners {
		one := &l.Listeners[i]
		for _, c := range one.Certificates {
			signed := ""
			if c.SelfSigned {
				signed = "signs itself, "
			}
			fmt.Fprintf(b, "listener %s: TLS %s, %s certificate %suntil %s, SHA-256 %s\n",
				visible(one.Address), visible(one.TLS), strings.ToUpper(visible(c.Kind)), signed, c.NotAfter.Format(time.DateOnly), visible(c.Fingerprint))
		}
		for _, p := range one.Problems {
			fmt.Fprintf(b, "WARNING: listener %s: %s\n", visible(one.Address), visible(p))
		}
	}
}
