package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// stage is a supervisor over a proxy that a test plays.
type stage struct {
	signals chan os.Signal
	reloads int
	stopped bool
	result  chan error
}

// supervise starts run under a supervisor; what wait returned comes out of
// result.
func supervise(t *testing.T, run func(ctx context.Context) error) *stage {
	t.Helper()
	s := &stage{signals: make(chan os.Signal), result: make(chan error, 1)}
	super := supervisor{
		run: func(ctx context.Context) error {
			defer func() { s.stopped = true }()
			return run(ctx)
		},
		reload: func(context.Context) { s.reloads++ }, signals: s.signals, grace: func() time.Duration { return 35 * time.Second }, logger: slog.New(slog.DiscardHandler),
	}
	go func() { s.result <- super.wait(t.Context()) }()
	synctest.Wait()
	return s
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestSuperviseGracefulStop(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		synctest.Test(t, func(t *testing.T) {
			s := supervise(t, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(29 * time.Second) // finishing what is in flight
				return ctx.Err()
			})
			s.signals <- sig
			if err := <-s.result; err != nil || !s.stopped {
				t.Errorf("%s: error %v, stopped %t", sig, err, s.stopped)
			}
		})
	}
}

func TestSuperviseFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		s := supervise(t, func(context.Context) error { return boom })
		if err := <-s.result; !errors.Is(err, boom) {
			t.Errorf("error %v", err)
		}
	})
}

// An error that is not the stop's own counts even while stopping.
func TestSuperviseFailureWhileStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		s := supervise(t, func(ctx context.Context) error {
			<-ctx.Done()
			return boom
		})
		s.signals <- syscall.SIGTERM
		if err := <-s.result; !errors.Is(err, boom) {
			t.Errorf("error %v", err)
		}
	})
}

func TestSuperviseStopTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := supervise(t, func(context.Context) error {
			<-release
			return nil
		})
		began := time.Now()
		s.signals <- syscall.SIGTERM
		if err := <-s.result; !errors.Is(err, errStopTimeout) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 35*time.Second {
			t.Errorf("took %s", took)
		}
		close(release)
	})
}

func TestSuperviseSecondSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := supervise(t, func(context.Context) error {
			<-release
			return nil
		})
		s.signals <- syscall.SIGTERM
		s.signals <- syscall.SIGHUP // too late to matter
		time.Sleep(signalSlack)
		s.signals <- os.Interrupt
		if err := <-s.result; !errors.Is(err, errStopForced) {
			t.Errorf("error %v", err)
		}
		if s.reloads != 0 {
			t.Errorf("%d reloads while stopping", s.reloads)
		}
		close(release)
	})
}

// The same signal twice within moments, as timeout(1) sends it, is one.
func TestSuperviseRepeatedSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := supervise(t, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(10 * time.Second) // finishing what is in flight
			return ctx.Err()
		})
		s.signals <- syscall.SIGTERM
		s.signals <- syscall.SIGTERM
		time.Sleep(signalSlack - time.Nanosecond)
		s.signals <- os.Interrupt
		if err := <-s.result; err != nil || !s.stopped {
			t.Errorf("error %v, stopped %t", err, s.stopped)
		}
	})
}

func TestSuperviseReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := supervise(t, untilDone)
		for range 2 {
			s.signals <- syscall.SIGHUP
			synctest.Wait()
		}
		if s.reloads != 2 || s.stopped {
			t.Errorf("%d reloads, stopped %t", s.reloads, s.stopped)
		}
		s.signals <- syscall.SIGTERM
		if err := <-s.result; err != nil {
			t.Errorf("error %v", err)
		}
	})
}

// A reload that hangs, as of a file that cannot be read now, keeps no stop from
// being heard; those that come meanwhile are one, and a stop has the time that is
// configured when it begins.
func TestSuperviseReloadThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals, hangs := make(chan os.Signal), make(chan struct{})
		grace, reloads, result := time.Second, 0, make(chan error, 1)
		super := supervisor{
			run: func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(10 * time.Second) // finishing what is in flight
				return nil
			},
			reload: func(context.Context) {
				<-hangs
				grace = 35 * time.Second
				reloads++
			},
			signals: signals, grace: func() time.Duration { return grace }, logger: slog.New(slog.DiscardHandler),
		}
		go func() { result <- super.wait(t.Context()) }()
		signals <- syscall.SIGHUP
		synctest.Wait()
		for range 5 {
			signals <- syscall.SIGHUP
		}
		synctest.Wait()
		close(hangs)
		synctest.Wait()
		if reloads != 2 {
			t.Errorf("%d reloads, want 2", reloads)
		}
		hangs = make(chan struct{})
		signals <- syscall.SIGHUP
		signals <- syscall.SIGTERM
		if err := <-result; err != nil {
			t.Errorf("error %v", err)
		}
		close(hangs)
	})
}
