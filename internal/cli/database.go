package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store/migrations"
)

// schema looks after the tables of a database.
type schema interface {
	// Latest is the last version that this program knows.
	Latest() int64
	// Migrate goes forward or back to a version; what a step back drops is lost.
	Migrate(ctx context.Context, to int64) error
	// Status lists the steps of the schema in their order.
	Status(ctx context.Context) ([]migrations.Step, error)
	// Reset drops all that is ours.
	Reset(ctx context.Context) error
	Close() error
}

// openSchema opens the database that a configuration names.
func openSchema(cfg *config.Config) (schema, error) { return app.OpenSchema(cfg) }

// databaseCmd is `loka database`.
type databaseCmd struct {
	Migrate databaseMigrateCmd `cmd:"" help:"Bring the tables of the database to this version, or to another."`
	Status  databaseStatusCmd  `cmd:"" help:"Show which version the tables of the database have."`
	Reset   databaseResetCmd   `cmd:"" help:"Drop all that loka keeps in the database."`
}

// databaseHelp is shown below the flags of all of them.
const databaseHelp = `The database is that of storage.url: of the file, or of LOKA_STORAGE_URL; else the one in the data folder.
Stop the proxies that use it first; ` + "`loka start`" + ` brings the tables to its version by itself.`

// Help is shown below the command's flags.
func (*databaseCmd) Help() string { return databaseHelp }

// databaseFlags say which database it is.
type databaseFlags struct {
	Config string `short:"c" placeholder:"FILE" help:"Configuration file; without one the environment and the defaults count."`
	Data   string `placeholder:"DIR" help:"The proxy's data folder (default: the file's, LOKA_DATA_DIR, or data)."`
}

// config is the file's, or what there is of it without one: nobody needs a pool to
// look after a database.
func (f *databaseFlags) config(env *environment) (*config.Config, error) {
	if f.Config != "" {
		text, err := env.readConfig(f.Config)
		if err != nil {
			return nil, err
		}
		return env.loadText(text, f.Config, config.Flags{DataDir: f.Data})
	}
	cfg := config.Defaults()
	dir, _ := env.lookup("LOKA_DATA_DIR")
	cfg.DataDir = cmp.Or(f.Data, dir, cfg.DataDir)
	url, _ := env.lookup("LOKA_STORAGE_URL")
	cfg.Storage.URL = mining.Secret(url)
	if text := config.DatabaseProblem(cfg.Storage.URL, app.CheckDatabase); text != "" {
		return nil, usageError{"LOKA_STORAGE_URL: " + text}
	}
	return &cfg, nil
}

// look opens the database and does something with it, until a signal.
func (f *databaseFlags) look(env *environment, do func(context.Context, schema) error) error {
	cfg, err := f.config(env)
	if err != nil {
		return err
	}
	s, err := env.openSchema(cfg)
	if err != nil {
		return err
	}
	ctx, stop := env.interruptible(context.Background())
	defer stop()
	return errors.Join(do(ctx, s), s.Close())
}

// databaseMigrateCmd is `loka database migrate`.
type databaseMigrateCmd struct {
	databaseFlags

	To *int64 `placeholder:"VERSION" help:"The version to go to; one before that of the database drops what came after it (default: the latest)."`
}

// Help is shown below the command's flags.
func (*databaseMigrateCmd) Help() string { return databaseHelp }

// Run migrates the database.
func (c *databaseMigrateCmd) Run(env *environment) error {
	if c.To != nil && *c.To < 0 {
		return usageError{fmt.Sprintf("--to %d is no version; `loka database status` lists them", *c.To)}
	}
	return c.look(env, func(ctx context.Context, s schema) error {
		to := s.Latest()
		if c.To != nil {
			to = *c.To
		}
		if err := s.Migrate(ctx, to); err != nil {
			return err
		}
		_, err := fmt.Fprintf(env.stdout, "the database has version %d\n", to)
		return err
	})
}

// databaseStatusCmd is `loka database status`.
type databaseStatusCmd struct {
	databaseFlags
}

// Help is shown below the command's flags.
func (*databaseStatusCmd) Help() string { return databaseHelp }

// Run shows what the database has.
func (c *databaseStatusCmd) Run(env *environment) error {
	return c.look(env, func(ctx context.Context, s schema) error {
		steps, err := s.Status(ctx)
		if err != nil {
			return err
		}
		var b strings.Builder
		has := int64(0)
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(t, "VERSION\tNAME\tSINCE")
		for _, step := range steps {
			since := "-"
			if step.Applied {
				since, has = step.At.UTC().Format(time.RFC3339), step.Version
			}
			_, _ = fmt.Fprintf(t, "%d\t%s\t%s\n", step.Version, visible(step.Name), since)
		}
		_ = t.Flush()
		fmt.Fprintf(&b, "the database has version %d, this loka knows %d\n", has, s.Latest())
		_, err = fmt.Fprint(env.stdout, b.String())
		return err
	})
}

// databaseResetCmd is `loka database reset`.
type databaseResetCmd struct {
	databaseFlags

	Yes bool `help:"Do it: history, payouts and the audit record are lost."`
}

// Help is shown below the command's flags.
func (*databaseResetCmd) Help() string { return databaseHelp }

// Run drops all that is ours.
func (c *databaseResetCmd) Run(env *environment) error {
	if !c.Yes {
		return usageError{"this drops all history, payouts and the audit record; give --yes if that is what you want"}
	}
	return c.look(env, func(ctx context.Context, s schema) error {
		if err := s.Reset(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.stdout, "the database is empty; `loka start` makes its tables anew")
		return err
	})
}
