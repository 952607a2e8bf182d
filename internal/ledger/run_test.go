package ledger

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunSavesAndSamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{}, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx, path, time.Minute, nil) }()
		time.Sleep(30 * time.Second)
		if _, err := os.Stat(path); err == nil {
			t.Error("saved before the interval")
		}
		time.Sleep(40 * time.Second)
		first, err := os.Stat(path)
		if err != nil {
			t.Fatalf("not saved after the interval: %v", err)
		}
		w, p := l.Worker("w", "", time.Now()), l.Pool("p", time.Now())
		l.Record(entry(l, "w"))
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if last, err := os.Stat(path); err != nil || last.Size() <= first.Size() {
			t.Errorf("the last save lacks what was booked: %v, %v", last, err)
		}
		if w.Name() != "w" || p.Name() != "p" {
			t.Error("books have wrong names")
		}
	})
}

func TestRunWithoutAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{}, time.Now())
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := l.Run(ctx, "", time.Minute, nil); err != nil {
			t.Error(err)
		}
		if n := l.clock.from(time.Now())[Minute]; n < 0 || l.clock.at[n] <= time.Now().Add(-time.Minute-6*time.Second).UnixNano() {
			t.Error("nothing was sampled")
		}
	})
}

func TestRunGoesOnWhenSavingFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(Config{}, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- l.Run(ctx, filepath.Join(dir, "state.json"), time.Minute, slog.New(slog.NewTextHandler(&out, nil)))
		}()
		time.Sleep(5 * time.Minute)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the last save: %v", err)
		}
		log := out.String()
		if strings.Count(log, "ledger cannot be saved") != 1 || strings.Count(log, "ledger is saved again") != 1 {
			t.Errorf("want one line when it begins and one when it is over:\n%s", log)
		}
	})
}
