package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/view"
)

const (
	// saveEvery is how often the ledger's totals are kept.
	saveEvery = 10 * time.Second
	// dueAtMost bounds the wait for verdicts at a graceful stop.
	dueAtMost = 5 * time.Second
)

// Deps are what an app is given from outside.
type Deps struct {
	// Logger may be nil.
	Logger *slog.Logger
	// Version is what this program calls itself, at pools too.
	Version string
}

// App is a proxy, whole.
type App struct {
	cfg       *config.Config
	log       *slog.Logger
	lock      *os.File
	state     string // path of state.json
	books     *ledger.Ledger
	hub       *hub.Hub
	serve     *serve.Server
	model     *view.Model
	listeners []*listen.Listener
	http      *httpapi.Server

	started chan struct{}
}

// New makes an app of a valid configuration. It makes data_dir and reads
// what is there; it opens no socket.
// The directory is this app's until [App.Close] or the end of [App.Run].
func New(cfg *config.Config, deps Deps) (*App, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data_dir: %w; choose a directory that this user may write", err)
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: cfg, log: deps.Logger, lock: lock, state: filepath.Join(cfg.DataDir, "state.json"),
		started: make(chan struct{}),
	}
	if err := a.build(deps.Version); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Close gives the data directory back. Only an app that is never run needs it.
func (a *App) Close() {
	if a.lock != nil {
		_ = a.lock.Close() // the lock goes with it
	}
}

// build makes every part and joins them.
func (a *App) build(version string) error {
	cfg, now := a.cfg, time.Now()
	instance, err := instanceName(cfg.Instance, cfg.DataDir)
	if err != nil {
		return err
	}
	a.books = ledger.New(ledger.Config{OnOverflow: func(string) {
		a.log.Warn("too many workers: later names share the book of (other); remove data_dir/state.json to begin anew",
			"most", ledger.DefaultMaxWorkers)
	}}, now)
	a.loadState(now)

	counts, err := newCounts(cfg, version)
	if err != nil {
		return err
	}
	hubCfg, err := hubConfig(cfg, version)
	if err != nil {
		return err
	}
	found := loadFindings(filepath.Join(cfg.DataDir, "pools.json"), a.log)
	found.recall(hubCfg.Pools)
	a.hub, err = hub.New(hubCfg, hub.Deps{
		Dial: dial.New(dial.Config{}).Dial, Ledger: a.books, Logger: a.log, OnFound: found.keep,
		Metrics: counts.hub(), Wire: wireConfig(poolLine, counts.wire(mining.Upstream)),
	})
	if err != nil {
		return err
	}
	a.serve = serve.New(serveConfig(cfg, counts.wire(mining.Downstream)), serve.Deps{
		House: house{a.hub}, Handler: handler(a.hub, counts), Logger: a.log, Metrics: counts.serve(),
	})
	urls := make(map[string]string)
	for _, p := range cfg.Pools {
		urls[p.Name] = p.URL
	}
	a.model = view.New(view.Deps{
		Version: version, Instance: instance, Books: a.books,
		Hub: &readers{hub: a.hub, serve: a.serve, urls: urls},
		Now: time.Now, Started: now,
	})
	counts.source.Model = a.model
	if err := a.makeListeners(counts); err != nil {
		return err
	}
	a.http, err = newHTTP(cfg, counts, httpapi.Deps{
		Model: a.model, Miners: disconnecter{a.serve}, Logger: a.log,
		Control: newControl(filepath.Join(cfg.DataDir, "control.json"), a.hub, cfg, a.log),
	})
	return err
}

// house lets serve's connections into the hub.
type house struct{ *hub.Hub }

// Join implements [serve.House].
func (h house) Join(m *mining.Miner, c *serve.Conn) { h.Hub.Join(m, c) }

// loadState brings back the totals of the last run. What cannot be read is
// put aside, never overwritten.
func (a *App) loadState(now time.Time) {
	err := a.books.Load(a.state, now)
	if err == nil {
		return
	}
	aside, moved := ledger.SetAside(a.state)
	if moved != nil {
		a.log.Error("totals of the last run cannot be read, nor put aside; this run's are not kept", "error", err, "aside_error", moved)
		a.state = "" // what is there is not overwritten
		return
	}
	a.log.Error("totals of the last run cannot be read; they begin anew", "error", err, "kept_as", aside)
}

// makeListeners makes the miners' listeners within what the descriptor limit
// allows.
func (a *App) makeListeners(counts *counts) error {
	soft, err := listen.RaiseFileLimit()
	if err != nil {
		a.log.Warn("descriptor limit cannot be raised", "error", err)
	}
	most, each := a.cfg.Server.MaxConnections, descriptorsPerMiner(a.cfg)
	if allowed := listen.ClampConnections(most, soft, each); allowed < most {
		a.log.Warn("max_connections is clamped to what the descriptor limit allows",
			"max_connections", most, "allowed", allowed, "descriptors", soft, "per_miner", each)
		most = allowed
	}
	if most < 1 {
		return fmt.Errorf("the descriptor limit of %d leaves room for no miner; raise it (ulimit -n, LimitNOFILE=)", soft)
	}
	limiter := listen.NewLimiter(most)
	for _, l := range a.cfg.Listeners {
		encrypted, err := minersTLS(l)
		if err != nil {
			return fmt.Errorf("listener %s: %w", l.Address, err)
		}
		a.listeners = append(a.listeners, listen.New(listen.Config{
			Address: l.Address, HandshakeTimeout: a.cfg.Server.HandshakeTimeout, StopTimeout: a.cfg.Server.ShutdownTimeout,
			TLS: encrypted, TLSRequired: l.TLS == config.TLSRequired,
		}, listen.Deps{
			Limiter: limiter, Logger: a.log, Metrics: counts.listen(),
			Serve: func(_ context.Context, conn net.Conn, preread []byte, arrival mining.Arrival, gone func()) {
				a.serve.Serve(context.Background(), conn, preread, arrival, gone)
			},
			Tunnel: a.hub.Tunnel,
		}))
	}
	return nil
}

// Started is closed once every address is bound.
func (a *App) Started() <-chan struct{} { return a.started }

// Addrs are the addresses that are listened on, once started.
type Addrs struct {
	HTTP   string
	Miners []string
}

// Addrs returns the bound addresses; call it after Started is closed.
func (a *App) Addrs() Addrs {
	addrs := Addrs{HTTP: a.http.Addr().String()}
	for _, l := range a.listeners {
		addrs.Miners = append(addrs.Miners, l.Addr().String())
	}
	return addrs
}

// Model is the read model.
func (a *App) Model() *view.Model { return a.model }

// Run serves until ctx ends, then stops in good order: no new miners, then
// the verdicts that are due, then the miners, the links, and the books.
func (a *App) Run(ctx context.Context) error {
	defer a.Close()
	if err := a.bind(ctx); err != nil {
		for _, l := range a.listeners {
			_ = l.Close() // what was bound before the one that could not be
		}
		return err
	}
	addrs := a.Addrs()
	a.log.InfoContext(ctx, "loka is up", "miners", addrs.Miners, "http", addrs.HTTP, "pools", len(a.cfg.Pools), "routes", len(a.cfg.Routes))
	close(a.started)

	// Three lives, ended one after the other.
	accepting, stopAccepting := context.WithCancelCause(ctx)
	defer stopAccepting(nil)
	working, stopWorking := context.WithCancel(context.Background())
	defer stopWorking()
	reading, stopReading := context.WithCancel(context.Background())
	defer stopReading()

	var accepts, works, reads sync.WaitGroup
	var failed failures
	run := func(wg *sync.WaitGroup, what string, f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				failed.add(fmt.Errorf("%s: %w", what, err))
				stopAccepting(err)
			}
		})
	}
	for _, l := range a.listeners {
		run(&accepts, "listener "+l.Addr().String(), func() error { return l.Run(accepting) })
	}
	run(&works, "pools", func() error { return a.hub.Run(working) })
	run(&reads, "ledger", func() error { return a.books.Run(reading, a.state, saveEvery, a.log) })
	run(&reads, "http", func() error { return a.http.Run(reading) })

	<-accepting.Done()
	a.log.InfoContext(ctx, "loka is stopping", "miners", a.serve.Len(), "shares_due", a.hub.Pending())
	a.serve.Drain()
	a.hub.Drain(min(dueAtMost, a.cfg.Server.ShutdownTimeout/3))
	a.serve.CloseAll(mining.Shutdown) // whatever their context: they outlive the accept loops
	accepts.Wait()
	stopWorking()
	works.Wait()
	stopReading()
	reads.Wait()
	a.log.InfoContext(ctx, "loka has stopped")
	return failed.err()
}

// bind takes every address, so that a port in use is an error at once.
func (a *App) bind(ctx context.Context) error {
	for _, l := range a.listeners {
		if err := l.Listen(ctx); err != nil {
			return err
		}
	}
	return a.http.Listen(ctx)
}

// failures gathers what went wrong in several goroutines.
type failures struct {
	mu   sync.Mutex
	errs []error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *failures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.errs...)
}
