package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/loka/stratum/internal/alert/lookout"
	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/bench"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/listen"
)

// benchCmd is `loka bench`.
type benchCmd struct {
	Duration time.Duration `placeholder:"TIME" default:"60s" help:"About how long it takes (default ${default}); what comes by the clock is seen better in five minutes."`
	Miners   int           `placeholder:"N" help:"How many miners are tried; without it, as many as memory and open files allow, at most 18000."`
	Shares   float64       `name:"shares-per-minute" placeholder:"N" help:"What a miner sends in a minute; without it, vardiff.shares_per_minute's default."`
	JSON     bool          `help:"Print the result as JSON."`
}

// Help is shown below the command's flags.
func (*benchCmd) Help() string {
	return `Says how many miners this machine carries, what limits that, and what to do about it. A proxy with the
defaults runs in this process before a simulated pool, and miners in another one hand in shares that are
real and checked in full; beside it are a server that only answers and a loop that only writes. It is all on
loopback and needs no network and no configuration, both processors and memory while it runs, and a folder
for temporary files, where the proxy's database is meanwhile. Run it while the machine has nothing else to
do, as the user and with the limits that loka will have. It is for Linux.

A sixth of the miners is measured first, and what that says of all of them stands beside what is measured of
them. The machine is taken to carry as many miners as half of its processors, three quarters of its memory
and its open files allow, and as have a new block's work within 250 ms.`
}

// benchLoadCmd is what the miners of `loka bench` are: this program again.
type benchLoadCmd struct{}

// Run does what its parent says, until that ends.
func (*benchLoadCmd) Run(env *environment) error { return bench.Load(env.stdin, env.stdout) }

// Run measures this machine.
func (c *benchCmd) Run(env *environment) error {
	defaults := config.Defaults()
	if c.Shares == 0 {
		c.Shares = defaults.Vardiff.SharesPerMinute
	}
	if err := c.check(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	files, err := listen.RaiseFileLimit()
	if err != nil {
		return err
	}
	runtime.SetDefaultGOMAXPROCS()
	machine := bench.Machine{
		Processors: runtime.GOMAXPROCS(0), Files: files,
		Memory:         lookout.NewMachine(os.TempDir()).Read(time.Now()).MemoryLimit,
		MaxConnections: defaults.Server.MaxConnections, StartsPerSecond: defaults.Access.StartsPerSecond,
	}
	spareProcessor(env.lookup) // as start does
	ctx, stop := env.interruptible(context.Background())
	defer stop()
	cfg := bench.Config{Duration: c.Duration, Miners: c.Miners, SharesPerMinute: c.Shares, Machine: machine}
	result, err := bench.Run(ctx, cfg, bench.Deps{Start: startBenched, Child: []string{self, benchLoad}, Tell: func(what string) {
		if isTerminal(env.stderr) {
			_, _ = fmt.Fprintf(env.stderr, "%s ...\n", what)
		}
	}})
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; nothing is known yet")
	case err != nil:
		return err
	}
	result.Version = version()
	if c.JSON {
		return printJSON(env.stdout, result)
	}
	return result.Write(env.stdout)
}

func (c *benchCmd) check() error {
	switch {
	case c.Duration < time.Second || c.Duration > time.Hour:
		return usageError{fmt.Sprintf("--duration: %s; want 1s to 1h", c.Duration)}
	case c.Miners < 0 || c.Miners > bench.MostMiners:
		return usageError{fmt.Sprintf("--miners: %d; want 1 to %d", c.Miners, bench.MostMiners)}
	case !(c.Shares > 0) || c.Shares > 600:
		return usageError{fmt.Sprintf("--shares-per-minute: %v; want a number above 0, at most 600", c.Shares)}
	}
	return nil
}

// benchLoad is the hidden command's name.
const benchLoad = "bench-load"

// benchText is the configuration that is measured: the defaults, and a difficulty at
// which a share is found in a few hashes. The pool's own is far above it, so that
// nothing is sent on.
const benchText = `instance = "bench"
data_dir = %q
[server]
listen = ["127.0.0.1:0"]
[http]
listen = "127.0.0.1:0"
[vardiff]
fixed = 2e-10
min = 2e-10
[[pool]]
name = "simulated"
url = %q
username = "bench"
`

// benched is the proxy that is measured.
type benched struct {
	*app.App

	dir  string
	stop context.CancelFunc
	done chan error
}

// startBenched starts it in a folder of its own, which goes with it.
func startBenched(ctx context.Context, pool string) (_ bench.Proxy, err error) {
	dir, err := os.MkdirTemp("", "loka-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w; TMPDIR names another place", err)
	}
	b := &benched{dir: dir, done: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	cfg, problems := config.Load(fmt.Appendf(nil, benchText, dir, pool), "bench", config.Options{})
	if len(problems) > 0 {
		return nil, problems
	}
	if b.App, err = app.New(cfg, app.Deps{Logger: slog.New(slog.DiscardHandler), Version: version()}); err != nil {
		return nil, err
	}
	var running context.Context
	running, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() { b.done <- b.Run(running) }()
	select {
	case <-b.Started():
		return b, nil
	case err := <-b.done:
		b.stop()
		return nil, err
	}
}

// Addr implements [bench.Proxy].
func (b *benched) Addr() string { return b.Addrs().Miners[0] }

// Ready implements [bench.Proxy].
func (b *benched) Ready() bool { return b.Model().Ready() }

// Stop implements [bench.Proxy].
func (b *benched) Stop() error {
	b.stop()
	return errors.Join(<-b.done, os.RemoveAll(b.dir))
}
