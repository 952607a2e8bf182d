package app

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
)

// Source is where the configuration comes from.
type Source interface {
	// Name is the file's, as the operator named it; empty where there is none
	// that can be read again.
	Name() string
	// Read returns the file's text.
	Read() ([]byte, error)
	// Load makes a configuration of a file's text, the environment and the flags.
	// It is a [config.Problems] where those are at fault.
	Load(text []byte) (*config.Config, error)
	// LoadSent is Load of a text that somebody has sent, who may not read the environment:
	// told are the variables that may be shown.
	LoadSent(text []byte, told []string) (*config.Config, error)
}

// errNotRunning is why nothing is put in place before the proxy is up and once it is
// stopping.
var errNotRunning = errors.New("the proxy is starting or stopping")

// Reloaded is what has become of a configuration that was read again.
type Reloaded struct {
	// Changes are the keys that have another value now, all of them in place but
	// for those in Restart.
	Changes []config.Change
	// Restart are the keys of which the running program goes on with the value of
	// its start.
	Restart []string
	// Arranged are the keys in whose place still holds what was arranged by API,
	// Forgotten those of which the file's value holds again since it has changed.
	Arranged, Forgotten []string
	// Closed counts the miners whose listener is gone, or whose address may not
	// connect any more.
	Closed int
}

// Reread is [App.Reload] for who has sent the process a signal, and only looks at the
// log.
func (a *App) Reread(ctx context.Context) {
	r, err := a.Reload(ctx, "")
	if err != nil {
		return // it is in the log
	}
	changes := changesOf(r.Changes)
	a.record.Keep(ctx, audit.Act{
		At: time.Now().UTC(), Who: "signal", What: "SIGHUP", Before: httpapi.Before(changes), After: httpapi.After(changes),
		Detail: "configuration " + a.source.Name() + " read again",
	})
}

// ShutdownTimeout is how long a graceful stop may take, as configured now.
func (a *App) ShutdownTimeout() time.Duration { return a.cfg.Load().Server.ShutdownTimeout }

// Reload reads the file again, or for an id one that was in place before, and puts
// it in place. On an error nothing is changed.
func (a *App) Reload(ctx context.Context, id string) (Reloaded, error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	r, err := a.reload(ctx, id)
	a.happened.reloaded(&r, err)
	var invalid config.Problems
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid {
			a.log.ErrorContext(ctx, "configuration problem", "problem", p.String())
		}
		a.log.ErrorContext(ctx, "configuration not reloaded: nothing changes until the problems are mended", "problems", len(invalid))
	case err != nil:
		a.log.ErrorContext(ctx, "configuration not reloaded: nothing changes", "error", err)
	default:
		a.logReloaded(ctx, &r)
	}
	return r, err
}

func (a *App) reload(ctx context.Context, id string) (Reloaded, error) {
	if a.source == nil || a.source.Name() == "" {
		return Reloaded{}, httpapi.ErrNoConfig
	}
	text, err := a.textOf(id)
	if err != nil {
		return Reloaded{}, err
	}
	next, err := a.source.Load(text)
	if err != nil {
		return Reloaded{}, err
	}
	r, err := a.apply(ctx, next)
	if err == nil && len(r.Changes) > 0 && !bytes.Equal(text, a.applied.latest()) {
		a.applied.add(text, r.Changes)
	}
	return r, err
}

// textOf is the text of the file, or of one that was in place before.
func (a *App) textOf(id string) ([]byte, error) {
	if id != "" {
		return a.applied.text(id)
	}
	return a.source.Read()
}

func (a *App) logReloaded(ctx context.Context, r *Reloaded) {
	if len(r.Changes) == 0 {
		a.log.InfoContext(ctx, "configuration unchanged; certificates were read again", "config", a.source.Name())
		return
	}
	for _, c := range r.Changes {
		a.log.InfoContext(ctx, "configuration difference", "key", c.Key, "old", c.Old, "new", c.New)
	}
	for _, key := range r.Arranged {
		a.log.WarnContext(ctx, "configuration overridden: what was arranged by API holds until the file changes this key", "key", key)
	}
	for _, key := range r.Forgotten {
		a.log.WarnContext(ctx, "configuration changed what was arranged by API: the file's value holds", "key", key)
	}
	if len(r.Restart) > 0 {
		a.log.WarnContext(ctx, "some differences take effect at the next start only", "keys", r.Restart)
	}
	a.log.InfoContext(ctx, "configuration reloaded", "config", a.source.Name(), "differences", len(r.Changes), "miners_closed", r.Closed)
}

// plan says what a configuration would change.
func (a *App) plan(next *config.Config) (httpapi.Plan, error) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	changes := config.Diff(a.cfg.Load(), next)
	next = following(a.cfg.Load(), next)
	hubCfg, err := hubConfig(next, a.version)
	if err != nil {
		return httpapi.Plan{}, err
	}
	p := httpapi.Plan{Changes: changesOf(changes), Restart: restartsOf(changes), Moves: a.leavers(next)}
	splits := make(map[string][]hub.PartConfig)
	p.Arranged, p.Forgotten = a.control.arranged(next, splits)
	divide(&hubCfg, splits)
	moves, err := a.hub.Preview(hubCfg)
	if err != nil {
		return httpapi.Plan{}, err
	}
	for _, m := range moves {
		p.Moves = append(p.Moves, httpapi.PlanMove{
			Miners: m.Miners, Route: m.Route, Pool: m.Pool, ToRoute: m.ToRoute, ToPool: m.ToPool, Closed: string(m.Closed),
		})
	}
	return p, nil
}

// leavers are the miners whose listener would be gone, or whose address could not
// connect any more.
func (a *App) leavers(next *config.Config) []httpapi.PlanMove {
	moves := []httpapi.PlanMove{}
	if n := a.door.Refused(doorConfig(next, 0)); n > 0 {
		moves = append(moves, httpapi.PlanMove{Miners: n, Closed: string(mining.AccessDenied)})
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.served {
		if slices.ContainsFunc(next.Listeners, func(l config.Listener) bool { return l.Address == s.address }) {
			continue
		}
		if n := a.serve.Count(s.address); n > 0 {
			moves = append(moves, httpapi.PlanMove{Miners: n, Listener: s.address, Closed: string(mining.ListenerRemoved)})
		}
	}
	return moves
}

// divide puts splits in place of those of a configuration, by route.
func divide(cfg *hub.Config, splits map[string][]hub.PartConfig) {
	for i := range cfg.Routes {
		if parts, ok := splits[cfg.Routes[i].Name]; ok {
			cfg.Routes[i].Parts = parts
		}
	}
}

func changesOf(changes []config.Change) []httpapi.Change {
	all := make([]httpapi.Change, 0, len(changes))
	for _, c := range changes {
		all = append(all, httpapi.Change(c))
	}
	return all
}

// restartsOf are the keys whose change the running program cannot follow.
func restartsOf(changes []config.Change) []string {
	keys := []string{}
	for _, c := range changes {
		if needsRestart(c.Key) {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// needsRestart says that the running program cannot follow a change of a key.
func needsRestart(key string) bool {
	return slices.Contains([]string{"data_dir", "instance", "http.listen"}, key) || strings.HasPrefix(key, "storage.")
}

// following is a configuration as far as the running program can follow it: what needs a
// restart is as it was at the start, and goes on to differ from the file until then.
func following(now, next *config.Config) *config.Config {
	c := *next
	c.DataDir, c.Instance, c.HTTP.Listen, c.Storage = now.DataDir, now.Instance, now.HTTP.Listen, now.Storage
	return &c
}

// apply puts a configuration in place: all of it, or on an error nothing. One without
// differences is put in place, too: the files of certificates that it names may be
// others.
func (a *App) apply(ctx context.Context, next *config.Config) (Reloaded, error) {
	r := Reloaded{Changes: config.Diff(a.cfg.Load(), next)}
	r.Restart = restartsOf(r.Changes)
	next = following(a.cfg.Load(), next)
	hubCfg, err := hubConfig(next, a.version)
	if err != nil {
		return r, err
	}
	encrypted, err := a.certs.Load(time.Now(), certSpecs(next))
	if err != nil {
		return r, err
	}
	look, err := lookoutConfig(next)
	if err != nil {
		return r, err
	}
	guarded, err := a.walk.prepare(next)
	if err != nil {
		return r, err
	}
	listeners := listenConfigs(next, encrypted)
	opened, err := a.open(ctx, listeners)
	if err != nil {
		return r, err
	}
	a.counts.m.AddPools(poolNames(next)...)
	r.Arranged, r.Forgotten, err = a.control.reload(next, func(splits map[string][]hub.PartConfig) error {
		divide(&hubCfg, splits)
		return a.hub.Apply(hubCfg)
	})
	if err != nil {
		for _, l := range opened {
			_ = l.Close()
		}
		return r, err
	}
	if err := a.alerts.sinks.Reconfigure(sinkConfigs(next)); err != nil { // it was checked
		a.log.ErrorContext(ctx, "sinks of alerts stay as they are", "error", err)
	}
	a.found.replaced(hubCfg.Pools)
	a.cfg.Store(next)
	a.alerts.lookout.Reconfigure(look)
	a.serve.Reconfigure(sessionConfig(next))
	a.counts.reconfigure(next)
	guarded()
	r.Closed = a.relisten(listeners, opened)
	a.certs.Use(ctx, encrypted)
	a.bans.Reconfigure(bansConfig(next))
	a.dropBanned(next)
	a.http.Reconfigure(quota(next))
	a.recordBy(next)
	a.tellBy(next)
	r.Closed += a.door.Reconfigure(doorConfig(next, a.mostMiners(next)))
	return r, nil
}
