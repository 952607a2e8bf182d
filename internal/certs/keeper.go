package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// every is how often files are looked at. They are read whole and compared by what
// is in them, so that neither a swapped symlink nor a kept time of change hides
// anything.
const every = 30 * time.Second

// Config is what a [Keeper] is told.
type Config struct {
	// Dir is where certificates are kept that sign themselves.
	Dir string
	// Hosts are the names and addresses that those are for.
	Hosts []string
	// Logger may be nil.
	Logger *slog.Logger
}

// Keeper has the certificates of all listeners. Make it with [New].
type Keeper struct {
	cfg Config

	// mu is held by who changes what is in place.
	mu    sync.Mutex
	inUse atomic.Pointer[Set]
}

// New makes a keeper of nothing.
func New(cfg Config) *Keeper {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{cfg: cfg}
	k.inUse.Store(&Set{})
	return k
}

// Set is what the listeners of one configuration speak TLS by, in their order.
type Set struct{ listeners []*served }

// TLS is what the i-th listener answers hellos by; nil where it speaks no TLS. It
// goes on with what is in the files as they change.
func (s *Set) TLS(i int) *tls.Config {
	if s.listeners[i] == nil {
		return nil
	}
	return s.listeners[i].config
}

// served is one listener's.
type served struct {
	spec Spec
	// config asks for what is current with each hello. It has the keys of session
	// tickets, which outlive a renewed certificate.
	config  *tls.Config
	current atomic.Pointer[state]
	// problem is why what the files have become is not in place; nil is nothing.
	problem atomic.Pointer[string]
}

// state is what a listener answers by now.
type state struct {
	material *material
	config   *tls.Config
}

func newServed(spec Spec, m *material) *served {
	s := &served{spec: spec}
	s.config = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current.Load().config, nil },
	}
	s.use(m)
	return s
}

func (s *served) use(m *material) { s.current.Store(&state{m, s.spec.config(m)}) }

// Load reads what listeners are told to and makes what has to be made. What is in
// place stays until [Keeper.Use]. A listener that is told what it was, and whose
// files are what they were, goes on as it is.
func (k *Keeper) Load(now time.Time, specs []Spec) (*Set, error) {
	have := slices.Clone(k.inUse.Load().listeners)
	next := &Set{}
	for i := range specs {
		spec := specs[i]
		if !spec.TLS {
			next.listeners = append(next.listeners, nil)
			continue
		}
		m, err := k.read(&spec, now)
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", spec.Listener, err)
		}
		at := slices.IndexFunc(have, func(s *served) bool {
			return s != nil && s.spec == spec && s.current.Load().material.sum == m.sum
		})
		if at >= 0 {
			next.listeners = append(next.listeners, have[at])
			have[at] = nil // two listeners do not share one
			continue
		}
		next.listeners = append(next.listeners, newServed(spec, m))
	}
	return next, nil
}

func (k *Keeper) read(spec *Spec, now time.Time) (*material, error) {
	return spec.load(func() ([]tls.Certificate, error) { return own(k.cfg.Dir, k.cfg.Hosts, now) })
}

// Use puts a set in place and says in the log what is new of it.
func (k *Keeper) Use(ctx context.Context, set *Set) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.inUse.Load().listeners
	for _, s := range set.listeners {
		if s == nil {
			continue
		}
		s.problem.Store(nil) // it was read right now
		if !slices.Contains(before, s) {
			k.tell(ctx, s)
		}
	}
	k.inUse.Store(set)
}

// tell says in the log what a listener's certificates are.
func (k *Keeper) tell(ctx context.Context, s *served) {
	for _, c := range s.current.Load().material.list {
		k.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "certificate for miners", slog.String("listener", s.spec.Listener),
			slog.String("kind", c.Kind), slog.String("subject", c.Subject), slog.Bool("self_signed", c.SelfSigned),
			slog.Time("not_after", c.NotAfter), slog.String("sha256", c.Fingerprint))
	}
}

// Run looks at the files until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.Look(ctx)
		}
	}
}

// Look reads the operator's files and takes those that have changed, if they can be
// used. Of those that cannot it says so, once for each thing that is wrong.
func (k *Keeper) Look(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.inUse.Load().listeners {
		if s == nil {
			continue
		}
		had := s.current.Load().material
		m, err := s.spec.load(func() ([]tls.Certificate, error) { return had.pairs, nil })
		before := s.problem.Load()
		switch {
		case err != nil:
			text := err.Error()
			s.problem.Store(&text)
			if before == nil || *before != text {
				k.cfg.Logger.LogAttrs(ctx, slog.LevelError, "certificate files cannot be used, what was read before holds",
					slog.String("listener", s.spec.Listener), slog.Any("error", err))
			}
		case m.sum != had.sum:
			s.use(m)
			s.problem.Store(nil)
			k.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "certificate files have changed and are in place", slog.String("listener", s.spec.Listener))
			k.tell(ctx, s)
		case before != nil:
			s.problem.Store(nil)
			k.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "certificate files are what they were again", slog.String("listener", s.spec.Listener))
		}
	}
}

// Listeners are those that speak TLS.
func (k *Keeper) Listeners(now time.Time) []Listener {
	all := []Listener{}
	for _, s := range k.inUse.Load().listeners {
		if s != nil {
			all = append(all, s.listing(now))
		}
	}
	return all
}
