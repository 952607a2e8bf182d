package link

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

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
	// job and difficulty) have changed, from the goroutine in Run, with no lock held.
	OnChange func(Status)
}

// Keeper keeps a pool's probe alive: one link after another, with our own
// login. It knows whether the pool can be used and what it is like. Its
// methods may be called from any goroutine.
type Keeper struct {
	cfg   KeeperConfig
	deps  KeeperDeps
	log   *slog.Logger
	pause *backoff.ExponentialBackOff // owned by Run
	said  map[mining.Reason]time.Time // owned by Run: warnings of the last minute

	mu      sync.Mutex
	status  Status
	try     attempt
	changed chan struct{} // closed and replaced under mu at every change
}

// attempt is what one connection has come to.
type attempt struct {
	facts                          Facts
	subscribed, masked, authorized bool
	known                          bool // facts are complete but for the job
	activeAt                       time.Time
	refusal                        string // the pool's words on our login
}

// NewKeeper makes a keeper. Nothing happens before [Keeper.Run].
func NewKeeper(cfg KeeperConfig, deps KeeperDeps) *Keeper {
	setDefault(&cfg.BackoffMin, 500*time.Millisecond)
	setDefault(&cfg.BackoffMax, 30*time.Second)
	setDefault(&cfg.HealthyAfter, time.Minute)
	log := slog.New(slog.DiscardHandler)
	if deps.Logger != nil {
		log = deps.Logger.With(slog.String("pool", cfg.Link.Pool))
	}
	return &Keeper{
		cfg:  cfg,
		deps: deps,
		log:  log,
		// A factor of 1 draws from nothing to twice the interval: full
		// jitter, so that a pool that comes back is not stormed.
		pause: &backoff.ExponentialBackOff{
			InitialInterval: cfg.BackoffMin / 2, MaxInterval: cfg.BackoffMax / 2,
			Multiplier: 2, RandomizationFactor: 1,
		},
		said:    make(map[mining.Reason]time.Time),
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
	k.mu.Lock()
	k.try = attempt{masked: k.cfg.Link.VersionMask == 0}
	k.try.facts.Difficulty = 1
	k.status.Attempts++
	k.mu.Unlock()
	l := New(k.cfg.Link, Deps{
		Dial: k.deps.Dial, Events: probe{k}, Logger: k.deps.Logger, Metrics: k.deps.Metrics, Quota: k.deps.Quota, Wire: k.deps.Wire,
	})
	l.Authorize(k.cfg.Username, k.cfg.Password.Reveal(), 0)
	l.Run(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	activeAt := k.try.activeAt
	k.try.known = false
	return !activeAt.IsZero() && time.Since(activeAt) > k.cfg.HealthyAfter
}

// probe takes a link's events for its keeper.
type probe struct{ k *Keeper }

// LinkEvent learns from one thing the pool said.
func (p probe) LinkEvent(l *Link, ev upstream.Event) {
	k := p.k
	k.mu.Lock()
	news, end := k.try.learn(ev)
	if k.try.known {
		k.status.Facts, k.status.Known = k.try.facts, true
	}
	activated := k.try.ready() && k.try.activeAt.IsZero()
	if activated {
		k.try.activeAt = time.Now()
		k.enter(Active, "", "")
	}
	status := k.status
	if news || activated {
		k.wake()
	}
	k.mu.Unlock()
	if activated {
		k.log.Info("pool is active", slog.String("extranonce1", status.Facts.Extranonce1.String()),
			slog.Int("extranonce2_size", status.Facts.Extranonce2Size),
			slog.String("version_mask", status.Facts.VersionMask.String()))
	}
	if (news || activated) && k.deps.OnChange != nil {
		k.deps.OnChange(status)
	}
	if end != "" {
		l.Close(end)
	}
}

// learn takes an event in. news says that the facts changed and are known;
// end closes the link.
func (a *attempt) learn(ev upstream.Event) (news bool, end mining.Reason) {
	switch ev.Kind {
	case upstream.Subscribed, upstream.Extranonce:
		a.subscribed, news = true, true
		a.facts.Extranonce1, a.facts.Extranonce2Size = ev.Extranonce1, ev.Extranonce2Size
	case upstream.Mask:
		a.masked, news = true, true
		a.facts.VersionMask = ev.VersionMask
	case upstream.Difficulty:
		a.facts.Difficulty = ev.Difficulty
	case upstream.Job:
		a.facts.Job = ev.Job
	case upstream.Authorized:
		end = a.login(ev)
	case upstream.Verdict, upstream.Message, upstream.Reconnect, upstream.BadLine:
	}
	a.known = a.subscribed && a.masked
	return news && a.known, end
}

// login takes the answer to our own login in.
func (a *attempt) login(ev upstream.Event) mining.Reason {
	switch ev.Verdict { //nolint:exhaustive // all others refuse
	case mining.Accepted:
		a.authorized = true
		return ""
	case mining.Unanswered:
		a.refusal = "no answer to mining.authorize in time"
		return mining.PoolHandshakeTimeout
	}
	a.refusal = ev.Text
	return mining.PoolAuthorizeRefused
}

func (a *attempt) ready() bool { return a.known && a.authorized && a.facts.Job != nil }

// LinkEnded takes the end of a link in.
func (p probe) LinkEnded(_ *Link, reason mining.Reason, err error) {
	k := p.k
	if reason == mining.Shutdown {
		return
	}
	k.mu.Lock()
	text := explain(reason, err, k.try.refusal)
	k.try.known = false
	k.enter(Down, reason, text)
	k.wake()
	status := k.status
	k.mu.Unlock()
	k.warn(reason, text)
	if k.deps.OnChange != nil {
		k.deps.OnChange(status)
	}
}

// warn logs that the pool is down, the same at most once a minute.
func (k *Keeper) warn(reason mining.Reason, text string) {
	now := time.Now()
	if last, ok := k.said[reason]; ok && now.Sub(last) < noteEvery {
		return
	}
	k.said[reason] = now
	k.log.Warn("pool is down", slog.String("reason", string(reason)), slog.String("error", text))
}

// enter changes the state. mu is held.
func (k *Keeper) enter(to State, reason mining.Reason, text string) {
	if k.status.State != to {
		k.status.State, k.status.Since = to, time.Now()
	}
	k.status.Reason, k.status.Error = reason, text
}

// wake tells all who wait. mu is held.
func (k *Keeper) wake() {
	close(k.changed)
	k.changed = make(chan struct{})
}
