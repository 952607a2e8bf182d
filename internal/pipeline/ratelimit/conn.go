package ratelimit

import (
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// conn is what is kept of a connection.
type conn struct {
	own [numKinds]bucket
	// workers is how many logins were accepted.
	workers int
	// last is when the last line came; see [Middleware.since].
	last int64

	// from is where it comes from; address and subnet are the shared buckets for
	// that, nil until they are needed.
	from    netip.Addr
	net     netip.Prefix
	address *shared
	subnet  *shared
	// logins are the buckets of the workers that sent shares, at the place where
	// the last was found first.
	logins []login
	at     int
}

// login is a worker's bucket.
type login struct {
	worker *mining.Worker
	bucket *shared
}

// worker finds a worker's bucket. The list has as many entries as a connection may
// have logins.
func (c *conn) worker(t *table[string], w *mining.Worker, now int64) *shared {
	if c.at < len(c.logins) && c.logins[c.at].worker == w {
		return c.logins[c.at].bucket
	}
	for i := range c.logins {
		if c.logins[i].worker == w {
			c.at = i
			return c.logins[i].bucket
		}
	}
	b := t.acquire(w.Login, now)
	c.at = len(c.logins)
	c.logins = append(c.logins, login{w, b})
	return b
}

// Enter implements [pipeline.Enterer].
func (m *Middleware) Enter(miner *mining.Miner, now time.Time) any {
	m.begin.Do(func() { m.began = now })
	return &conn{from: miner.Remote.Addr().Unmap().WithZone(""), last: m.since(now)}
}

// Leave implements [pipeline.Leaver]: shared buckets are given back.
func (m *Middleware) Leave(_ *mining.Miner, state any, _ mining.Reason) {
	c, ok := state.(*conn)
	if !ok {
		return
	}
	for _, l := range c.logins {
		m.workers.release(l.worker.Login, c.last)
	}
	if c.address != nil {
		m.addresses.release(c.from, c.last)
	}
	if c.subnet != nil {
		m.subnets.release(c.net, c.last)
	}
}
