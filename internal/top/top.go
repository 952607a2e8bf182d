package top

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/loka/stratum/internal/client"
)

// Config says whom to watch, and where.
type Config struct {
	// Client asks the proxy.
	Client *client.Client
	// Interval is how often; 0 is 2 s.
	Interval time.Duration
	// Now is the clock.
	Now func() time.Time
	// In, Out and Environ are the terminal's; NO_COLOR and TERM are looked up in Environ.
	In      io.Reader
	Out     io.Writer
	Environ []string
}

// defaultInterval is how often a proxy is asked.
const defaultInterval = 2 * time.Second

// Run shows the proxy until somebody quits, or ctx ends.
func Run(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	p := tea.NewProgram(newModel(ctx, cfg),
		tea.WithContext(ctx), tea.WithInput(cfg.In), tea.WithOutput(cfg.Out), tea.WithEnvironment(cfg.Environ), tea.WithoutSignalHandler())
	var followers sync.WaitGroup
	followers.Go(func() { follow(ctx, cfg.Client, func(m tea.Msg) { p.Send(m) }) })
	_, err := p.Run()
	ended := ctx.Err() != nil // by whoever started it, which is no failure
	cancel()
	followers.Wait()
	if ended && (errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}
