package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/client"
)

var errInterrupted = errors.New("interrupted; what was written is not all of it")

// exportCmd is `loka export`.
type exportCmd struct {
	apiFlags

	What   string `required:"" placeholder:"WHAT" enum:"shares,minutes,hours,days,blocks,earnings,distributions" help:"shares, minutes, hours, days, blocks, earnings or distributions."`
	Format string `placeholder:"FORMAT" default:"csv" enum:"csv,parquet" help:"csv (the default) or parquet."`
	From   string `placeholder:"TIME" help:"When it begins: 2026-01-31T12:00:00Z, 2026-01-31 (UTC), or how long ago such as 24h or 30d (default: 24h for shares and minutes, 30d for hours, else the beginning)."`
	To     string `placeholder:"TIME" help:"When it ends, which is not included (default: now)."`
	Worker string `placeholder:"LOGIN" help:"Of this worker only."`
	User   string `placeholder:"USER" help:"Of this user only: the part of a login before its first dot."`
	Pool   string `placeholder:"NAME" help:"Of this pool only."`
	Route  string `placeholder:"NAME" help:"Of this route only."`
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE, in place of what is there, once all of it has come; without it, to stdout."`
}

// Help is shown below the command's flags.
func (*exportCmd) Help() string {
	return `The running proxy is asked for it. Amounts are exact: decimals of satoshi in CSV, DECIMAL(31,12) in parquet.
In CSV a text that begins with =, +, - or @ has an apostrophe before it, so that a spreadsheet takes no
worker's name for a formula. What breaks off ends with exit code 1, and is no file with -o.`
}

// Run asks the running proxy for it.
func (c *exportCmd) Run(env *environment) error {
	if c.Output == "" && c.Format == "parquet" && isTerminal(env.stdout) {
		return usageError{"parquet is nothing to look at; name a file with -o FILE"}
	}
	ctx, stop := env.interruptible(context.Background())
	defer stop()
	api := c.client(ctx, env)
	defer api.Close()
	if c.Output == "" || c.Output == "-" {
		_, err := c.download(ctx, api, env.stdout)
		return err
	}
	if info, err := os.Stat(c.Output); err == nil && !info.Mode().IsRegular() {
		return c.pour(ctx, api)
	}
	n, err := c.save(ctx, api)
	if err == nil {
		_, err = fmt.Fprintf(env.stdout, "%s written, %d bytes\n", visible(c.Output), n)
	}
	return err
}

// download writes it to w.
func (c *exportCmd) download(ctx context.Context, api *client.Client, w io.Writer) (int64, error) {
	n, err := api.Export(ctx, c.What, c.Format, client.Past{
		Worker: c.Worker, User: c.User, Pool: c.Pool, Route: c.Route, From: c.From, To: c.To,
	}, w)
	if _, broke := errors.AsType[*client.BrokenError](err); broke && ctx.Err() != nil {
		return n, errInterrupted
	}
	return n, err
}

// save writes the file beside its place and puts it there once it is whole. A link
// stays one.
func (c *exportCmd) save(ctx context.Context, api *client.Client) (n int64, err error) {
	path := c.Output
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	var broke error
	err = atomicfile.WriteWith(path, func(to io.Writer) error {
		n, broke = c.download(ctx, api, to)
		return broke
	})
	switch {
	case broke != nil:
		return n, broke
	case err != nil:
		return n, outputError{c.Output, err}
	}
	return n, nil
}

// pour writes to what is no file, such as a device or a pipe, and stays what it is.
// Nothing is said of it, for that may be where the words would go.
func (c *exportCmd) pour(ctx context.Context, api *client.Client) error {
	f, err := os.OpenFile(c.Output, os.O_WRONLY, 0)
	if err != nil {
		return outputError{c.Output, err}
	}
	_, err = c.download(ctx, api, f)
	return errors.Join(err, f.Close())
}

// outputError is a file that cannot be written. It is not the proxy's, so what is
// advised for that does not apply: the cause is in words only.
type outputError struct {
	path string
	err  error
}

func (e outputError) Error() string {
	return fmt.Sprintf("%s cannot be written: %v; -o names another place", e.path, e.err)
}
