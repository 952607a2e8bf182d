package durable

import (
	"context"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/journal"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/testkit/pg"
)

// TestCutConnections has a journal take shares to a PostgreSQL hundreds of times a
// second while the connections are reset after any number of bytes, ended by the
// server, and lose the answer to a commit. In the end each share is there once, and
// sums are the ledger's. It takes some seconds, or LOKA_CUTS.
func TestCutConnections(t *testing.T) {
	duration := 3 * time.Second
	if text := os.Getenv("LOKA_CUTS"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	random := chance(t)
	server := servers.Server(t)
	database := servers.Database(t)
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	relay := newRelay(t, u.Host, rand.New(rand.NewPCG(random.Uint64(), 0)))
	u.Host = relay.listener.Addr().String()

	ctx := context.WithoutCancel(t.Context())
	disk, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "loka.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = disk.Close() }()
	warehouse, err := postgres.New(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = warehouse.Close() }()
	if err := warehouse.Migrate(ctx); err != nil { // which takes longer than a connection lasts here
		t.Fatal(err)
	}
	j, err := journal.New(ctx, journal.Config{
		Instance: "here", FlushEvery: 7 * time.Millisecond, ShipEvery: 3 * time.Millisecond, ChunkShares: 40, KeepShares: 48 * time.Hour,
	}, journal.Deps{Disk: disk, Warehouse: warehouse})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	first, err := j.FirstID(ctx, now)
	if err != nil {
		t.Fatal(err)
	}
	books := ledger.New(ledger.Config{Sink: j, FirstID: first}, now)
	if err := j.Restore(ctx, books, now); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var works sync.WaitGroup
	works.Go(func() { _ = j.Run(running) }) // what it says is in its status
	recorded := uint64(0)
	over := make(chan struct{})
	works.Go(func() {
		for pass(500*time.Microsecond, over) {
			recordShare(books, recorded)
			recorded++
		}
	})

	enough := func(since time.Time) bool {
		cuts, lost := relay.done()
		d := time.Since(since)
		return d >= duration && cuts > 0 && lost > 0 || d >= duration+patience
	}
	for begun := time.Now(); !enough(begun); {
		m := []manner{faithful, cutting, cutting, losing}[random.IntN(4)]
		relay.mu.Lock()
		relay.manner = m // connections that there are go on as they were
		relay.mu.Unlock()
		pass(between(random, 10*time.Millisecond, 150*time.Millisecond), nil)
		if random.IntN(2) == 0 {
			if err := server.Terminate(ctx, pg.Name(database)); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(over)
	relay.set(faithful)
	// What waits by then may take longer than patience, so few shares go at a time:
	// it is enough that it gets less.
	for had, all := uint64(0), false; !all; {
		var state store.LogState
		await(t, "the store to have more, or all", patience, func() bool {
			var err error
			state, err = disk.State(ctx)
			all = err == nil && state.Settled == state.Last && j.Status().Pending == 0 && j.Status().Ship.Err == nil
			return all || state.Settled > had
		})
		had = state.Settled
	}
	stop()
	works.Wait()
	cuts, lost := relay.done()
	state, err := disk.State(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d shares in %d frames; %d connections were cut, %d answers to a commit lost", recorded, state.Last, cuts, lost)
	if cuts == 0 || lost == 0 {
		t.Error("nothing was cut, or no answer lost")
	}
	sameAsLedger(t, warehouse, books, recorded)
}

// recordShare records a share, and what the pool says of it.
func recordShare(books *ledger.Ledger, n uint64) {
	now := time.Now()
	worker, pool, route := books.Worker([]string{"a.1", "a.2", "b"}[n%3], "farm", now), books.Pool("main", now), books.Route("farm", now)
	defer books.Release(worker)
	job := &mining.Job{Reward: 312_500_000, Network: 0.01}
	id := books.Record(ledger.Entry{Worker: worker, Pool: pool, Route: route, Job: job, Verdict: mining.Accepted, Difficulty: 1e-7, ShareDifficulty: 2e-7, At: now})
	books.Record(ledger.Entry{ID: id, Worker: worker, Pool: pool, Route: route, Job: job, Sent: true, PoolVerdict: mining.Accepted, PoolDifficulty: 1e-7, At: now})
}

// sameAsLedger demands that a store has so many shares, each once and with the pool's
// word, and sums that are the ledger's.
func sameAsLedger(t *testing.T, h store.History, books *ledger.Ledger, shares uint64) {
	t.Helper()
	ids := map[uint64]bool{}
	var value mining.Amount
	err := h.Shares(t.Context(), store.Filter{Instance: "here"}, func(s *store.Share) error {
		if ids[s.ID] {
			t.Errorf("share %d is there twice", s.ID)
		}
		if s.Verdict != mining.Accepted || s.PoolVerdict != mining.Accepted {
			t.Errorf("a share is %+v", s)
		}
		ids[s.ID] = true
		value = value.Add(s.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	total := books.Total(time.Now())
	if n := uint64(len(ids)); n != shares || n != total.Tally.Ours.Accepted() {
		t.Errorf("the store has %d shares of %d, the ledger counts %d", n, shares, total.Tally.Ours.Accepted())
	}
	for _, step := range store.Steps() {
		sums, err := h.Sums(t.Context(), store.Filter{Instance: "here"}, step, store.Group{})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, s := range sums {
			if s.Side == store.Ours || s.Side == store.Pools || s.Side == store.Sent {
				seen++
				if s.Shares != shares || s.Value != value {
					t.Errorf("by the %s: %+v, want %d shares of %v", step, s, shares, value)
				}
			}
		}
		if seen != 3 {
			t.Errorf("by the %s: %+v", step, sums)
		}
	}
}
