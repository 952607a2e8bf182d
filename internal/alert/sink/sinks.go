package sink

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/mining"
)

const (
	// sendTimeout bounds one attempt, stopTimeout the last of them at a stop.
	sendTimeout, stopTimeout = 20 * time.Second, 3 * time.Second
	// firstPause and longestPause are between attempts that go wrong.
	firstPause, longestPause = time.Second, 5 * time.Minute
	// DefaultEvery is the least time between two messages.
	DefaultEvery = 10 * time.Second
)

// Config is one sink.
type Config struct {
	Name string
	// URL is secret as a whole.
	URL mining.Secret
	// Severity is the least that it is told, Rules are globs of the rules that it is
	// told of; none: all.
	Severity alert.Severity
	Rules    []string
	// Ends says that it is told when alerts are over.
	Ends bool
	// Every is the least time between two messages; 0 is [DefaultEvery].
	Every time.Duration
}

// Deps are what sinks work with. Logger and Client may be nil.
type Deps struct {
	Logger *slog.Logger
	// Instance is who tells.
	Instance string
	Now      func() time.Time
	Client   *http.Client
}

// State is how a sink does.
type State struct {
	Name, Service string
	Severity      alert.Severity
	// Up says that the last attempt went well, or that there was none; Error is why
	// it did not. Since is since when that is so; zero: nothing was sent yet.
	Up    bool
	Error string
	Since time.Time
	// Pending counts alerts that wait, Sent and Failed attempts, Dropped alerts that
	// were given up.
	Pending               int
	Sent, Failed, Dropped uint64
}

// Sinks are all places that alerts are told at. They are safe for use by many
// goroutines.
type Sinks struct {
	deps Deps

	mu  sync.Mutex
	all []*one
	// life is what sinks live under while Run runs.
	life context.Context //nolint:containedctx // of Run, for the sinks that come later
	runs sync.WaitGroup
}

// New makes none yet.
func New(deps Deps) *Sinks {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Client == nil {
		deps.Client = &http.Client{
			Timeout:       sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &Sinks{deps: deps}
}

// Reconfigure puts other sinks in place. Those that are as before go on, and one that
// is changed takes over what waits under its name. On an error nothing is changed.
func (s *Sinks) Reconfigure(all []Config) error {
	next := make([]*one, 0, len(all))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range all {
		c.Every = cmp.Or(c.Every, DefaultEvery)
		if i := slices.IndexFunc(s.all, func(o *one) bool { return o.cfg.same(c) }); i >= 0 {
			next = append(next, s.all[i])
			continue
		}
		o, err := newOne(c, &s.deps)
		if err != nil {
			return fmt.Errorf("sink %q: %w", c.Name, err)
		}
		next = append(next, o)
	}
	for _, o := range s.all {
		if slices.Contains(next, o) {
			continue
		}
		if i := slices.IndexFunc(next, func(n *one) bool { return n.cfg.Name == o.cfg.Name }); i >= 0 {
			next[i].inherit(o)
		}
		if o.end != nil {
			o.end()
		}
	}
	s.all = next
	s.begin()
	return nil
}

func (c *Config) same(o Config) bool {
	return c.Name == o.Name && c.URL == o.URL && c.Severity == o.Severity && c.Ends == o.Ends && c.Every == o.Every && slices.Equal(c.Rules, o.Rules)
}

// begin starts the sinks that do not run. mu is held.
func (s *Sinks) begin() {
	if s.life == nil || s.life.Err() != nil {
		return
	}
	for _, o := range s.all {
		if o.end != nil {
			continue
		}
		ctx, end := context.WithCancel(s.life)
		o.end = end
		s.runs.Go(func() { o.run(ctx) })
	}
}

// Run tells until ctx ends. What waits then is tried once more.
func (s *Sinks) Run(ctx context.Context) error {
	s.mu.Lock()
	s.life = ctx
	s.begin()
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()   // none begins any more
	s.mu.Unlock() //nolint:staticcheck // see above
	s.runs.Wait()
	return nil
}

// Tell has every sink that is for them told. It does not wait.
func (s *Sinks) Tell(notices []alert.Notice) {
	if len(notices) == 0 {
		return
	}
	now := s.deps.Now()
	for _, o := range s.list() {
		o.tell(notices, now)
	}
}

// Sync says what fires now, whether it is to be told or not, to those who decide that
// themselves. It does not wait.
func (s *Sinks) Sync(firing []alert.Alert) {
	for _, o := range s.list() {
		if o.manager != nil {
			o.sync(firing)
		}
	}
}

func (s *Sinks) list() []*one {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// States says how each does.
func (s *Sinks) States() []State {
	all := make([]State, 0, len(s.list()))
	for _, o := range s.list() {
		all = append(all, o.describe())
	}
	return all
}

// Result is what came of a test.
type Result struct {
	Sink string
	Err  error
	Took time.Duration
}

// Test sends a message by the sink of that name, or by all where name is empty, and
// waits for what comes of it. ok is false where there is none of that name.
func (s *Sinks) Test(ctx context.Context, name string) (results []Result, ok bool) {
	var which []*one
	for _, o := range s.list() {
		if name == "" || o.cfg.Name == name {
			which = append(which, o)
		}
	}
	results = make([]Result, len(which))
	var wait sync.WaitGroup
	for i, o := range which {
		wait.Go(func() {
			at := s.deps.Now()
			err := o.attempt(ctx, &message{instance: s.deps.Instance, at: at, test: true})
			results[i] = Result{Sink: o.cfg.Name, Took: s.deps.Now().Sub(at)}
			if err != nil {
				results[i].Err = err
			}
		})
	}
	wait.Wait()
	return results, name == "" || len(which) > 0
}
