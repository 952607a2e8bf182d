package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
)

// environment is what commands need of the process.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// lookup is os.LookupEnv.
	lookup func(name string) (string, bool)
	// names lists the names of all variables.
	names func() []string
	// signals delivers signals until the function it returns is called.
	signals func(wanted ...os.Signal) (<-chan os.Signal, func())
	// newProxy makes the proxy that start runs.
	newProxy func(cfg *config.Config, deps app.Deps) (proxy, error)
	// openSchema opens the database that the commands of one look after.
	openSchema func(cfg *config.Config) (schema, error)
}

func newEnvironment(stdin io.Reader, stdout, stderr io.Writer) *environment {
	return &environment{
		stdin: stdin, stdout: stdout, stderr: stderr,
		lookup: os.LookupEnv, names: envNames, signals: notify, newProxy: newProxy, openSchema: openSchema,
	}
}

func envNames() []string {
	list := os.Environ()
	for i, entry := range list {
		list[i], _, _ = strings.Cut(entry, "=")
	}
	return list
}

func notify(wanted ...os.Signal) (<-chan os.Signal, func()) {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, wanted...)
	return ch, func() { signal.Stop(ch) }
}

// interruptible returns a context that ends at SIGINT or SIGTERM. The
// function it returns gives up the signals.
func (env *environment) interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals, stop := env.signals(os.Interrupt, syscall.SIGTERM)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-gone
		stop()
	}
}

// isTerminal says whether a stream is a person's screen.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
