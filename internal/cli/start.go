package cli

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/mining"
)

// startCmd is `loka start`.
type startCmd struct {
	Config   string        `short:"c" placeholder:"FILE" help:"Configuration file."`
	Listen   []string      `sep:"none" placeholder:"ADDR" help:"Address that miners connect to; may be repeated."`
	HTTP     string        `name:"http" placeholder:"ADDR" help:"Address of page, API, metrics and health."`
	Pool     []string      `sep:"none" placeholder:"URL" help:"Pool, such as stratum+tcp://HOST:PORT; may be repeated, in failover order."`
	User     string        `placeholder:"ACCOUNT" help:"Our account at the pools."`
	Password mining.Secret `placeholder:"PW" help:"Our password at the pools."`
	Mode     string        `placeholder:"MODE" help:"How pool connections are used: shared (many miners on few; the default) or dedicated (one for each miner)."`
	Data     string        `placeholder:"DIR" help:"Folder for state and the admin token."`
	Verbose  bool          `short:"v" help:"Log at debug level."`
}

// Help is shown below the command's flags.
func (*startCmd) Help() string {
	return `Flags override the environment (LOKA_POOL, LOKA_USER, LOKA_PASSWORD, LOKA_SERVER_LISTEN, ...),
which overrides the file, which overrides the defaults. Without a file --pool and --user are enough.

SIGTERM and Ctrl-C stop gracefully within server.shutdown_timeout; a second one, a second or more
later, stops at once.
SIGHUP reads the file again and follows it; see "loka reload --help".`
}

// proxy is the running proxy as start sees it.
type proxy interface {
	// Run blocks until ctx ends, which is a graceful stop and no error.
	Run(ctx context.Context) error
	// Reread reads the configuration file again and follows it, and logs what has
	// become of that.
	Reread(ctx context.Context)
	// ShutdownTimeout is how long a graceful stop may take, as configured now.
	ShutdownTimeout() time.Duration
}

func (c *startCmd) flags() config.Flags {
	return config.Flags{
		Listen: c.Listen, HTTP: c.HTTP, Pools: c.Pool, User: c.User,
		Password: c.Password, Mode: c.Mode, DataDir: c.Data,
	}
}

// Run runs the proxy until a signal or its own end.
func (c *startCmd) Run(env *environment) error {
	from := &source{env: env, path: c.Config, flags: c.flags()}
	text, err := from.Read()
	if err != nil {
		return err
	}
	cfg, err := from.Load(text)
	if err != nil {
		return err
	}
	spareProcessor(env.lookup)
	logger := newLogger(env.stderr, c.Verbose)
	signals, stop := env.signals(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	p, err := env.newProxy(cfg, app.Deps{Logger: logger, Version: version(), Source: from, Text: text, Process: true})
	if err != nil {
		return err
	}
	logStart(logger, c.Config, cfg)
	s := supervisor{
		run: p.Run, reload: p.Reread, signals: signals, logger: logger,
		grace: func() time.Duration { return p.ShutdownTimeout() + stopSlack },
	}
	return s.wait(context.Background())
}

func logStart(logger *slog.Logger, path string, cfg *config.Config) {
	listeners := make([]string, len(cfg.Listeners))
	for i, l := range cfg.Listeners {
		listeners[i] = l.Address
	}
	pools := make([]string, len(cfg.Pools))
	for i, p := range cfg.Pools {
		pools[i] = p.Name
	}
	logger.Info("starting", "version", version(), "config", path, "listen", listeners,
		"http", cfg.HTTP.Listen, "pools", pools, "data_dir", cfg.DataDir)
	for _, note := range cfg.Notes {
		logger.Warn("configuration note", "note", note.String())
	}
	for _, o := range cfg.Overrides {
		logger.Debug("configuration override", "key", o.Key, "from", o.From)
	}
}
