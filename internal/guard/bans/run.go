package bans

import (
	"context"
	"sync"
	"time"

	"github.com/loka/stratum/internal/store"
)

const (
	// tidyEvery is the time between two looks at what is over.
	tidyEvery = 5 * time.Second
	// dropAgainMost is the longest pause before what keeps networks out below this
	// process is told again that did not take them; the first is tidyEvery.
	dropAgainMost = 5 * time.Minute
	// enforceEvery is the least time between two walks over all connections.
	enforceEvery = 250 * time.Millisecond
	// batch is how many changes the store is given at a time.
	batch = 500
	// retryFirst and retryMost are the pauses before a store that failed is asked
	// again.
	retryFirst = time.Second
	retryMost  = 30 * time.Second
	// loadTimeout and keepTimeout bound what is asked of the store, lastTimeout what
	// is at the end.
	loadTimeout = 10 * time.Second
	keepTimeout = 10 * time.Second
	lastTimeout = 3 * time.Second
)

// Run does what the book does by itself, until ctx ends: it ends connections that a
// new ban concerns, forgets, and keeps all in the store. It leaves no goroutine.
func (b *Book) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { b.keep(ctx) })
	b.watch(ctx)
	wg.Wait()
	return nil
}

// watch enforces and tidies.
func (b *Book) watch(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	b.tidy(b.deps.Now())
	untold := untold{pause: tidyEvery}
	untold.told(b.drop(ctx), b.deps.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.changed:
			now := b.deps.Now()
			b.Enforce(now)
			b.tidy(now)
			untold.told(b.drop(ctx), now)
			if !wait(ctx, enforceEvery) {
				return
			}
		case <-ticker.C:
			now := b.deps.Now()
			if freed := b.tidy(now); freed || untold.due(now) {
				untold.told(b.drop(ctx), now)
			}
		}
	}
}

// untold is when to tell again who is banned, after it was not taken: what was lifted
// would be kept out for the rest of its term.
type untold struct {
	at    time.Time // zero: it was taken
	pause time.Duration
}

func (u *untold) due(now time.Time) bool { return !u.at.IsZero() && !now.Before(u.at) }

func (u *untold) told(err error, now time.Time) {
	if err == nil {
		*u = untold{pause: tidyEvery}
		return
	}
	*u = untold{now.Add(u.pause), min(2*u.pause, dropAgainMost)}
}

// drop has the banned networks kept out below this process, if anything does that.
func (b *Book) drop(ctx context.Context) error {
	if b.deps.Drop == nil {
		return nil
	}
	now := b.deps.Now()
	b.mu.RLock()
	all := make([]Dropped, 0, b.networks[Ban].Size())
	for p, e := range b.networks[Ban].All() {
		if e.InForce(now) {
			all = append(all, Dropped{p, e.Until})
		}
	}
	b.mu.RUnlock()
	err := b.deps.Drop.Drop(now, all)
	if err != nil && b.dropPace.Due(now) {
		b.deps.Logger.WarnContext(ctx, "banned addresses are not all dropped by the kernel; they are refused here", "bans", len(all), "error", err)
	}
	return err //nolint:wrapcheck // for whether there is one
}

// wait waits, and is false if ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// keep has the store know what the book knows.
func (b *Book) keep(ctx context.Context) {
	pause, failing := retryFirst, false
	for {
		err := b.exchange(ctx)
		switch {
		case ctx.Err() != nil:
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTimeout)
			defer cancel()
			if err := b.exchange(last); err != nil {
				b.deps.Logger.WarnContext(last, "the latest bans are not kept: the store is away", "error", err)
			}
			return
		case err != nil:
			if !failing {
				b.deps.Logger.WarnContext(ctx, "bans cannot be kept: they hold, and are kept when the store is back", "error", err)
			}
			failing = true
			if wait(ctx, pause) {
				pause = min(2*pause, retryMost)
			}
			continue
		case failing:
			b.deps.Logger.InfoContext(ctx, "bans are kept again")
		}
		pause, failing = retryFirst, false
		select {
		case <-ctx.Done():
		case <-b.keepable:
		}
	}
}

// exchange loads the book, unless that is done, and tells the store what is new.
func (b *Book) exchange(ctx context.Context) error {
	if err := b.Load(ctx); err != nil {
		return err
	}
	for {
		keys, put, forget := b.takeUnkept()
		if len(keys) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, keepTimeout)
		err := b.deps.Store.KeepBans(ctx, b.deps.Instance, put, forget)
		cancel()
		if err != nil {
			b.mu.Lock()
			for _, k := range keys {
				b.markUnkept(k)
			}
			b.mu.Unlock()
			return err
		}
	}
}

// takeUnkept takes some of what the store has yet to hear of.
func (b *Book) takeUnkept() (keys []key, put []store.Ban, forget []store.BanKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.unkept {
		if len(keys) == batch {
			break
		}
		keys = append(keys, k)
		delete(b.unkept, k)
		if e := b.all[k]; e != nil {
			put = append(put, e.record())
		} else {
			forget = append(forget, k.record())
		}
	}
	return keys, put, forget
}

func (k key) record() store.BanKey {
	return store.BanKey{Kind: string(k.kind), Prefix: k.Prefix, Login: k.Login}
}

func (e *Entry) record() store.Ban {
	return store.Ban{BanKey: e.key().record(), Cause: string(e.Cause), By: e.By, Comment: e.Comment, Since: e.Since, Until: e.Until, Times: e.Times}
}

// Load takes what the store has into the book, once: a second call does nothing. What
// the book knows already is newer.
func (b *Book) Load(ctx context.Context) error {
	b.mu.RLock()
	loaded := b.loaded
	b.mu.RUnlock()
	if loaded {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	all, err := b.deps.Store.Bans(ctx, b.deps.Instance)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loaded {
		return nil
	}
	b.loaded = true
	odd := 0
	for i := range all {
		e, ok := entryOf(&all[i])
		if !ok {
			odd++
			continue
		}
		b.merge(e)
	}
	if odd > 0 {
		b.deps.Logger.WarnContext(ctx, "some bans in the store say nothing to this version; they are left there", "bans", odd)
	}
	signal(b.changed)
	return nil
}

// merge takes an entry of the store. b.mu is held.
func (b *Book) merge(e *Entry) {
	k := e.key()
	mine := b.all[k]
	switch {
	case mine != nil: // made since the start, without a look at this
		both := *mine
		if mine.Cause == Threat && e.outlasts(mine) { // it would not have been made with one
			both = *e
		}
		both.Times = mine.Times + e.Times
		b.put(&both)
	case b.unkept[k]: // lifted since the start
	case e.Cause == Threat && e.Login == "" && b.cfg.Load().exempts(e.Prefix): // since it was made
		b.markUnkept(k)
	case e.Cause == Threat && b.threats >= MaxThreats, e.Cause == Operator && len(b.all)-b.threats >= MaxOperators,
		!e.exact() && e.Login != "" && len(b.patterns) >= MaxPatterns:
	default:
		b.shelve(e)
	}
}

// entryOf reads a record; it is false where that names nobody, or a kind or cause
// that is not known.
func entryOf(r *store.Ban) (*Entry, bool) {
	e := &Entry{
		Subject: Subject{normal(r.Prefix), r.Login}, Kind: Kind(r.Kind), Cause: Cause(r.Cause), By: r.By, Comment: r.Comment,
		Since: r.Since, Until: r.Until, Times: max(1, r.Times),
	}
	known := (e.Kind == Ban || e.Kind == Pause) && (e.Cause == Operator || e.Cause == Threat)
	return e, known && (e.Prefix.IsValid() || e.Login != "")
}
