package sink

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/alert"
)

// parts sends to several who have one URL: each is told for itself, so that one who takes
// nothing keeps nothing from the others, and has nobody told twice.
type parts struct {
	all []sender

	mu sync.Mutex
	// had is, of each, what it took of a message that not all did, until all have.
	had []map[telling]bool
}

// telling is what a notice says.
type telling struct {
	id               string
	state            alert.State
	again            bool
	since, fired, at time.Time
}

func tellingOf(n *alert.Notice) telling {
	return telling{n.ID, n.State, n.Again, n.Since, n.Fired, n.ResolvedAt}
}

// severally makes one sender of several.
func severally(all []sender) sender {
	if len(all) == 1 {
		return all[0]
	}
	return &parts{all: all, had: make([]map[telling]bool, len(all))}
}

func (p *parts) send(ctx context.Context, m *message) error {
	errs := make([]error, len(p.all))
	var wait sync.WaitGroup
	for i := range p.all {
		left := p.left(i, m)
		if left == nil {
			continue
		}
		wait.Go(func() { errs[i] = p.all[i].send(ctx, left) })
	}
	wait.Wait()
	if !m.test {
		p.note(m, errs)
	}
	err := errors.Join(errs...)
	if err != nil && slices.Contains(errs, nil) {
		return &partialError{err}
	}
	return err
}

// partialError is of a message that some have.
type partialError struct{ err error }

func (e *partialError) Error() string { return "not all of them took it: " + e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

// left is what of a message one has not had; nil: it had all.
func (p *parts) left(i int, m *message) *message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.test || len(p.had[i]) == 0 {
		return m
	}
	rest := *m
	rest.dropped = 0 // it was told of them
	rest.notices = slices.DeleteFunc(slices.Clone(m.notices), func(n alert.Notice) bool { return p.had[i][tellingOf(&n)] })
	if len(rest.notices) == 0 {
		return nil
	}
	return &rest
}

// note remembers who had what, where not all had all of it.
func (p *parts) note(m *message, errs []error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	whole := errors.Join(errs...) == nil
	for i, err := range errs {
		switch {
		case whole:
			p.had[i] = nil
		case err == nil:
			p.had[i] = make(map[telling]bool, len(m.notices))
			for j := range m.notices {
				p.had[i][tellingOf(&m.notices[j])] = true
			}
		}
	}
}

func (p *parts) stuck() bool { return slices.ContainsFunc(p.all, sender.stuck) }
