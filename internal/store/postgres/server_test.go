package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/storetest"
	"github.com/loka/stratum/internal/testkit/pg"
)

// noon is a time in the middle of a day.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// chunk is the nth of an instance: some shares of a day of their own each.
func chunk(instance string, n uint64, at time.Time) *store.Chunk {
	const each = 50
	shares := make([]store.Share, 0, each)
	for i := range uint64(each) {
		shares = append(shares, store.Share{
			ID: n*each + i, At: at.Add(time.Duration(i%60) * time.Second), Worker: fmt.Sprintf("%s.rig%d", instance, i%7), Pool: "first", Route: "main",
			Verdict: mining.Accepted, Difficulty: 1024, Reached: 2048, Value: mining.Amount{Pico: 123_456},
		})
	}
	return storetest.Chunk(instance, "log", n, n, shares...)
}

// count is how many shares the rollups of a step have.
func count(tb testing.TB, w store.History, f store.Filter, step store.Step) (n uint64) {
	tb.Helper()
	sums, err := w.Sums(tb.Context(), f, step, store.Group{Worker: true})
	if err != nil {
		tb.Fatal(err)
	}
	for i := range sums {
		n += sums[i].Shares
	}
	return n
}

// soon is a context that ends before a test does, and after all that a busy machine may
// take to do.
func soon(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	tb.Cleanup(cancel)
	return ctx
}

// TestAway has a server that is away at the start and later.
func TestAway(t *testing.T) {
	server, url := servers.Server(t), servers.Database(t)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	s := open(t, url)
	start := func() {
		t.Helper()
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := s.Apply(soon(t), chunk("a", 1, noon())); err == nil {
		t.Error("a server that is away took a chunk")
	}
	if _, err := s.Series(soon(t), store.Filter{}, store.Hour); err == nil {
		t.Error("a server that is away answered")
	}
	if took := time.Since(began); took > time.Minute { // not when the time of the calls is over
		t.Errorf("that it is away was said after %v", took)
	}
	start()
	if err := s.Apply(soon(t), chunk("a", 1, noon())); err != nil {
		t.Fatal(err)
	}
	for n, stop := range []func() error{server.Stop, server.Crash} {
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		c := chunk("a", uint64(n)+2, noon())
		if err := s.Apply(soon(t), c); err == nil {
			t.Error("a server that has ended took a chunk")
		}
		start()
		if err := s.Apply(soon(t), c); err != nil {
			t.Errorf("the call after the server is back: %v", err)
		}
	}
	if n := count(t, s, store.Filter{}, store.Day); n != 150 {
		t.Errorf("%d shares of 150", n)
	}
}

// TestTerminated takes chunks while connections are ended all the time: the more
// calls in a row have failed the less often, so that one gets through however quick
// the machine is at ending them.
func TestTerminated(t *testing.T) {
	server, url := servers.Server(t), servers.Database(t)
	s := open(t, url)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var killer sync.WaitGroup
	var inRow atomic.Int64
	killer.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(inRow.Load()) * time.Millisecond):
			}
			if err := server.Terminate(ctx, pg.Name(url)); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	})
	failed := 0
	const chunks = 20
	for n := uint64(1); n <= chunks; n++ {
		inRow.Store(0)
		for s.Apply(ctx, chunk("a", n, noon().Add(time.Duration(n)*time.Hour))) != nil {
			inRow.Add(1)
			if failed++; failed > 5000 {
				t.Fatal("nothing gets through")
			}
		}
		if n == chunks/2 {
			cancel()
			killer.Wait()
			ctx = t.Context()
		}
	}
	t.Logf("%d calls failed", failed)
	for _, step := range store.Steps() {
		if n := count(t, s, store.Filter{}, step); n != chunks*50 {
			t.Errorf("%d shares of %d by the %s", n, chunks*50, step)
		}
	}
	if taken, err := s.Shipped(t.Context(), "a", "log"); err != nil || taken != (store.Taken{Last: chunks}) {
		t.Errorf("%+v, %v", taken, err)
	}
}

// TestTogether has several instances begin at once on a database with nothing in it.
func TestTogether(t *testing.T) {
	url := servers.Database(t)
	var all sync.WaitGroup
	const instances, chunks = 4, 5
	for i := range instances {
		s := open(t, url)
		all.Go(func() {
			for n := uint64(1); n <= chunks; n++ {
				if err := s.Apply(t.Context(), chunk(fmt.Sprint("farm", i), n, noon().AddDate(0, 0, int(n%3)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s := open(t, url)
	for _, step := range store.Steps() {
		if n := count(t, s, store.Filter{}, step); n != instances*chunks*50 {
			t.Errorf("%d shares of %d by the %s", n, instances*chunks*50, step)
		}
	}
	if n := count(t, s, store.Filter{Instance: "farm2"}, store.Minute); n != chunks*50 {
		t.Errorf("%d shares of one instance", n)
	}
	if days, err := s.Days(t.Context()); err != nil || len(days) != 3 {
		t.Errorf("%v, %v", days, err)
	}
}

// TestSetBack empties the database behind a warehouse's back.
func TestSetBack(t *testing.T) {
	url := servers.Database(t)
	s := open(t, url)
	ctx := t.Context()
	for n := range uint64(3) {
		if err := s.Apply(ctx, chunk("a", n+1, noon())); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := postgres.Schema(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := schema.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := schema.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Shipped(ctx, "a", "log"); err == nil {
		t.Error("tables that are not there were read")
	}
	if taken, err := s.Shipped(ctx, "a", "log"); err != nil || taken != (store.Taken{}) {
		t.Errorf("the call after that: %+v, %v", taken, err)
	}
	// Others first, so that numbers are given to other names.
	for _, instance := range []string{"b", "a"} {
		if err := s.Apply(ctx, chunk(instance, 1, noon())); err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, store.Filter{Worker: instance + ".rig3"}, store.Day); n != 7 {
			t.Errorf("%d shares of one worker of %s", n, instance)
		}
	}
}

func TestNewer(t *testing.T) {
	url := servers.Database(t)
	s := open(t, url)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "INSERT INTO loka_schema (version_id, is_applied) VALUES (77, true)"); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, url).Shipped(t.Context(), "a", "log")
	if newer, ok := errors.AsType[*store.NewerSchemaError](err); !ok || newer.Has != 77 || newer.Knows != 4 {
		t.Errorf("%v", err)
	}
}

// TestSecret holds errors to not telling a password.
func TestSecret(t *testing.T) {
	const secret = "hunter2"
	for _, url := range []string{
		"postgres://u:" + secret + "@127.0.0.1:1/x", "postgres://u:" + secret + "@127.0.0.1:port/x", "host=127.0.0.1 port=1 password=" + secret + " sslmode=wrong",
		"host=127.0.0.1 password = " + secret + " port=x", `host=127.0.0.1 password=a\ ` + secret + " port=x",
		"postgres://u:a@b:" + secret + "%zz@127.0.0.1/x", "postgres://u:a/" + secret + "@127.0.0.1/x", "postgres://u:a`: " + secret + "@127.0.0.1/x",
	} {
		s, err := postgres.New(t.Context(), url)
		if err == nil {
			_, err = s.Shipped(soon(t), "a", "log")
			_ = s.Close()
		}
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
