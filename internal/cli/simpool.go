package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/work"
)

// simPoolCmd is `loka sim pool`.
type simPoolCmd struct {
	Listen   string        `placeholder:"ADDR" default:"127.0.0.1:3334" help:"Address to listen on (default ${default})."`
	Seed     uint64        `placeholder:"N" help:"Same seed, same extranonces and jobs."`
	Every    time.Duration `name:"every" placeholder:"TIME" default:"5s" help:"Time between lines of figures (default ${default}); 0 prints none."`
	Duration time.Duration `placeholder:"TIME" help:"End after that time; without it, at Ctrl-C."`
	JSON     bool          `name:"json" help:"Print the final figures as JSON."`
	Verbose  bool          `short:"v" help:"Log at debug level."`

	Work   simPoolWork   `embed:"" group:"Work"`
	Manner simPoolManner `embed:"" group:"Manner"`
	Quirks simPoolQuirks `embed:"" group:"Misbehaviour"`
}

// simPoolWork is what miners are given.
type simPoolWork struct {
	Difficulty      float64       `placeholder:"D" default:"1" help:"Difficulty that a connection starts with (default ${default}); may be below 1."`
	SharesPerMinute float64       `placeholder:"N" help:"Adjust each connection's difficulty towards that rate; 0 keeps it fixed."`
	Extranonce1Size int           `name:"extranonce1-size" placeholder:"BYTES" default:"4" help:"Bytes of extranonce1, 0 to 32 (default ${default})."`
	Extranonce2Size int           `name:"extranonce2-size" placeholder:"BYTES" default:"8" help:"Bytes of extranonce2, 1 to 16 (default ${default})."`
	VersionMask     string        `placeholder:"HEX" default:"1fffe000" help:"Version bits that may be rolled (default ${default}); 0 refuses version rolling."`
	JobInterval     time.Duration `placeholder:"TIME" default:"30s" help:"Time between jobs of one block (default ${default})."`
	BlockInterval   time.Duration `placeholder:"TIME" help:"Time between made-up blocks; without it a block ends only when a share solves it."`
	NBits           string        `name:"nbits" placeholder:"HEX" help:"Made-up network's target; 207fffff is met by every second hash."`
	Transactions    int           `placeholder:"N" default:"12" help:"Made-up transactions of a job (default ${default}); 0 is an empty block."`
	Node            string        `placeholder:"URL" help:"Take work from a real node (http://HOST:PORT) by getblocktemplate, and give it the blocks."`
	NodeUser        string        `placeholder:"USER" help:"User for the node."`
	NodePassword    mining.Secret `placeholder:"PW" help:"Password for the node."`
}

// simPoolManner is how the pool speaks.
type simPoolManner struct {
	Dialect        string `placeholder:"NAME" default:"array" help:"Form of replies: ${dialects} (default ${default})."`
	VersionRule    string `placeholder:"NAME" default:"bip310" help:"How version bits are read: bip310, or, xor (default ${default})."`
	DifficultyRule string `placeholder:"NAME" default:"tolerant" help:"Which difficulty holds across a change: tolerant, strict (default ${default})."`
	Strict         bool   `help:"Close a connection on whatever strict pools close it for."`
	OneWorker      bool   `help:"Take one worker per connection, as ckpool does."`
	ResumeSessions bool   `help:"Give a subscribe that names an earlier session its extranonce1 again."`
}

// simPoolQuirks is what the pool does wrong.
type simPoolQuirks struct {
	Latency         time.Duration `placeholder:"TIME" help:"Delay every reply."`
	Jitter          time.Duration `placeholder:"TIME" help:"Delay replies by up to that much more, at random."`
	DisconnectEvery time.Duration `placeholder:"TIME" help:"End each connection after about that time."`
	DisconnectReset bool          `help:"End connections with a reset."`
	Refuse          bool          `help:"Close every new connection at once."`
	Silent          bool          `help:"Read, and say nothing at all."`
	Subscribe       string        `placeholder:"HOW" help:"Answer to subscribe: ${replies}."`
	Configure       string        `placeholder:"HOW" help:"Answer to configure: ${replies}."`
	Authorize       string        `placeholder:"HOW" help:"Answer to authorize: ${replies}."`
	RefuseShares    bool          `help:"Reject every share as unauthorized."`
	Clean           string        `placeholder:"HOW" help:"The clean flag: always or never."`
	Unpadded        bool          `help:"Send hex fields without leading zeros."`
	CoinbasePadding int           `placeholder:"BYTES" help:"Make the coinbase larger by that much."`
	Payout          string        `placeholder:"SCRIPT" help:"Pay that output script (hex) in place of the usual one, as if the pool had been taken over."`
	Tag             string        `placeholder:"TEXT" help:"Sign the coinbase with that text, at most 20 bytes."`
	Behind          bool          `help:"Stay on the block that is worked on when there is another."`
	DifficultyEvery time.Duration `placeholder:"TIME" help:"Change the difficulty in the middle of a job at that interval."`
	ExtranonceEvery time.Duration `placeholder:"TIME" help:"Change the extranonce at that interval."`
	MalformedEvery  int           `placeholder:"N" help:"Send a broken line before every Nth job."`
	UnansweredEvery int           `placeholder:"N" help:"Leave every Nth share without an answer."`
	OutOfOrder      bool          `help:"Answer shares out of order."`
	DuplicateReply  bool          `name:"duplicate-replies" help:"Answer every share twice."`
	NotifyFirst     bool          `help:"Send work before the subscribe reply."`
	ChatterEvery    time.Duration `placeholder:"TIME" help:"Send messages, version requests and pings at that interval."`
	Reconnect       string        `placeholder:"ADDR" help:"Ask for a reconnect to ADDR (HOST:PORT, or - for none) with the chatter."`
}

// check wants what the simulator has another meaning for: to it, 0 is the
// default, and a number of transactions below 0 is none.
func (c *simPoolCmd) check() error {
	w := c.Work
	for _, one := range []struct {
		flag string
		ok   bool
		got  any
		want string
	}{
		{"--difficulty", w.Difficulty > 0, w.Difficulty, "a number above 0"},
		{"--job-interval", w.JobInterval > 0, w.JobInterval, "a time above 0 such as 30s"},
		{"--extranonce2-size", w.Extranonce2Size > 0, w.Extranonce2Size, "1 to 16"},
		{"--transactions", w.Transactions >= 0, w.Transactions, "a number from 0"},
	} {
		if !one.ok {
			return usageError{fmt.Sprintf("%s: %v; want %s", one.flag, one.got, one.want)}
		}
	}
	return notNegative(flagSpan{"--duration", c.Duration}, flagSpan{"--every", c.Every})
}

// config turns flags into the simulator's own words.
func (c *simPoolCmd) config(env *environment) (sim.PoolConfig, error) {
	w, m := c.Work, c.Manner
	mask, err := work.ParseVersionMask([]byte(w.VersionMask))
	if err != nil {
		return sim.PoolConfig{}, usageError{fmt.Sprintf("--version-mask: %q is no mask; write 8 hex digits such as 1fffe000", w.VersionMask)}
	}
	cfg := sim.PoolConfig{
		Listen: c.Listen, Seed: c.Seed,
		Extranonce1Size: w.Extranonce1Size, NoExtranonce1: w.Extranonce1Size == 0, Extranonce2Size: w.Extranonce2Size,
		Difficulty: work.Difficulty(w.Difficulty), SharesPerMinute: w.SharesPerMinute,
		VersionMask: mask, NoVersionRolling: mask == 0,
		JobInterval: w.JobInterval, BlockInterval: w.BlockInterval, Transactions: w.Transactions,
		Dialect: sim.Dialect(m.Dialect), VersionRule: sim.VersionRule(m.VersionRule),
		DifficultyRule: sim.DifficultyRule(m.DifficultyRule), Strict: m.Strict, OneWorker: m.OneWorker,
		ResumeSessions: m.ResumeSessions, Quirks: c.Quirks.quirks(), Logger: newSimLogger(env.stderr, c.Verbose),
	}
	if w.Transactions == 0 {
		cfg.Transactions = -1
	}
	if w.NBits != "" {
		if cfg.NBits, err = work.ParseNBits([]byte(w.NBits)); err != nil {
			return sim.PoolConfig{}, usageError{fmt.Sprintf("--nbits: %q is no target; write 8 hex digits such as 207fffff", w.NBits)}
		}
	}
	if w.Node != "" {
		cfg.Node = sim.NewNode(w.Node, w.NodeUser, w.NodePassword.Reveal())
	}
	return cfg, nil
}

func (q simPoolQuirks) quirks() sim.Quirks {
	return sim.Quirks{
		Latency: q.Latency, Jitter: q.Jitter,
		DisconnectEvery: q.DisconnectEvery, DisconnectReset: q.DisconnectReset,
		RefuseConnections: q.Refuse, Silent: q.Silent,
		Subscribe: sim.ReplyMode(q.Subscribe), Configure: sim.ReplyMode(q.Configure), Authorize: sim.ReplyMode(q.Authorize),
		SubmitRefused: q.RefuseShares, Clean: sim.CleanMode(q.Clean), Unpadded: q.Unpadded,
		Payout: q.Payout, Tag: q.Tag, Behind: q.Behind,
		CoinbasePadding: q.CoinbasePadding, DifficultyEvery: q.DifficultyEvery, ExtranonceEvery: q.ExtranonceEvery,
		MalformedEvery: q.MalformedEvery, UnansweredEvery: q.UnansweredEvery, OutOfOrder: q.OutOfOrder,
		DuplicateReplies: q.DuplicateReply, NotifyBeforeSubscribe: q.NotifyFirst,
		ChatterEvery: q.ChatterEvery, Reconnect: q.Reconnect,
	}
}

// Run serves until Ctrl-C or the duration's end.
func (c *simPoolCmd) Run(env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	cfg, err := c.config(env)
	if err != nil {
		return err
	}
	pool, err := sim.NewPool(cfg)
	if err != nil {
		return simError(err, "loka sim pool")
	}
	ctx, stop := env.limited(c.Duration)
	defer stop()
	if err := pool.Listen(ctx); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(env.stdout, "pool at %s\n", pool.URL())
	err = withFigures(ctx, c.Every, pool.Run, func() { c.figures(env.stdout, pool) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(env.stdout, map[string]any{"stats": pool.Stats(), "shares": pool.Ledger().Total()})
	}
	c.figures(env.stdout, pool)
	return nil
}

func (*simPoolCmd) figures(w io.Writer, pool *sim.Pool) {
	s, t := pool.Stats(), pool.Ledger().Total()
	_, _ = fmt.Fprintf(w, "connections %d  shares accepted %d rejected %d%s  jobs %d  height %d  blocks %d accepted %d\n",
		s.Connections, t.Accepted, t.RejectedTotal(), rejectCodes(t), s.Jobs, s.Height, s.Blocks, s.BlocksAccepted)
	if s.NodeError != "" {
		_, _ = fmt.Fprintf(w, "node: %s\n", visible(s.NodeError))
	}
}

// rejectCodes prints rejections by error code.
func rejectCodes(t sim.Tally) string {
	var parts []string
	for code := range 256 {
		if n := t.Rejected[code]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d: %d", code, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (code " + strings.Join(parts, ", ") + ")"
}

// limited is interruptible with an end after d, if that is not 0.
func (env *environment) limited(d time.Duration) (context.Context, func()) {
	if d <= 0 {
		return env.interruptible(context.Background())
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	ctx, stop := env.interruptible(ctx)
	return ctx, func() { stop(); cancel() }
}

// withFigures runs something and calls figures every so often meanwhile.
func withFigures(ctx context.Context, every time.Duration, run func(context.Context) error, figures func()) error {
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	var tick <-chan time.Time
	if every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case err := <-done:
			return err
		case <-tick:
			figures()
		}
	}
}

func printJSON(w io.Writer, v any) error {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("the figures cannot be printed: %w", err)
	}
	_, err = w.Write(append(out, '\n'))
	return err
}
