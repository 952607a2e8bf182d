package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/sim"
)

// demoCmd is `loka demo`.
type demoCmd struct {
	HTTP     string        `name:"http" placeholder:"ADDR" default:"127.0.0.1:9090" help:"Address of the page (default ${default}; a free port if it is taken)."`
	Listen   string        `placeholder:"ADDR" default:"127.0.0.1:3333" help:"Address that miners connect to (default ${default}; a free port if it is taken)."`
	Hashrate hashrateFlag  `placeholder:"H/S" default:"100000" help:"Each of the eight miners' hashes a second, such as 100000 or 1MH/s (default ${default})."`
	Seed     uint64        `placeholder:"N" default:"1" help:"Same seed, same jobs and search (default ${default})."`
	Duration time.Duration `placeholder:"TIME" help:"End after that time; without it, at Ctrl-C."`
	Verbose  bool          `short:"v" help:"Log as start does."`
}

// Help is shown below the command's flags.
func (*demoCmd) Help() string {
	return `A simulated pool that verifies every share, eight CPU miners with the manners of real firmware,
and the proxy between them, all in this process and on loopback: no network is needed and
nothing is left behind. Another miner may join: point it at the address that is printed.`
}

const (
	// demoDifficulty is the pool's: at the default hashrate each miner finds
	// a share for it every four seconds or so.
	demoDifficulty = 1e-4
	// demoVardiff shows the first shares within a second or two and then
	// adjusts to each miner's hashrate, however small.
	demoVardiff = "[vardiff]\nstart = 2e-5\nmin = 1e-12\nshares_per_minute = 15\n"
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
	dir, err := os.MkdirTemp("", "loka-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	logger := slog.New(slog.DiscardHandler)
	if c.Verbose {
		logger = newLogger(env.stderr, false)
	}
	d, err := c.build(ctx, dir, logger)
	if err != nil {
		return err
	}
	return d.run(ctx, env)
}

// demo is everything that runs in a demonstration.
type demo struct {
	pool  *sim.Pool
	proxy *app.App
	swarm func(proxy string) (*sim.Miners, error)
}

// config makes the proxy's configuration. Its addresses are flags to Load too,
// so that a problem with one names what the user wrote.
func (c *demoCmd) config(dir, pool string, flags config.Flags) (*config.Config, error) {
	text := fmt.Sprintf("instance = \"demo\"\n[[pool]]\nname = \"simulated\"\nurl = %q\nusername = \"demo\"\n%s", pool, demoVardiff)
	flags.DataDir = dir
	cfg, problems := config.Load([]byte(text), "demo", config.Options{Flags: flags})
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

func (c *demoCmd) build(ctx context.Context, dir string, logger *slog.Logger) (*demo, error) {
	// A pool that is a name, so that no address can be taken for its own.
	asked, err := c.config(dir, "pool.invalid:3333", config.Flags{HTTP: c.HTTP, Listen: []string{c.Listen}})
	if err != nil {
		return nil, err
	}
	pool, err := sim.NewPool(sim.PoolConfig{
		Seed: c.Seed, Difficulty: demoDifficulty, JobInterval: 15 * time.Second, BlockInterval: time.Minute,
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
	cfg, err := c.config(dir, pool.URL(), flags)
	if err != nil {
		return nil, err
	}
	proxy, err := app.New(cfg, app.Deps{Logger: logger, Version: version()})
	if err != nil {
		return nil, err
	}
	return &demo{pool: pool, proxy: proxy, swarm: func(address string) (*sim.Miners, error) {
		return sim.NewMiners(sim.MinersConfig{Pool: address, User: "demo", Hashrate: float64(c.Hashrate), Seed: c.Seed})
	}}, nil
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
	return errors.Join(errs...)
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
			_, _ = fmt.Fprint(env.stdout, clearScreen+demoFigures(addrs, model.Summary(), model.Workers(), sizeOf(env.stdout), time.Now()))
		} else if s := model.Summary(); s.Shares.Accepted+s.Shares.Rejected > 0 {
			_, _ = fmt.Fprintf(env.stdout, "up %s  miners %d  %s  shares accepted %d rejected %d  at the pool accepted %d rejected %d\n",
				seconds(s.UptimeSeconds), s.Miners, hashrate(s.Hashrate.Minute), s.Shares.Accepted, s.Shares.Rejected,
				s.Shares.PoolAccepted, s.Shares.PoolRejected)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
