package hub

import (
	"context"
	"net"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

// dialTo opens connections to a pool, unless that is disabled, and measures how
// long that takes.
func (h *Hub) dialTo(p *pool) link.Dial {
	return func(ctx context.Context, endpoint dial.Endpoint) (net.Conn, error) {
		if err := p.closed(endpoint); err != nil {
			return nil, err
		}
		began := time.Now()
		conn, err := h.deps.Dial(ctx, endpoint)
		if err == nil {
			p.quality.Connected(time.Since(began))
		}
		return conn, err
	}
}

// compare looks how late a pool is with a new block. Probes are compared with
// each other, for each pool has one; before is the job before on the same one.
func (h *Hub) compare(p *pool, before, job *mining.Job) {
	if before == nil || before.PrevHash != job.PrevHash {
		h.blocks.Saw(&p.quality, job.PrevHash, job.Received, before != nil)
	}
}

// tickQuality looks after what is measured by the clock.
func (p *pool) tickQuality(now time.Time) {
	var last time.Time
	if s := p.probe.Status(); s.State == link.Active && s.Facts.Job != nil {
		last = s.Facts.Job.Received
	}
	p.quality.Tick(last, now)
}
