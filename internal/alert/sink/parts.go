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
	// left is, of each, until when it is left alone, and what it said.
	left []alone
}

// alone is of one that is not asked again before a time.
type alone struct {
	until time.Time
	err   error
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
	return &parts{all: all, had: make([]map[telling]bool, len(all)), left: make([]alone, len(all))}
}

func (p *parts) send(ctx context.Context, m *message) error {
	errs := make([]error, len(p.all))
	var wait sync.WaitGroup
	for i := range p.all {
		rest, err := p.rest(i, m)
		if rest == nil {
			errs[i] = err
			continue
		}
		wait.Go(func() { errs[i] = p.all[i].send(ctx, rest) })
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

// rest is what of a message one has not had; nil: it had all, or is left alone for the
// error.
func (p *parts) rest(i int, m *message) (*message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case m.test:
		return m, nil
	case m.at.Before(p.left[i].until):
		return nil, p.left[i].err
	case len(p.had[i]) == 0:
		return m, nil
	}
	rest := *m
	rest.dropped = 0 // it was told of them
	rest.notices = slices.DeleteFunc(slices.Clone(m.notices), func(n alert.Notice) bool { return p.had[i][tellingOf(&n)] })
	if len(rest.notices) == 0 {
		return nil, nil
	}
	return &rest, nil
}

// note remembers who had what, where not all had all of it, and who is to be left alone
// as a sink of its own would be.
func (p *parts) note(m *message, errs []error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	whole := errors.Join(errs...) == nil
	for i, err := range errs {
		if said, ok := errors.AsType[*refusal](err); ok && !m.at.Before(p.left[i].until) {
			wait := said.after
			if said.kind == lasting {
				wait = max(wait, longestPause)
			}
			p.left[i] = alone{m.at.Add(wait), err}
		}
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
