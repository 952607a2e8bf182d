package listen

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/loka/stratum/internal/turns"
)

// Handshakes bound how many TLS handshakes compute at a time. A hello costs whoever sends it
// nothing and us a signature, up to some milliseconds: without a bound, a flood of them
// takes all processors and shares wait. Turns go round the addresses (the /64s of IPv6)
// and not by who came first: a flood makes its own address wait, and no other.
// Nobody has a turn while it waits for the other side, so that who says nothing
// after its hello keeps nobody waiting. Listeners may share them.
type Handshakes struct {
	turns *turns.Turns // where each has to have one, too

	mu sync.Mutex // guards what follows
	// free is how many there are; none while anybody waits.
	free   int
	places map[netip.Prefix]*place
	order  list.List // of the places, in the order of their turns
}

// place is where some come from who wait: a party of the door's.
type place struct {
	prefix  netip.Prefix
	waiting list.List // of chan struct{}, closed when it is one's turn
	at      *list.Element
}

// NewHandshakes has so many compute at a time, at least one, and each of them with a
// turn of others that the processors are divided by; nil is no such bound.
func NewHandshakes(most int, of *turns.Turns) *Handshakes {
	return &Handshakes{turns: of, free: max(most, 1), places: make(map[netip.Prefix]*place)}
}

// take waits for a turn of a place.
func (t *Handshakes) take(ctx context.Context, from netip.Prefix) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // the context's own
	}
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	p := t.places[from]
	if p == nil {
		p = &place{prefix: from}
		p.at = t.order.PushBack(p)
		t.places[from] = p
	}
	mine := make(chan struct{})
	e := p.waiting.PushBack(mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-mine: // it has come, too late
		t.next()
	default:
		p.waiting.Remove(e)
		t.tidy(p)
	}
	return ctx.Err() //nolint:wrapcheck // the context's own
}

// give gives a turn back.
func (t *Handshakes) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next hands a turn to whose it is. t.mu is held.
func (t *Handshakes) next() {
	first := t.order.Front()
	if first == nil {
		t.free++
		return
	}
	p, _ := first.Value.(*place)
	mine, _ := p.waiting.Remove(p.waiting.Front()).(chan struct{})
	close(mine)
	t.order.MoveToBack(first)
	t.tidy(p)
}

// tidy forgets a place where nobody waits. t.mu is held.
func (t *Handshakes) tidy(p *place) {
	if p.waiting.Len() == 0 {
		t.order.Remove(p.at)
		delete(t.places, p.prefix)
	}
}

// shake has a handshake by turns of a place, the waits for which are over by a time. nil
// turns bound nothing.
func (t *Handshakes) shake(ctx context.Context, until time.Time, below *begun, handshake func() error) error {
	if t == nil {
		return handshake()
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	mine := &turn{ctx: ctx, of: t, from: below.from}
	if err := mine.take(); err != nil {
		return err
	}
	below.turn = mine
	err := handshake()
	below.turn = nil
	mine.give()
	return err
}

// turn is one handshake's. One goroutine uses it.
type turn struct {
	ctx  context.Context //nolint:containedctx // it lives for one call, and Read is given none
	of   *Handshakes
	from netip.Prefix
	held bool
	turn turns.Turn
}

func (t *turn) take() error {
	if err := t.of.take(t.ctx, t.from); err != nil {
		return err
	}
	t.held, t.turn = true, t.of.turns.Take(turns.Handshake)
	return nil
}

func (t *turn) give() {
	if t.held {
		t.turn.Give()
		t.of.give()
		t.held = false
	}
}

// without reads or writes, which may have to wait for the other side, without a turn,
// and takes one again with what has come.
func (t *turn) without(wait func([]byte) (int, error), p []byte) (int, error) {
	t.give()
	n, err := wait(p)
	if err == nil {
		err = t.take()
	}
	return n, err
}
