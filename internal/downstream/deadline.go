package downstream

import (
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Tick tells whether a deadline has passed: a reason that is not empty ends
// the connection. next is when to ask again; it is zero when nothing is
// bounded in time.
func (s *V1) Tick(now time.Time) (reason mining.Reason, next time.Time) {
	for _, d := range [...]struct {
		reason mining.Reason
		open   bool
		from   time.Time
		limit  time.Duration
	}{
		{mining.HandshakeTimeout, s.lines == 0, s.started, s.cfg.HandshakeTimeout},
		{mining.AuthorizeTimeout, s.workers.len() == 0, s.started, s.cfg.AuthorizeTimeout},
		{mining.IdleTimeout, true, s.lastLine, s.cfg.IdleTimeout},
	} {
		if !d.open || d.limit <= 0 {
			continue
		}
		at := d.from.Add(d.limit)
		if !now.Before(at) {
			return d.reason, time.Time{}
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return "", next
}
