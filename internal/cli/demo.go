package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// demoCmd is `loka demo`.
type demoCmd struct {
	HTTP     string        `name:"http" placeholder:"ADDR" default:"127.0.0.1:9090" help:"Address of the page (default ${default}; a free port if it is taken)."`
	Listen   string        `placeholder:"ADDR" default:"127.0.0.1:3333" help:"Address that miners connect to (default ${default}; a free port if it is taken)."`
	Hashrate float64       `placeholder:"H/S" default:"100000" help:"Each of the eight miners' hashes a second (default ${default})."`
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
	// demoDifficulty gives each miner a share every four seconds or so at
	// the default hashrate.
	demoDifficulty = 1e-4
	// demoScreen and demoLine are how often figures are shown on a terminal
	// and elsewhere.
	demoScreen, demoLine = time.Second, 5 * time.Second
)

// Run runs the demo until Ctrl-C or the duration's end.
func (c *demoCmd) Run(env *environment) error {
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

func (c *demoCmd) build(ctx context.Context, dir string, logger *slog.Logger) (*demo, error) {
	pool, err := sim.NewPool(sim.PoolConfig{
		Seed: c.Seed, Difficulty: demoDifficulty, JobInterval: 15 * time.Second, BlockInterval: time.Minute,
	})
	if err != nil {
		return nil, simError(err)
	}
	if err := pool.Listen(ctx); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("data_dir = %q\ninstance = \"demo\"\n[server]\nlisten = [%q]\n[http]\nlisten = %q\n"+
		"[[pool]]\nname = \"simulated\"\nurl = %q\nusername = \"demo\"\n",
		dir, freeAddress(ctx, c.Listen), freeAddress(ctx, c.HTTP), pool.URL())
	cfg, problems := config.Load([]byte(text), "demo", config.Options{})
	if len(problems) > 0 {
		return nil, problemError{problems}
	}
	proxy, err := app.New(cfg, app.Deps{Logger: logger, Version: version()})
	if err != nil {
		return nil, err
	}
	return &demo{pool: pool, proxy: proxy, swarm: func(address string) (*sim.Miners, error) {
		return sim.NewMiners(sim.MinersConfig{Pool: address, User: "demo", Hashrate: c.Hashrate, Seed: c.Seed})
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
			_, _ = fmt.Fprint(env.stdout, clearScreen+demoFigures(addrs, model))
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

// clearScreen moves to the top left and clears the screen.
const clearScreen = "\x1b[H\x1b[2J"

// demoFigures is one screen of figures.
func demoFigures(addrs app.Addrs, model *view.Model) string {
	var b strings.Builder
	s := model.Summary()
	fmt.Fprintf(&b, "loka demo    page http://%s/    miners connect to %s    Ctrl-C ends it\n\n", addrs.HTTP, addrs.Miners[0])
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("up\t%s", seconds(s.UptimeSeconds))
	row("miners\t%d, each with a pool connection of its own", s.Miners)
	row("hashrate\t%s over the last minute", hashrate(s.Hashrate.Minute))
	row("shares\t%d accepted, %d rejected by our word", s.Shares.Accepted, s.Shares.Rejected)
	row("\t%d accepted, %d rejected by the pool's", s.Shares.PoolAccepted, s.Shares.PoolRejected)
	row("")
	row("WORKER\tFIRMWARE\tDIFFICULTY\tACCEPTED\tREJECTED\tHASHRATE 1m\tLAST SHARE")
	agents := make(map[string]string)
	for _, m := range model.Miners() {
		for _, name := range m.Workers {
			agents[name] = m.UserAgent
		}
	}
	for _, w := range model.Workers() {
		last := "none yet"
		if w.LastShareAt != nil {
			last = seconds(time.Since(*w.LastShareAt).Seconds()) + " ago"
		}
		row("%s\t%s\t%g\t%d\t%d\t%s\t%s", visible(w.Name), visible(agents[w.Name]), w.Difficulty, w.Accepted, w.Rejected,
			hashrate(w.Hashrate.Minute), last)
	}
	_ = t.Flush()
	return b.String()
}
