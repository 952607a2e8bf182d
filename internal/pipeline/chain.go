package pipeline

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// maxChain is the most middlewares of one chain: each has a bit of
// [mining.Request.Skip].
const maxChain = 64

// Chain is a compiled chain of middlewares before a last handler. It is a
// [Handler].
type Chain struct {
	// Static after construction.
	names []string
	head  Handler
	// keepers, leavers and watchers are those middlewares that are one, by their
	// slots.
	keepers  []member[Enterer]
	leavers  []member[Leaver]
	watchers []member[Watcher]

	// skips is nil where no route has anything left out.
	skips atomic.Pointer[skips]
}

// member is a middleware and its slot.
type member[T any] struct {
	is   T
	slot Slot
}

// skips says what is left out for whom.
type skips struct {
	routeOf func(*mining.Miner) string
	// routes has the bits of a route's.
	routes map[string]uint64
}

// Compile chains the middlewares before last: the first listed sees a
// request first. It panics on more than 64, which is a mistake in the list.
func Compile(last Handler, mws ...Middleware) *Chain {
	if len(mws) > maxChain {
		panic("pipeline: more than 64 middlewares")
	}
	c := &Chain{head: last}
	for i, mw := range slices.Backward(mws) {
		next, slot := c.head, Slot(i)
		c.head = &gate{bit: 1 << i, with: mw.Wrap(next, slot), next: next}
	}
	for i, mw := range mws {
		c.names = append(c.names, mw.Name())
		if k, ok := mw.(Enterer); ok {
			c.keepers = append(c.keepers, member[Enterer]{k, Slot(i)})
		}
		if l, ok := mw.(Leaver); ok {
			c.leavers = append(c.leavers, member[Leaver]{l, Slot(i)})
		}
		if w, ok := mw.(Watcher); ok {
			c.watchers = append(c.watchers, member[Watcher]{w, Slot(i)})
		}
	}
	return c
}

// gate leads around a middleware where a request's miner is on a route that
// leaves it out.
type gate struct {
	bit        uint64
	with, next Handler
}

// Handle implements [Handler].
func (g *gate) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	if req.Skip&g.bit != 0 {
		return g.next.Handle(m, req)
	}
	return g.with.Handle(m, req)
}

// Names lists the middlewares in their order.
func (c *Chain) Names() []string { return slices.Clone(c.names) }

// UnknownError is a middleware's name that the chain does not have.
type UnknownError struct{ Name string }

// Error names it.
func (e *UnknownError) Error() string { return fmt.Sprintf("no middleware is called %q", e.Name) }

// Skip says which middlewares are left out for the miners of which route, in
// place of what was said before. routeOf is the route of a miner, "" while it
// has none; it is asked with every request, so it must be quick. A name that is
// unknown is an [*UnknownError], and nothing changes.
func (c *Chain) Skip(routeOf func(*mining.Miner) string, routes map[string][]string) error {
	s := &skips{routeOf: routeOf, routes: make(map[string]uint64)}
	for route, names := range routes {
		for _, name := range names {
			i := slices.Index(c.names, name)
			if i < 0 {
				return &UnknownError{Name: name}
			}
			s.routes[route] |= 1 << i
		}
	}
	if len(s.routes) == 0 {
		s = nil
	}
	c.skips.Store(s)
	return nil
}

// skipped are the bits of what is left out for a miner.
func (c *Chain) skipped(m *mining.Miner) uint64 {
	s := c.skips.Load()
	if s == nil {
		return 0
	}
	return s.routes[s.routeOf(m)]
}

// Handle walks the chain.
func (c *Chain) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	req.Skip = c.skipped(m)
	return c.head.Handle(m, req)
}

// Enter announces a connection, before its first request and event.
func (c *Chain) Enter(m *mining.Miner, now time.Time) {
	if len(c.keepers) == 0 {
		return
	}
	m.Slots = make([]any, len(c.names))
	for _, k := range c.keepers {
		m.Slots[k.slot] = k.is.Enter(m, now)
	}
}

// Leave says that a connection has ended, after its last request and event.
func (c *Chain) Leave(m *mining.Miner, reason mining.Reason) {
	for _, l := range c.leavers {
		l.is.Leave(m, l.slot.Of(m), reason)
	}
}

// Tell tells the watchers, in the order of the chain, of what was no request.
func (c *Chain) Tell(m *mining.Miner, e Event) (r Reaction) {
	skipped := c.skipped(m)
	for _, w := range c.watchers {
		if skipped&(1<<w.slot) == 0 {
			r = r.Add(w.is.Watch(m, w.slot.Of(m), e))
		}
	}
	return r
}
