package link

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/loka/stratum/internal/mining"
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
	// Quota and Wire are as in [Deps].
	Quota *Quota
	Wire  wire.Config
	// OnChange, if not nil, is called after the state or the facts (all but
	// job and difficulty) have changed, from the goroutine in Run, Pause or Resume, with no lock held.
	OnChange func(Status)
	// OnJob, if not nil, is called from the goroutine in Run with each job; before is the one
	// that came before it on the same connection, or nil.
	OnJob func(before, job *mining.Job)
}

// Keeper keeps a pool's probe alive: one link after another, with our own
// login. It knows whether the pool can be used and what it is like. Its
// methods may be called from any goroutine.
type Keeper struct {
	cfg   KeeperConfig
	deps  KeeperDeps
	pause *backoff.ExponentialBackOff // owned by Run
	news  news                        // owned by Run
	// settling says that the pool is active and news wants to hear of it
	// once more; owned by Run.
	settling bool

	mu      sync.Mutex
	status  Status
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
		cfg:  cfg,
		deps: deps,
		// A factor of 1 draws from nothing to twice the interval: full
		// jitter, so that a pool that comes back is not stormed.
		pause: &backoff.ExponentialBackOff{
			InitialInterval: cfg.BackoffMin / 2, MaxInterval: cfg.BackoffMax / 2,
			Multiplier: 2, RandomizationFactor: 1,
		},
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
	k.pause.Reset()
	for {
		if err := k.await(ctx); err != nil {
			return err
		}
		if k.attempt(ctx) {
			k.pause.Reset()
		}
		wait := time.NewTimer(k.pause.NextBackOff())
		select {
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		case <-wait.C:
		}
	}
}

// attempt lives one link and says whether it was healthy.
func (k *Keeper) attempt(ctx context.Context) (healthy bool) {
	if ctx.Err() != nil {
		return false
	}
	l := New(k.cfg.Link, Deps{
		Dial: k.deps.Dial, Events: probe{k}, Logger: k.deps.Logger, Metrics: k.deps.Metrics, Quota: k.deps.Quota, Wire: k.deps.Wire,
	})
	l.alarm = k.alarm
	k.mu.Lock()
	if k.resumed != nil {
		k.mu.Unlock()
		return false
	}
	k.try = attempt{masked: k.cfg.Link.VersionMask == 0}
	k.try.facts.Difficulty = 1
	k.status.Attempts++
	k.link = l
	k.mu.Unlock()
	l.Authorize(k.cfg.Username, k.cfg.Password.Reveal(), 0)
	l.Run(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	activeAt := k.try.activeAt
	k.try.known, k.link = false, nil
	return !activeAt.IsZero() && time.Since(activeAt) > k.cfg.HealthyAfter
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
