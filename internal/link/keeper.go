package link

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/wire"
)

// KeeperConfig is what a keeper is given once. Zero durations take the
// defaults that the fields name.
type KeeperConfig struct {
	// Link is every connection's configuration; they share its ID.
	Link Config
	// Username and Password are our own login at the pool.
	Username string
	Password mining.Secret
	// BackoffMin and BackoffMax are the first and the longest pause between
	// attempts, each drawn from nothing to twice its mean (500 ms, 30 s).
	BackoffMin, BackoffMax time.Duration
	// Patience is how long a pool that has taken our login may send no job
	// before it counts as down (30 s).
	Patience time.Duration
	// HealthyAfter is how long a pool must have been active for the next
	// pause to be the first one again (60 s).
	HealthyAfter time.Duration
}

// KeeperDeps is what a keeper needs of others.
type KeeperDeps struct {
	Dial Dial
	// Logger and Metrics may be nil.
	Logger  *slog.Logger
	Metrics *Metrics
	// Quota, Breaker and Wire are as in [Deps].
	Quota   *Quota
	Breaker *Breaker
	Wire    wire.Config
	// Watch, if not nil, gives each link its own watcher.
	Watch func() Watcher
	// Redirect decides on the pool's wish that a link go elsewhere; nil never lets
	// it.
	Redirect func(l *Link, ev upstream.Event) (Redirection, bool)
	// OnChange, if not nil, is called after the state or the facts (all but
	// job and difficulty) have changed, from the goroutine in Run, Pause or Resume, with no lock held.
	OnChange func(Status)
	// OnJob, if not nil, is called from the goroutine in Run with each job; before is the one
	// that came before it on the same connection, or nil.
	OnJob func(before, job *mining.Job)
}

// Redirection is where a pool has sent one of its links.
type Redirection struct {
	// Endpoint is for the next connection, and for that one only: what comes after
	// it begins anew where the pool is configured.
	Endpoint dial.Endpoint
	// Wait is how long the present connection is to serve.
	Wait time.Duration
}

// Keeper keeps a pool's probe alive: one link after another, with our own
// login. It knows whether the pool can be used and what it is like. Its
// methods may be called from any goroutine.
type Keeper struct {
	cfg  KeeperConfig
	deps KeeperDeps
	news news // owned by Run
	// settling says that the pool is active and news wants to hear of it
	// once more; owned by Run.
	settling bool

	mu      sync.Mutex
	status  Status
	next    *Redirection // for the next connection; nil is where the pool is configured
	try     attempt
	link    *Link         // of the attempt under way, nil between two
	resumed chan struct{} // closed by Resume; nil while there is no pause
	changed chan struct{} // closed and replaced under mu at every change
}

// NewKeeper makes a keeper. Nothing happens before [Keeper.Run].
func NewKeeper(cfg KeeperConfig, deps KeeperDeps) *Keeper {
	setDefault(&cfg.BackoffMin, 500*time.Millisecond)
	setDefault(&cfg.BackoffMax, 30*time.Second)
	setDefault(&cfg.HealthyAfter, time.Minute)
	setDefault(&cfg.Patience, 30*time.Second)
	log := slog.New(slog.DiscardHandler)
	if deps.Logger != nil {
		log = deps.Logger.With(slog.String("pool", cfg.Link.Pool))
	}
	return &Keeper{
		cfg:     cfg,
		deps:    deps,
		news:    news{log: log, last: make(map[mining.Reason]time.Time)},
		status:  Status{State: Connecting, Since: time.Now()},
		changed: make(chan struct{}),
	}
}

func setDefault(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

// Run keeps the pool connected until ctx ends; its error is ctx's.
func (k *Keeper) Run(ctx context.Context) error {
	Persist(ctx, k.cfg.BackoffMin, k.cfg.BackoffMax, func() bool { return k.await(ctx) != nil || k.attempt(ctx) })
	return context.Cause(ctx)
}

// attempt lives one link, or several where the pool sends it elsewhere, and says
// whether it was healthy.
func (k *Keeper) attempt(ctx context.Context) (healthy bool) {
	for ctx.Err() == nil {
		k.mu.Lock()
		if k.resumed != nil {
			k.mu.Unlock()
			return false
		}
		next := k.next
		k.next = nil
		l := k.make(next)
		k.link = l
		k.try = attempt{masked: k.cfg.Link.VersionMask == 0}
		k.try.facts.Difficulty = 1
		k.status.Attempts++
		k.mu.Unlock()
		reason := l.Run(ctx)
		if (reason == mining.Redirected || l.strayed()) && !k.paused() {
			continue
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		activeAt := k.try.activeAt
		k.try.known, k.link = false, nil
		return !activeAt.IsZero() && time.Since(activeAt) > k.cfg.HealthyAfter
	}
	return false
}

// make makes the next link, to where the pool has sent us if next is not nil.
func (k *Keeper) make(next *Redirection) *Link {
	cfg, breaker := k.cfg.Link, k.deps.Breaker
	if next != nil { // whether anybody is there says nothing of the pool
		cfg.Endpoint, cfg.Sent, breaker = next.Endpoint, true, nil
	}
	deps := Deps{
		Dial: k.deps.Dial, Events: probe{k}, Logger: k.deps.Logger, Metrics: k.deps.Metrics, Quota: k.deps.Quota, Wire: k.deps.Wire,
		Breaker: breaker,
	}
	if k.deps.Watch != nil {
		deps.Watch = k.deps.Watch()
	}
	l := New(cfg, deps)
	l.alarm, l.probe = k.alarm, true
	breaker.probe()
	l.Authorize(k.cfg.Username, k.cfg.Password.Reveal(), 0)
	return l
}

// redirect has the link that the pool sends elsewhere end in time.
func (k *Keeper) redirect(l *Link, ev upstream.Event) {
	if k.deps.Redirect == nil {
		return
	}
	to, ok := k.deps.Redirect(l, ev)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resumed != nil {
		return // the link is being closed
	}
	k.next = &to
	time.AfterFunc(to.Wait, func() { l.Close(mining.Redirected) })
}

// enter changes the state. mu is held.
func (k *Keeper) enter(to State, reason mining.Reason, text string) {
	if k.status.State != to {
		k.status.State, k.status.Since = to, time.Now()
	}
	k.status.Reason, k.status.Error = reason, text
}

// awaiting says what a pool that was not active yet is expected to do. mu is
// held.
func (k *Keeper) awaiting() {
	if k.status.State == Connecting {
		k.status.Error = k.try.awaits(k.cfg.Username)
	}
}

// wake tells all who wait. mu is held.
func (k *Keeper) wake() {
	close(k.changed)
	k.changed = make(chan struct{})
}
