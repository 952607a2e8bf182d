package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/internal/httpapi"
)

// certificates says which ones miners are shown, so that a miner's setting can be
// compared, and what is wrong with them.
func certificates(all []httpapi.Listener, b *strings.Builder) {
	for i := range all {
		one := &all[i]
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
