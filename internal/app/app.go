package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/journal"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/recorder"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/telemetry"
	"github.com/loka/stratum/internal/turns"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/web"
)

// dueAtMost bounds the wait for verdicts at a graceful stop.
const dueAtMost = 5 * time.Second

// Deps are what an app is given from outside.
type Deps struct {
	// Logger may be nil.
	Logger *slog.Logger
	// Version is what this program calls itself, at pools too.
	Version string
	// Source is where the configuration came from and is read again; nil is
	// nowhere. Text is what its file held.
	Source Source
	Text   []byte
	// Process says that this app is all that the process is for: what the runtime dies
	// of is written into its data directory, too, and the runtime is told of what memory
	// the process may have.
	Process bool
}

// App is a proxy, whole.
type App struct {
	// Static after construction.
	log     *slog.Logger
	version string
	source  Source
	lock    *os.File
	kept    *storage
	journal *journal.Journal
	books   *ledger.Ledger
	hub     *hub.Hub
	serve   *serve.Server
	model   *view.Model
	http    *httpapi.Server
	page    *web.Server
	counts  *counts
	alerts  alerting
	control *control
	found   *findings
	applied history
	// happened is what happens, told those who keep it and its shares.
	happened *happened
	// acts is the file of what administrators did, record all that has it.
	acts   *audit.File
	record httpapi.Acts
	walk   *walk
	// instance is its name.
	instance string
	// turns are of all connections that earn nothing.
	turns      *turns.Turns
	handshakes *listen.Handshakes
	certs      *certs.Keeper
	bans       *bans.Book
	// standing judges for the book; dropper drops what is in it.
	standing *bans.Standing
	dropper  *dropper
	door     *guard.Door
	gate     *listen.Gate
	// descriptors is the limit of this process.
	descriptors uint64
	// memoryBound is what the runtime was told to stay below, in bytes; 0 is nothing.
	memoryBound int64
	// vitals are what is looked at now and then, recorder has the last seconds, and crash
	// is how the run before has ended, nil if by no crash.
	vitals   *vitals
	recorder *recorder.Recorder
	crash    *recorder.Crash
	// traces and reports tell others.
	traces  *telemetry.Traces
	reports *telemetry.Reports
	// first are the listeners of the start.
	first []*listen.Listener

	// cfg is what is in place. reloading is held by who puts another in its place.
	cfg       atomic.Pointer[config.Config]
	reloading sync.Mutex

	// accepts are the goroutines of listeners; accepting is what they live under,
	// from the start on. failed is what went wrong.
	accepts sync.WaitGroup
	failed  failures

	// mu guards what follows.
	mu            sync.Mutex
	accepting     context.Context
	stopAccepting context.CancelCauseFunc
	served        []served

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
	reports := telemetry.NewReports(telemetry.ReportsDeps{Version: deps.Version, Instance: cfg.Instance, Now: time.Now})
	a := &App{
		reports: reports, log: slog.New(reports.Handler(deps.Logger.Handler())), version: deps.Version, source: deps.Source, lock: lock,
		acts:    audit.In(cfg.DataDir),
		started: make(chan struct{}),
	}
	a.applied = history{filepath.Join(cfg.DataDir, "applied"), a.log}
	a.cfg.Store(cfg)
	if deps.Process {
		a.watchCrashes(cfg.DataDir)
		a.heedMemory()
	}
	if err := a.build(cfg); err != nil {
		a.Close()
		return nil, err
	}
	a.keepFirst(deps.Text)
	return a, nil
}

// Close gives the data directory back. Only an app that is never run needs it.
func (a *App) Close() {
	a.closeTelemetry()
	if a.kept != nil {
		a.kept.close(a.log)
	}
	if a.lock != nil {
		_ = a.lock.Close() // the lock goes with it
	}
}

// build makes every part and joins them.
func (a *App) build(cfg *config.Config) error {
	now, version := time.Now(), a.version
	instance, err := instanceName(cfg.Instance, cfg.DataDir)
	if err != nil {
		return err
	}
	a.instance = instance
	a.traces = telemetry.NewTraces(telemetry.TracesDeps{Version: version, Instance: instance, Now: time.Now})
	a.tellBy(cfg)
	a.tellOfCrash()
	rates := vardiff.NewMemory()
	a.happened = newHappened(cfg.DataDir, a.log, now)
	if err := a.openBooks(cfg, instance, rates, now); err != nil {
		return err
	}
	a.certs, a.turns = a.newCerts(cfg), turns.New(halfOfProcessors(), time.Now)
	a.handshakes = listen.NewHandshakes(halfOfProcessors(), a.turns)
	a.makeDoor()
	a.counts, err = newCounts(cfg, version, scraped{a.certExpiries, a.door, a.books, a.queues, a.alertCounts})
	if err != nil {
		return err
	}
	if err := a.makeHub(cfg, rates); err != nil {
		return err
	}
	a.makeBans(cfg, instance)
	if a.walk, err = newWalk(cfg, a.hub, a.counts, advisers{gate: a.bans, standing: a.standing, guesses: a.standing}, a.log); err != nil {
		return err
	}
	a.serve = serve.New(serveConfig(cfg, a.counts), serve.Deps{
		Turns: a.turns,
		House: house{a.hub, a.standing}, Handler: a.traces.Follow(a.walk.handler()), Watch: a.walk.chain, Logger: a.log, Metrics: a.counts.serve(),
		Settled: a.settled, Earned: earned, Ended: ended, Tell: a.tellMiner,
	})
	a.recorder = newRecorder(cfg, a.log)
	a.recordBy(cfg)
	a.vitals = a.newHealth()
	a.model = view.New(view.Deps{
		Version: version, Instance: instance, Books: a.books,
		Hub: &readers{hub: a.hub, serve: a.serve, cfg: a.cfg.Load, score: a.walk.threat.Score},
		Now: time.Now, Started: now, Keeping: a.keeping, Door: a.notSettled, Profile: a.counts.steps,
		Checks: a.healthChecks(now), Parts: a.vitals.parts,
	})
	a.counts.source.Model = a.model
	if err := a.makeListeners(cfg); err != nil {
		return err
	}
	if err := a.makeAlerts(cfg); err != nil {
		return err
	}
	a.control = newControl(filepath.Join(cfg.DataDir, controlName), a.hub, cfg, a.log)
	records, err := a.records(cfg, instance)
	if err != nil {
		return err
	}
	acts := toldActs{a.acts, a.happened.log}
	a.record = httpapi.Acts{File: acts, Records: records, Logger: a.log}
	a.http, a.page, err = newHTTP(cfg, a.counts, httpapi.Deps{
		Records: records, Audit: acts, Events: a.happened.log,
		Model: a.model, Miners: disconnecter{a.serve}, Logger: a.log, Control: a.control, Acceptor: acceptor{a.hub},
		Reloader: reloader{a}, Listeners: listenersOf{a}, Traces: traceKeeper{a.recorder},
		Bans: &httpapi.Bans{Book: a.bans, Now: time.Now}, Alerts: a.alertsAPI(),
	})
	return err
}

// makeHub makes the pools' side, which knows at once what was found of pools before.
func (a *App) makeHub(cfg *config.Config, rates *vardiff.Memory) error {
	hubCfg, err := hubConfig(cfg, a.version)
	if err != nil {
		return err
	}
	a.found = loadFindings(filepath.Join(cfg.DataDir, foundName), a.log)
	a.found.recall(hubCfg.Pools)
	a.hub, err = hub.New(hubCfg, hub.Deps{
		Dial: dial.New(dial.Config{Logger: a.log}).Dial, Ledger: a.books, Rates: rates, Logger: a.log, OnFound: a.found.keep, Events: a.happened.log,
		Metrics: a.counts.hub(), Trace: a.traces.Job, Wire: a.counts.timed(mining.Upstream, wireConfig(poolLine, a.counts.wire(mining.Upstream))),
	})
	return err
}

// house lets serve's connections into the hub.
type house struct {
	*hub.Hub

	standing *bans.Standing
}

// Join implements [serve.House].
func (h house) Join(m *mining.Miner, c *serve.Conn) { h.Hub.Join(m, c) }

var _ hub.Warmer = (*serve.Conn)(nil) // else nothing of it would be fetched ahead

// Leave implements [serve.House].
func (h house) Leave(m *mining.Miner) {
	h.Hub.Leave(m)
	h.standing.Left(m, time.Now())
}

// keepFirst keeps the file that the program starts with, unless it is the one that
// was in place last.
func (a *App) keepFirst(text []byte) {
	before := a.applied.latest()
	if a.source == nil || a.source.Name() == "" || bytes.Equal(before, text) {
		return
	}
	var changes []config.Change
	if before != nil {
		if old, err := a.source.Load(before); err == nil {
			changes = config.Diff(old, a.cfg.Load())
		}
	}
	a.applied.add(text, changes)
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
	a.mu.Lock()
	defer a.mu.Unlock()
	addrs := Addrs{HTTP: a.http.Addr().String()}
	for _, s := range a.served {
		addrs.Miners = append(addrs.Miners, s.listener.Addr().String())
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
		for _, l := range a.first {
			_ = l.Close() // what was bound before the one that could not be
		}
		return err
	}

	// Three lives, ended one after the other.
	working, stopWorking := context.WithCancel(context.Background())
	defer stopWorking()
	reading, stopReading := context.WithCancel(context.Background())
	defer stopReading()
	a.mu.Lock()
	accepting, stopAccepting := context.WithCancelCause(ctx)
	defer stopAccepting(nil)
	a.accepting, a.stopAccepting = accepting, stopAccepting
	a.mu.Unlock()

	var works, reads sync.WaitGroup
	run := func(wg *sync.WaitGroup, what string, f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				a.fail(what, err)
			}
		})
	}
	run(&works, "pools", func() error { return a.hub.Run(working) })
	a.mu.Lock()
	for _, l := range a.first {
		a.accept(l)
	}
	a.mu.Unlock()
	addrs, cfg := a.Addrs(), a.cfg.Load()
	a.dropBanned(cfg)
	defer a.dropper.end()
	for what, f := range map[string]func(context.Context) error{
		"ledger":       func(ctx context.Context) error { a.books.Run(ctx); return nil },
		"journal":      a.journal.Run,
		"certificates": func(ctx context.Context) error { a.certs.Run(ctx); return nil },
		"bans":         a.bans.Run,
		"events":       a.happened.run,
		"alerts":       a.alerts.lookout.Run,
		"sinks":        a.alerts.sinks.Run,
		"health":       func(ctx context.Context) error { a.vitals.run(ctx); return nil },
		"http":         a.http.Run,
		"page":         a.page.Run,
		"profile":      a.noteSteps,
	} {
		run(&reads, what, func() error { return f(reading) })
	}
	a.happened.proxy(events.Started, "version "+a.version)
	a.log.InfoContext(ctx, "loka is up", "miners", addrs.Miners, "http", addrs.HTTP, "pools", len(cfg.Pools), "routes", len(cfg.Routes))
	close(a.started)

	<-accepting.Done()
	a.log.InfoContext(ctx, "loka is stopping", "miners", a.serve.Len(), "shares_due", a.hub.Pending())
	a.serve.Drain()
	a.hub.Drain(min(dueAtMost, a.cfg.Load().Server.ShutdownTimeout/3))
	a.serve.CloseAll(mining.Shutdown) // whatever their context: they outlive the accept loops
	a.mu.Lock()                       // a listener that is on its way is there, or will not be
	a.mu.Unlock()                     //nolint:staticcheck // see above
	a.accepts.Wait()
	stopWorking()
	works.Wait()
	stopReading()
	reads.Wait()
	a.log.InfoContext(ctx, "loka has stopped")
	return a.failed.err()
}

// fail ends the app for an error of one of its parts.
func (a *App) fail(what string, err error) {
	a.failed.add(fmt.Errorf("%s: %w", what, err))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopAccepting(err)
}

// bind takes every address, so that a port in use is an error at once.
func (a *App) bind(ctx context.Context) error {
	for _, l := range a.first {
		if err := l.Listen(ctx); err != nil {
			return err
		}
	}
	return a.http.Listen(ctx)
}
