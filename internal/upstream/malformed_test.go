package upstream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// malformed are jobs that firmware must never see.
func malformed() map[string]string {
	large := `"` + strings.Repeat("01", 8<<10+1) + `"`
	return map[string]string{
		"33 branches":            notifyWith(fields(4, branches(33))...),
		"coinb1 of over 8 KiB":   notifyWith(fields(2, large)...),
		"coinb2 of over 8 KiB":   notifyWith(fields(3, large)...),
		"coinb1 of odd hex":      notifyWith(fields(2, `"010"`)...),
		"coinb2 of odd hex":      notifyWith(fields(3, `"fff"`)...),
		"branch of odd hex":      notifyWith(fields(4, `["`+strings.Repeat("1", 63)+`"]`)...),
		"prevhash of odd hex":    notifyWith(fields(1, `"`+zeroPrev[1:]+`"`)...),
		"nbits of no target":     notifyWith(fields(6, `"00000000"`)...),
		"nbits negative":         notifyWith(fields(6, `"1d80ffff"`)...),
		"nbits beyond 256 bits":  notifyWith(fields(6, `"ff00ffff"`)...),
		"nbits too long":         notifyWith(fields(6, `"01d00ffff"`)...),
		"nbits of no hex":        notifyWith(fields(6, `"1d00fffg"`)...),
		"parameters that are no": `{"id":null,"method":"mining.notify","params":null}`,
	}
}

// TestMalformedJobsAreNotRelayed has each of them once: it is counted and told,
// the job before it stays the newest, the next one is taken as ever.
func TestMalformedJobsAreNotRelayed(t *testing.T) {
	t.Parallel()
	for name, line := range malformed() {
		for _, early := range []bool{false, true} { // before the subscribe reply too
			p := newPool(t, masked()).start().say(maskGranted)
			if early {
				p.say(line, slushSubscribed, job("a", zeroPrev, "true"))
				p.wantEvents("mask 1fffe000", "bad_line", "subscribed 08000002/04", "job a clean")
			} else {
				p.say(slushSubscribed, job("a", zeroPrev, "true"), line)
				p.wantEvents("mask 1fffe000", "subscribed 08000002/04", "job a clean", "bad_line")
			}
			if last := p.s.LastJob(); last == nil || last.Ref != "a" {
				t.Errorf("%s: the newest job is %+v", name, last)
			}
			p.reset()
			p.say(job("b", otherPrev, ""))
			p.wantEvents("job b clean")
			p.wantReason("")
			if counts := p.s.Info().Counts; counts.BadLines != 1 || counts.Jobs != 2 {
				t.Errorf("%s: counts are %+v", name, counts)
			}
		}
	}
}

// Five of them within a minute end the session, good jobs between or not.
func TestMalformedJobsEndTheSession(t *testing.T) {
	t.Parallel()
	for name, line := range malformed() {
		p := newPool(t, upstream.Config{}).steady()
		for range 4 {
			p.say(line, job("a", zeroPrev, "true"))
			p.now = p.now.Add(14 * time.Second)
		}
		p.wantReason("")
		p.say(line)
		p.wantReason(mining.TooManyErrors)
		if counts := p.s.Info().Counts; counts.BadLines != 5 || counts.Jobs != 4 {
			t.Errorf("%s: counts are %+v", name, counts)
		}
	}
}
