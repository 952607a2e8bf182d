package hub

import (
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

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
