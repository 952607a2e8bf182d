package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/loka/stratum/internal/atomicfile"
)

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
	if c.Output == "" || c.Output == "-" {
		_, err := api.download(ctx, c.path(), env.stdout)
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

// path is the API's.
func (c *exportCmd) path() string {
	query := url.Values{}
	for name, value := range map[string]string{
		"what": c.What, "format": c.Format, "from": c.From, "to": c.To, "worker": c.Worker, "user": c.User, "pool": c.Pool, "route": c.Route,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return "/api/v1/export?" + query.Encode()
}

// save writes the file beside its place and puts it there once it is whole. A link
// stays one.
func (c *exportCmd) save(ctx context.Context, api apiClient) (n int64, err error) {
	path := c.Output
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	var broke error
	err = atomicfile.WriteWith(path, func(to io.Writer) error {
		n, broke = api.download(ctx, c.path(), to)
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
func (c *exportCmd) pour(ctx context.Context, api apiClient) error {
	f, err := os.OpenFile(c.Output, os.O_WRONLY, 0)
	if err != nil {
		return outputError{c.Output, err}
	}
	_, err = api.download(ctx, c.path(), f)
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

// writeError is what was downloaded and could not be written.
type writeError struct{ err error }

func (e writeError) Error() string { return fmt.Sprintf("what has come cannot be written: %v", e.err) }

// markedWriter tells its own errors from those of whoever is read.
type markedWriter struct{ out io.Writer }

// Write implements [io.Writer].
func (w markedWriter) Write(b []byte) (int, error) {
	n, err := w.out.Write(b)
	if err != nil {
		return n, writeError{err}
	}
	return n, nil
}

// download writes what a path answers to w, however long that takes.
func (a apiClient) download(ctx context.Context, path string, w io.Writer) (int64, error) {
	r := request{http.MethodGet, path, "", nil, http.StatusOK}
	res, err := a.do(ctx, r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != r.success {
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
		if text := problemIn(res, body); text != "" && res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
			return 0, errors.New(text)
		}
		return 0, a.refused(r, res, body)
	}
	n, err := io.Copy(markedWriter{w}, res.Body)
	switch {
	case err == nil:
		return n, nil
	case ctx.Err() != nil:
		return n, errors.New("interrupted; what was written is not all of it")
	}
	if _, ok := errors.AsType[writeError](err); ok {
		return n, err
	}
	return n, fmt.Errorf("%s broke off after %d bytes (%w), so that is not all of it; its log says why", a.base, n, err)
}
