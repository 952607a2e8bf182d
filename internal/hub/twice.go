package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// lately is how many shares a group remembers that the pool has answered, to know
// whose they were if it answers them again.
const lately = 16

// answered is a share that the pool has answered.
type answered struct {
	tag   uint64
	share forwarded
}

// remember keeps a share that the pool has answered for a while. g.mu is held.
func (g *group) remember(tag uint64, s *forwarded) {
	g.lately[g.answers%lately] = answered{tag, *s}
	g.answers++
}

// answeredTwice books that the pool has answered a share again. g.mu is held.
func (g *group) answeredTwice(ev upstream.Event) {
	var share forwarded
	for i := range g.lately {
		if g.lately[i].tag == ev.Tag {
			share = g.lately[i].share
		}
	}
	entry := g.news(&share)
	entry.Twice, entry.PoolVerdict = true, ev.Verdict
	g.hub.bookTwice(g.pool, &entry, ev)
}

// answeredTwice books that a pool has answered a share of the miner again. g.mu is
// held.
func (g *dedicated) answeredTwice(l *link.Link, ev upstream.Event) {
	p := g.poolOf(l)
	entry := ledger.Entry{Pool: p.book, Route: g.route.book, Twice: true, PoolVerdict: ev.Verdict}
	if g.first != nil { // the one that nearly all have
		entry.Worker = g.first.book
	}
	g.hub.bookTwice(p, &entry, ev)
}

// bookTwice books a second answer, and says so where it is not the first.
func (h *Hub) bookTwice(p *pool, e *ledger.Entry, ev upstream.Event) {
	now := time.Now()
	if e.At.IsZero() {
		e.At = now
	}
	h.deps.Ledger.Record(*e)
	if ev.First == ev.Verdict || ev.First == mining.Pending {
		return
	}
	h.log.LogAttrs(context.Background(), warnOr(&p.fickle, now), "pool answered a share a second time, and otherwise; the first answer counts",
		slog.String("pool", p.Name), slog.String("first", ev.First.String()), slog.String("second", ev.Verdict.String()),
		slog.Int("code", ev.Code), slog.String("text", ev.Text))
}
