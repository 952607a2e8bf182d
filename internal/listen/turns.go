package listen

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// Turns bound how many TLS handshakes compute at a time, in the order in which they
// ask. A hello costs whoever sends it nothing and us a signature, up to some
// milliseconds: without a bound, a flood of them takes all processors and shares wait.
// Nobody has a turn while it waits for the other side, so that who says nothing
// after its hello keeps nobody waiting. Listeners may share them.
type Turns struct{ free *semaphore.Weighted }

// NewTurns makes turns for so many at a time, at least one.
func NewTurns(most int) *Turns {
	return &Turns{semaphore.NewWeighted(int64(max(most, 1)))}
}

// shake has a handshake by turns, within a time. nil turns bound nothing.
func (t *Turns) shake(ctx context.Context, atMost time.Duration, below *begun, handshake func() error) error {
	if t == nil {
		return handshake()
	}
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	mine := &turn{ctx: ctx, of: t}
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
	of   *Turns
	held bool
}

func (t *turn) take() error {
	err := t.of.free.Acquire(t.ctx, 1)
	t.held = err == nil
	return err //nolint:wrapcheck // the context's own
}

func (t *turn) give() {
	if t.held {
		t.of.free.Release(1)
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
