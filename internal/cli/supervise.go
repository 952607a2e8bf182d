package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// stopSlack is what a stop may take beyond server.shutdown_timeout before the
// process ends without it.
const stopSlack = 5 * time.Second

// signalSlack is how long after a termination signal another one is taken for
// the same: timeout(1), for one, signals the process and then its group.
const signalSlack = time.Second

// errStopTimeout and errStopForced end a process that did not end by itself.
var (
	errStopTimeout = errors.New("the stop took longer than server.shutdown_timeout; ended without finishing")
	errStopForced  = errors.New("stopped at once by a second signal; what was in flight is lost")
	errSignal      = errors.New("signal")
)

// supervisor runs a proxy and gives it its signals.
type supervisor struct {
	run     func(ctx context.Context) error
	reload  func(ctx context.Context)
	signals <-chan os.Signal
	// grace is how long a stop may take that begins now.
	grace  func() time.Duration
	logger *slog.Logger
}

// wait returns when the proxy has ended: nil after a graceful stop, its error
// if it failed. If a stop takes too long, or a second signal comes, it returns
// without the proxy, and the process must end. What comes within signalSlack of
// the first signal is no second one. A reload keeps no signal waiting.
func (s supervisor) wait(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	reloads := make(chan struct{}, 1)
	defer close(reloads)
	go func() {
		for range reloads {
			s.reload(ctx)
		}
	}()
	var late <-chan time.Time
	var stopping time.Time
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				err = nil
			}
			return err
		case <-late:
			return errStopTimeout
		case sig := <-s.signals:
			switch {
			case sig == syscall.SIGHUP && late == nil:
				select {
				case reloads <- struct{}{}:
				default: // one that has not begun reads what this one would
				}
			case sig == syscall.SIGHUP:
			case late != nil && time.Since(stopping) < signalSlack:
			case late != nil:
				return errStopForced
			default:
				s.logger.DebugContext(parent, "told to stop", "signal", sig.String())
				stopping = time.Now()
				timer := time.NewTimer(s.grace())
				defer timer.Stop()
				late = timer.C
				cancel(errSignal)
			}
		}
	}
}
