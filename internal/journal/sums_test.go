package journal

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/testkit/pg"
)

// servers has the server of these tests.
var servers pg.Lazy

// streams is how many random streams a store is given at the most, and enough how
// long: few, for each is long.
const (
	streams = 5
	enough  = 3 * time.Second
)

// TestSums: whatever happens, over several lives of the process, is the same
// everywhere: by worker, by pool, by route and in all, in windows, by the minute,
// the hour and the day and share by share, in the ledger, in either store and
// through the API. Counts and satoshi are equal exactly, and what a pool paid is
// divided to the last satoshi.
func TestSums(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testSums(t, nil) })
	t.Run("postgres", func(t *testing.T) {
		house, err := postgres.New(t.Context(), servers.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = house.Close() }()
		testSums(t, house)
	})
}

func testSums(t *testing.T, remote store.Warehouse) {
	t.Helper()
	dir := t.TempDir()
	var names atomic.Int64
	done, failing, begun := 0, false, time.Now()
	rapid.Check(t, func(r *rapid.T) {
		// A stream that fails is tried again and made smaller, without an end.
		if !failing && done > 0 && (done == streams || time.Since(begun) > enough) {
			return
		}
		defer func() { failing = failing || r.Failed() }()
		f := newFarm(t.Context(), r, dir, fmt.Sprint("farm", names.Add(1)), remote)
		defer f.close()
		f.start()
		for range rapid.IntRange(1, 4).Draw(r, "lives") {
			f.live()
			f.ledger("alive")
			f.stop(rapid.Bool().Draw(r, "killed"))
			f.start()
			f.ledger("started again")
		}
		f.flush()
		f.try(f.j.shipAll(f.ctx))
		f.history()
		f.api()
		done++
	})
}
