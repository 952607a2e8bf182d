package sim

import (
	"time"

	"github.com/loka/stratum/work"
)

// advance makes a job, of another block if wanted, and tells all. found is the
// hash of the block that was found, zero if it was somebody else's.
func (p *Pool) advance(block bool, found work.Hash) {
	if p.chain == nil && block {
		p.cfg.Node.refresh()
		return
	}
	p.mu.Lock()
	t, err := p.nextLocked(block, found)
	if err != nil || t == nil {
		p.mu.Unlock()
		if err != nil { // setDefaults has checked nbits
			p.log.Error("no job could be made", "error", err)
		}
		return
	}
	p.adoptLocked(t)
}

func (p *Pool) nextLocked(block bool, found work.Hash) (*template, error) {
	if p.chain == nil {
		if p.tip == nil {
			return nil, nil
		}
		again := *p.tip
		return &again, nil
	}
	if block && (found != (work.Hash{}) || !p.Quirks().Behind) {
		p.chain.extend(found)
		if found != (work.Hash{}) {
			p.stats.best = found.String()
		}
	}
	return p.chain.template(0)
}

// adopt makes a template the newest and tells all connections.
func (p *Pool) adopt(t *template) {
	p.mu.Lock()
	p.adoptLocked(t)
}

// adoptLocked is adopt with p.mu held, which it releases.
func (p *Pool) adoptLocked(t *template) {
	now := time.Now()
	clean := p.tip == nil || p.tip.prevHash != t.prevHash
	if !clean && p.retired { // the old block again, just after it was found
		p.mu.Unlock()
		return
	}
	if clean {
		if !p.retired {
			p.block.Add(1)
		}
		p.retired = false
		clear(p.seen)
		p.lastTip = now
	}
	if seconds := work.NTime(now.Unix()); t.ntime < seconds { //nolint:gosec // until 2106
		t.ntime = seconds
	}
	p.stats.jobs++
	t.block, t.seq = p.block.Load(), p.stats.jobs
	p.tip, p.lastJob = t, now
	conns := p.openLocked()
	p.mu.Unlock()
	p.log.Debug("job", "height", t.height, "clean", clean, "branches", len(t.branches))
	for _, c := range conns {
		c.mu.Lock()
		c.sendJob(t, clean)
		c.mu.Unlock()
	}
}

// retire makes all jobs of a block stale before the next block is known, and
// reports whether it was this call that did: one share ends a block.
func (p *Pool) retire(block uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired || !p.block.CompareAndSwap(block, block+1) {
		return false
	}
	p.retired = true
	p.stats.found++
	return true
}

// revive forgets the present template, whose block the node has refused: the
// next one is told as a clean job even if it is of the same block.
func (p *Pool) revive(reason string) {
	p.mu.Lock()
	p.tip, p.retired = nil, false
	p.stats.rejected++
	p.stats.lastReject = reason
	p.mu.Unlock()
}

// firstSight reports whether a header was not handed in before.
func (p *Pool) firstSight(key work.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.seen[key]; ok {
		return false
	}
	p.seen[key] = struct{}{}
	return true
}

// newest is the newest template; nil when there is none yet.
func (p *Pool) newest() *template {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired {
		return nil
	}
	return p.tip
}
