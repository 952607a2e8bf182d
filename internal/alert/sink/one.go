package sink

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/steer"
)

// one is one sink.
type one struct {
	// Static after construction.
	cfg     Config
	deps    *Deps
	sender  sender
	manager *alertmanager // nil unless it is one
	rules   steer.Globs
	// wake has an element when there is something to do.
	wake chan struct{}
	// end ends it; guarded by Sinks.mu.
	end context.CancelFunc

	// plain has a message say no more than that there is one: what was said before was not
	// taken. It is run's.
	plain bool

	mu      sync.Mutex
	queue   *queue
	firing  []alert.Alert // for a manager
	changed bool          // what fires is not what it was told last
	state   State
}

func newOne(c Config, deps *Deps) (*one, error) {
	sender, err := newSender(c.URL.Reveal(), deps.Client)
	if err != nil {
		return nil, err
	}
	o := &one{
		cfg: c, deps: deps, sender: sender, rules: steer.CompileGlobs(c.Rules), wake: make(chan struct{}, 1), queue: newQueue(),
		state: State{Name: c.Name, Service: Service(c.URL.Reveal()), Severity: c.Severity, Up: true},
	}
	o.manager, _ = sender.(*alertmanager)
	return o, nil
}

// wants says whether it is told of an alert.
func (o *one) wants(a *alert.Alert) bool {
	return a.Severity.AtLeast(o.cfg.Severity) && (o.rules.Empty() || o.rules.Match(a.Name))
}

// takes says the same of a notice.
func (o *one) takes(n *alert.Notice) bool {
	return o.manager == nil && o.wants(&n.Alert) && (o.cfg.Ends || n.State != alert.Resolved)
}

// inherit takes over what waits for the sink that it takes the place of. What is on its
// way there stays that one's.
func (o *one) inherit(before *one) {
	before.mu.Lock()
	taken := before.queue.take()
	before.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue.dropped += taken.dropped
	for _, id := range taken.ids {
		if w := taken.by[id]; o.takes(&w.notice) {
			o.gone(o.queue.put(w.notice, w.since))
		}
	}
	if len(o.queue.ids) > 0 {
		o.poke()
	}
}

func (o *one) tell(notices []alert.Notice, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range notices {
		if n := &notices[i]; o.takes(n) {
			o.gone(o.queue.put(*n, now))
		}
	}
	if len(o.queue.ids) > 0 {
		o.poke()
	}
}

// gone counts alerts that were given up. mu is held.
func (o *one) gone(n int) {
	o.state.Dropped += uint64(n) //nolint:gosec // a count
}

// sync says what fires.
func (o *one) sync(firing []alert.Alert) {
	mine := make([]alert.Alert, 0, len(firing))
	for i := range firing {
		if o.wants(&firing[i]) && len(firing[i].SilencedBy) == 0 {
			mine = append(mine, firing[i])
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed = o.changed || !sameIDs(o.firing, mine); o.changed {
		o.poke()
	}
	o.firing = mine
}

func sameIDs(a, b []alert.Alert) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID {
			return false
		}
	}
	return true
}

func (o *one) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// describe is how it does.
func (o *one) describe() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.state
	s.Pending = len(o.queue.ids)
	return s
}

// run sends what there is until ctx ends, and once more then.
func (o *one) run(ctx context.Context) {
	timer := time.NewTimer(toldEvery)
	defer timer.Stop()
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			o.last(ctx)
			return
		case <-o.wake:
		case <-timer.C:
		}
		wait := o.cfg.Every
		if o.manager != nil {
			wait = firstPause
		}
		err := o.flush(ctx)
		some := err != nil && err.partial()
		switch {
		case err == nil:
			pause = firstPause
		case !some: // who has it is not to wait for the others
			wait = o.again(err, pause+rand.N(pause/2+1)) //nolint:gosec // spreads attempts
			pause = min(2*pause, longestPause)
		}
		if !rest(ctx, wait) {
			o.last(ctx)
			return
		}
		timer.Reset(toldEvery)
		if o.waits() && !some {
			o.poke()
		}
	}
}

// again is when to try again after an error, where by itself that would be after wait.
func (o *one) again(err *SendError, wait time.Duration) time.Duration {
	said := err.refusal()
	if said == nil {
		return wait
	}
	if said.kind == lasting || said.kind == unfit && o.plain {
		wait = longestPause
	}
	o.plain = o.plain || said.kind == unfit
	return max(wait, said.after)
}

// rest waits; false: ctx has ended.
func rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// last sends what waits at a stop, if it can be sent within a moment, and gives the rest
// up aloud.
func (o *one) last(ctx context.Context) {
	moment, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if o.waits() {
		_ = o.flush(moment) // it is in the state
	}
	o.mu.Lock()
	left := len(o.queue.take().ids)
	o.gone(left)
	o.mu.Unlock()
	name := slog.String("sink", o.cfg.Name)
	if left > 0 {
		o.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "alerts are given up: their sink could not be reached before it was stopped", name, slog.Int("alerts", left))
	}
	if o.sender.stuck() {
		o.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "a sink has not answered its last message yet and is left to itself", name)
	}
}

// waits says that there is something to send.
func (o *one) waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue.ids) > 0 || o.changed
}

// flush sends what waits; an Alertmanager is told what fires, whether that has changed
// or not.
func (o *one) flush(ctx context.Context) *SendError {
	now := o.deps.Now()
	o.mu.Lock()
	if o.manager != nil {
		firing := o.firing
		o.changed = false
		o.mu.Unlock()
		if len(firing) == 0 && len(o.manager.firing) == 0 {
			return nil
		}
		err := o.bounded(ctx, func(ctx context.Context) error { return o.manager.sync(ctx, firing, o.deps.Instance, now) })
		if err != nil {
			o.mu.Lock()
			o.changed = true
			o.mu.Unlock()
		}
		return err
	}
	o.gone(o.queue.expire(now))
	if len(o.queue.ids) == 0 {
		o.mu.Unlock()
		return nil
	}
	taken := o.queue.take()
	o.mu.Unlock()
	err := o.attempt(ctx, &message{instance: o.deps.Instance, at: now, notices: taken.notices(), dropped: taken.dropped, plain: o.plain})
	if err == nil {
		o.plain = false
	} else {
		o.mu.Lock()
		o.gone(o.queue.putBack(taken))
		o.mu.Unlock()
	}
	return err
}

// attempt sends one message.
func (o *one) attempt(ctx context.Context, m *message) *SendError {
	return o.bounded(ctx, func(ctx context.Context) error { return o.sender.send(ctx, m) })
}

// bounded is one attempt of whatever is sent: it is bounded in time, and what came of
// it is noted. One that is called off says nothing of the sink.
func (o *one) bounded(whole context.Context, send func(context.Context) error) *SendError {
	ctx, cancel := context.WithTimeout(whole, sendTimeout)
	defer cancel()
	err := scrub(send(ctx), o.cfg.URL.Reveal())
	if err != nil && errors.Is(whole.Err(), context.Canceled) {
		return err
	}
	now := o.deps.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.state.Up
	o.state.Up = err == nil
	if o.state.Since.IsZero() || before != o.state.Up {
		o.state.Since = now
	}
	if err == nil {
		o.state.Sent++
		o.state.Error = ""
	} else {
		o.state.Failed++
		o.state.Error = err.Error()
	}
	if before != o.state.Up {
		level, text := slog.LevelInfo, "alerts can be told again"
		if err != nil {
			level, text = slog.LevelWarn, "alerts cannot be told"
		}
		o.deps.Logger.LogAttrs(ctx, level, text, slog.String("sink", o.cfg.Name), slog.String("service", o.state.Service), slog.String("error", o.state.Error)) //nolint:sloglint // one of two constants
	}
	return err
}
