package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/work"
)

// simMinersCmd is `loka sim miners`.
type simMinersCmd struct {
	Pool     string        `placeholder:"ADDR" default:"127.0.0.1:3333" help:"What they connect to: HOST:PORT or stratum+tcp://HOST:PORT (default ${default})."`
	Connect  string        `placeholder:"TARGET" help:"Begin with an HTTP CONNECT to HOST:PORT or HOST:PORT/ROUTE, as behind an HTTP proxy."`
	Count    int           `placeholder:"N" help:"How many; without it, one of each manner."`
	Manner   []string      `placeholder:"NAME" help:"Firmware to behave like, given out in turn: ${manners}; without it, all."`
	Hashrate hashrateFlag  `placeholder:"H/S" default:"50000" help:"Each miner's hashes a second, such as 50000 or 1MH/s (default ${default}); one core does about four million in all."`
	Seed     uint64        `placeholder:"N" help:"Same seed, same search."`
	User     string        `placeholder:"LOGIN" default:"sim" help:"Login (default ${default}); each miner's name is appended to it as a worker."`
	Exact    bool          `name:"exact-user" help:"Log every miner in as LOGIN itself."`
	Password mining.Secret `placeholder:"PW" default:"x" help:"Miners' password, which may carry options such as d=1024."`

	Suggest  float64       `name:"suggest-difficulty" placeholder:"D" help:"Difficulty to ask for, by the manners that can."`
	NoRoll   bool          `name:"no-version-rolling" help:"Do not roll versions."`
	XNSub    bool          `name:"extranonce-subscribe" help:"Subscribe to extranonce changes, by the manners that can."`
	Ramp     time.Duration `placeholder:"TIME" help:"Spread the first connects over that time."`
	Once     bool          `help:"A miner whose connection has ended stays away."`
	Shares   uint64        `placeholder:"N" help:"End well once N shares are accepted; with --duration, fail if they are not by then."`
	Duration time.Duration `placeholder:"TIME" help:"End after that time; without it, at Ctrl-C."`
	Every    time.Duration `placeholder:"TIME" default:"5s" help:"Time between lines of figures (default ${default}); 0 prints none."`
	JSON     bool          `name:"json" help:"Print the final figures as JSON."`
	Verbose  bool          `short:"v" help:"Log at debug level."`
}

// sharesPoll is how often --shares looks at the count.
const sharesPoll = 50 * time.Millisecond

// Ends of a swarm that are failures.
var (
	// errTooFewShares means that --shares were not accepted within --duration.
	errTooFewShares = errors.New("fewer shares were accepted than --shares asks for")
	// errNeverConnected means that not one miner had a connection.
	errNeverConnected = errors.New("no miner ever connected")
)

func (c *simMinersCmd) config(env *environment) sim.MinersConfig {
	cfg := sim.MinersConfig{
		Pool: c.Pool, Connect: c.Connect, User: c.User, ExactUser: c.Exact, Password: c.Password.Reveal(),
		Count: c.Count, Hashrate: float64(c.Hashrate), Seed: c.Seed,
		SuggestDifficulty: work.Difficulty(c.Suggest), NoVersionRolling: c.NoRoll, ExtranonceSubscribe: c.XNSub,
		Once: c.Once, Ramp: c.Ramp, Logger: newSimLogger(env.stderr, c.Verbose),
	}
	for _, name := range c.Manner {
		cfg.Manners = append(cfg.Manners, sim.Manner(strings.TrimSpace(name)))
	}
	return cfg
}

// Run mines until Ctrl-C, the duration's end or enough shares.
func (c *simMinersCmd) Run(env *environment) error {
	if err := notNegative(flagSpan{"--duration", c.Duration}, flagSpan{"--every", c.Every}); err != nil {
		return err
	}
	miners, err := sim.NewMiners(c.config(env))
	if err != nil {
		return simError(err, "loka sim miners")
	}
	ctx, stop := env.limited(c.Duration)
	defer stop()
	run := miners.Run
	if c.Shares > 0 {
		run = func(ctx context.Context) error { return c.untilShares(ctx, miners) }
	}
	if err := withFigures(ctx, c.Every, run, func() { c.figures(env.stdout, miners) }); err != nil {
		return err
	}
	stats := miners.Stats()
	if c.JSON {
		if err := printJSON(env.stdout, stats); err != nil {
			return err
		}
	} else {
		c.figures(env.stdout, miners)
		printMiners(env.stdout, stats)
	}
	// A signal is the user's own end of it, however early.
	if !connected(stats) && !errors.Is(ctx.Err(), context.Canceled) {
		return c.neverConnected(stats)
	}
	if stats.Accepted < c.Shares {
		return fmt.Errorf("%w: %d of %d; look at the pool's and the proxy's log", errTooFewShares, stats.Accepted, c.Shares)
	}
	return nil
}

// connected says whether any miner ever was.
func connected(s sim.MinersStats) bool {
	return slices.ContainsFunc(s.Miners, func(m sim.MinerStats) bool { return m.Connects > 0 })
}

// neverConnected names the pool, and what the first miner met there.
func (c *simMinersCmd) neverConnected(s sim.MinersStats) error {
	reason := ""
	if len(s.Miners) > 0 && s.Miners[0].LastEnd != "" {
		reason = " (" + visible(s.Miners[0].LastEnd) + ")"
	}
	return fmt.Errorf("%w: %s%s; give the proxy's or pool's address with --pool", errNeverConnected, c.Pool, reason)
}

// untilShares runs the swarm until enough shares are accepted.
func (c *simMinersCmd) untilShares(ctx context.Context, miners *sim.Miners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- miners.Run(ctx) }()
	ticker := time.NewTicker(sharesPoll)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			if miners.Stats().Accepted >= c.Shares {
				cancel()
			}
		}
	}
}

func (*simMinersCmd) figures(w io.Writer, miners *sim.Miners) {
	s := miners.Stats()
	_, _ = fmt.Fprintf(w, "miners %d connected %d mining %d  shares accepted %d rejected %d%s unanswered %d pending %d  failures %d\n",
		len(s.Miners), s.Connected, s.Mining, s.Accepted, s.RejectedTotal(), rejectCodes(s.Tally), s.Unanswered, s.Pending, s.Failures)
}

// printMiners names the miners that were not served well, at most twenty.
func printMiners(w io.Writer, s sim.MinersStats) {
	shown := 0
	for _, m := range s.Miners {
		trouble := m.LastFailure
		if trouble == "" && m.Accepted == 0 {
			trouble = m.LastEnd
		}
		if trouble == "" || shown == 20 {
			continue
		}
		shown++
		_, _ = fmt.Fprintf(w, "miner %d (%s): %s\n", m.Index, m.Manner, visible(trouble))
	}
}
