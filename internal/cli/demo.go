package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// demoCmd is `loka demo`.
type demoCmd struct {
	HTTP     string        `name:"http" placeholder:"ADDR" default:"127.0.0.1:9090" help:"Address of the page (default ${default}; a free port if it is taken)."`
	Listen   string        `placeholder:"ADDR" default:"127.0.0.1:3333" help:"Address that miners connect to (default ${default}; a free port if it is taken)."`
	Hashrate hashrateFlag  `placeholder:"H/S" default:"100000" help:"Each of the eight miners' hashes a second, such as 100000 or 1MH/s (default ${default})."`
	Seed     uint64        `placeholder:"N" default:"1" help:"Same seed, same jobs and search (default ${default})."`
	Data     string        `placeholder:"DIR" help:"Folder that the figures are kept in for the next time (default: loka/demo in this user's cache folder)."`
	Fresh    bool          `help:"Begin anew: forget the figures of earlier demos in that folder."`
	Duration time.Duration `placeholder:"TIME" help:"End after that time; without it, at Ctrl-C."`
	Verbose  bool          `short:"v" help:"Log as start does."`
}

// Help is shown below the command's flags.
func (*demoCmd) Help() string {
	return `A simulated pool that verifies every share, eight CPU miners with the manners of real firmware,
and the proxy between them, all in this process and on loopback: no network is needed.
Another miner may join: point it at the address that is printed.

The figures are kept, and the next demo goes on from them; --fresh begins anew. Where there is no folder for
them, or another demo uses it, they are in a temporary one, which is removed at the end; one that --data
names is used or it is an error.`
}

const (
	// demoDifficulty is the pool's: at the default hashrate each miner finds
	// a share for it every four seconds or so.
	demoDifficulty = 1e-4
	// demoVardiff shows the first shares within a second or two and then
	// adjusts to each miner's hashrate, however small.
	demoVardiff = "[vardiff]\nstart = 2e-5\nmin = 1e-12\nshares_per_minute = 15\n"
	// demoStorage is what a cache folder may be filled with.
	demoStorage = "[storage]\nmax_disk = \"256MiB\"\n"
	// demoNetwork is a difficulty of 1,024, at which a day of the eight miners is
	// worth some million satoshi, so that there is something to see.
	demoNetwork = 0x1b3fffc0
	// demoScreen and demoLine are how often figures are shown on a terminal
	// and elsewhere.
	demoScreen, demoLine = time.Second, 5 * time.Second
)

// Run runs the demo until Ctrl-C or the duration's end.
func (c *demoCmd) Run(env *environment) error {
	if err := notNegative(flagSpan{"--duration", c.Duration}); err != nil {
		return err
	}
	ctx, stop := env.limited(c.Duration)
	defer stop()
	logger := slog.New(slog.DiscardHandler)
	if c.Verbose {
		logger = newLogger(env.stderr, false)
	}
	d, err := c.build(ctx, logger)
	if err != nil {
		return err
	}
	defer d.folder.leave()
	return d.run(ctx, env)
}

// demo is everything that runs in a demonstration.
type demo struct {
	pool   *sim.Pool
	proxy  *app.App
	swarm  func(proxy string) (*sim.Miners, error)
	folder *demoFolder
	// before is what the proxy knew of earlier demos.
	before view.Shares
}

// config makes the proxy's configuration. Its addresses are flags to Load too,
// so that a problem with one names what the user wrote.
func (c *demoCmd) config(dir, pool string, flags config.Flags) (*config.Config, error) {
	text := fmt.Sprintf("instance = \"demo\"\n[[pool]]\nname = \"simulated\"\nurl = %q\nusername = \"demo\"\n%s%s", pool, demoVardiff, demoStorage)
	flags.DataDir = dir
	cfg, problems := config.Load([]byte(text), "demo", config.Options{Flags: flags})
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

func (c *demoCmd) build(ctx context.Context, logger *slog.Logger) (*demo, error) {
	// A pool that is a name, so that no address can be taken for its own.
	asked, err := c.config("demo", "pool.invalid:3333", config.Flags{HTTP: c.HTTP, Listen: []string{c.Listen}})
	if err != nil {
		return nil, err
	}
	pool, err := sim.NewPool(sim.PoolConfig{
		Seed: c.Seed, Difficulty: demoDifficulty, NBits: demoNetwork, JobInterval: 15 * time.Second, BlockInterval: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	if err := pool.Listen(ctx); err != nil {
		return nil, err
	}
	flags := config.Flags{HTTP: freeAddress(ctx, asked.HTTP.Listen)}
	for _, one := range asked.Listeners {
		flags.Listen = append(flags.Listen, freeAddress(ctx, one.Address))
	}
	d := &demo{pool: pool, swarm: func(address string) (*sim.Miners, error) {
		return sim.NewMiners(sim.MinersConfig{Pool: address, User: "demo", Hashrate: float64(c.Hashrate), Seed: c.Seed})
	}}
	return d, c.place(d, logger, func(dir string) (*config.Config, error) { return c.config(dir, pool.URL(), flags) })
}

// place makes the proxy in its folder.
func (c *demoCmd) place(d *demo, logger *slog.Logger, configOf func(dir string) (*config.Config, error)) (err error) {
	if d.folder, err = c.folder(); err != nil {
		return err
	}
	open := func() error {
		cfg, err := configOf(d.folder.path)
		if err != nil {
			return err
		}
		d.proxy, err = app.New(cfg, app.Deps{Logger: logger, Version: version()})
		return err
	}
	err = open()
	if errors.Is(err, app.ErrInUse) && c.Data == "" && d.folder.why == "" {
		if d.folder, err = temporaryFolder("another demo uses " + d.folder.path); err != nil {
			return err
		}
		err = open()
	}
	if err != nil {
		d.folder.leave()
		return err
	}
	d.before = d.proxy.Model().Summary().Shares
	if d.goesOn() {
		return nil
	}
	if err := d.folder.begin(time.Now()); err != nil {
		d.proxy.Close()
		return err
	}
	return nil
}

// freeAddress is the address, or one with a free port where it is taken.
func freeAddress(ctx context.Context, address string) string {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err == nil {
		_ = l.Close() // nothing was accepted
		return address
	}
	host, _, splitErr := net.SplitHostPort(address)
	if splitErr != nil {
		return address
	}
	return net.JoinHostPort(host, "0")
}

// run starts pool, proxy and miners, shows figures until ctx ends, and stops
// them in the opposite order.
func (d *demo) run(ctx context.Context, env *environment) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !isTerminal(env.stdout) {
		d.first(env)
	}
	var pools, proxies, miners sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	start := func(wg *sync.WaitGroup, what string, f func(context.Context) error) (stop func()) {
		own, end := context.WithCancel(context.Background())
		wg.Go(func() {
			defer cancel()
			if err := f(own); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s: %w", what, err))
			}
		})
		return func() { end(); wg.Wait() }
	}
	stopPool := start(&pools, "simulated pool", d.pool.Run)
	stopProxy := start(&proxies, "proxy", d.proxy.Run)
	stopMiners := func() {}
	select {
	case <-d.proxy.Started():
		addrs := d.proxy.Addrs()
		swarm, err := d.swarm(addrs.Miners[0])
		if err != nil {
			errs = append(errs, err)
			break
		}
		stopMiners = start(&miners, "simulated miners", swarm.Run)
		d.show(ctx, env)
	case <-ctx.Done():
	}
	stopMiners()
	stopProxy()
	stopPool()
	d.last(env)
	return errors.Join(errs...)
}

// goesOn says that there are figures of earlier demos.
func (d *demo) goesOn() bool { return d.before.Accepted+d.before.Rejected > 0 }

// first says what becomes of the figures, and what they go on from.
func (d *demo) first(env *environment) {
	switch {
	case d.folder.why != "":
		_, _ = fmt.Fprintf(env.stdout, "figures are in a temporary folder and go with the demo: %s\n", oneLine(d.folder.why))
	case d.goesOn():
		_, _ = fmt.Fprintf(env.stdout, "going on since %s: %s; --fresh begins anew\n", d.folder.sinceText(), demoShares(d.before))
	default:
		_, _ = fmt.Fprintf(env.stdout, "figures are kept in %s; the next demo goes on from them\n", d.folder.path)
	}
}

// note says in a few words what becomes of the figures.
func (d *demo) note() string {
	switch {
	case d.folder.why != "":
		return "figures are not kept: " + visible(d.folder.why)
	case d.goesOn():
		return "figures go on since " + d.folder.sinceText()
	}
	return "figures are kept for the next time"
}

// last says what there is at the end.
func (d *demo) last(env *environment) {
	s := d.proxy.Model().Summary().Shares
	kept := "gone with the temporary folder"
	if d.folder.why == "" {
		kept = fmt.Sprintf("kept in %s, where the next demo goes on from them", d.folder.path)
	}
	_, _ = fmt.Fprintf(env.stdout, "ended: %s, since %s; %s\n", demoShares(s), d.folder.sinceText(), kept)
}

// demoShares is both books' count of shares.
func demoShares(s view.Shares) string {
	return fmt.Sprintf("shares accepted %d rejected %d  at the pool accepted %d rejected %d",
		s.Accepted, s.Rejected, s.PoolAccepted, s.PoolRejected)
}

// show prints figures until ctx ends: a screen that is redrawn on a
// terminal, else a line now and then.
func (d *demo) show(ctx context.Context, env *environment) {
	addrs := d.proxy.Addrs()
	screen := isTerminal(env.stdout)
	every := demoLine
	if screen {
		every = demoScreen
	} else {
		_, _ = fmt.Fprintf(env.stdout, "page http://%s/  miners connect to %s  Ctrl-C ends it\n", addrs.HTTP, addrs.Miners[0])
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		model := d.proxy.Model()
		if screen {
			_, _ = fmt.Fprint(env.stdout, clearScreen+demoFigures(addrs, demoMoment{d.note(), model.Summary(), model.Workers(view.WorkerQuery{}).Workers}, sizeOf(env.stdout), time.Now()))
		} else if s := model.Summary(); s.Shares.Accepted+s.Shares.Rejected > 0 {
			_, _ = fmt.Fprintf(env.stdout, "up %s  miners %d  %s  %s\n",
				figures.Seconds(s.UptimeSeconds), s.Miners, figures.Hashrate(s.Hashrate.Minute), demoShares(s.Shares))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
