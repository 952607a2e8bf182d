package sqlite_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/store/storetest"
)

// TestWarehouseInParts is TestWarehouse with chunks that are taken seven records at a time.
func TestWarehouseInParts(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Warehouse {
		t.Helper()
		s := open(t)
		s.TakeParts(7)
		return s
	})
}

// TestPartly takes chunks in parts, of which one fails, and goes on in another process: in
// the end there is what there is where each chunk was taken at once: sums of floats but for
// their rounding, for they are added in another order.
func TestPartly(t *testing.T) {
	whole, parts := open(t), open(t)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		instance := fmt.Sprint("farm", runs)
		id := uint64(0)
		for n := range rapid.Uint64Range(1, 4).Draw(r, "chunks") {
			c := aChunk(r, instance, n+1, &id)
			if err := whole.Apply(t.Context(), c); err != nil {
				r.Fatal(err)
			}
			parts.TakeParts(rapid.IntRange(1, 9).Draw(r, "records at a time"))
			interrupted(r, parts, c)
			if err := parts.Apply(t.Context(), c); err != nil {
				r.Fatalf("the rest: %v", err)
			}
			if taken, err := parts.Shipped(t.Context(), instance, "log"); err != nil || taken != (store.Taken{Last: c.Last}) {
				r.Fatalf("taken is %+v, %v", taken, err)
			}
		}
		if diff := cmp.Diff(contents(r, whole, instance), contents(r, parts, instance), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			r.Fatalf("-at once +in parts:\n%s", diff)
		}
	})
}

// aChunk is a chunk of shares over some minutes, and news of them.
func aChunk(r *rapid.T, instance string, number uint64, id *uint64) *store.Chunk {
	var of []store.Share
	for range rapid.IntRange(0, 30).Draw(r, "shares") {
		*id++
		s := store.Share{
			ID: *id, At: noon().Add(time.Duration(rapid.IntRange(0, 4*3600).Draw(r, "second")) * time.Second),
			Worker: fmt.Sprint("u.", rapid.IntRange(0, 9).Draw(r, "worker")), Pool: "p", Route: "r",
			Verdict: rapid.SampledFrom([]mining.Verdict{mining.Accepted, mining.Stale}).Draw(r, "verdict"), Difficulty: 8, Reached: float64(*id),
		}
		of = append(of, s)
		if rapid.Bool().Draw(r, "told") {
			s.Verdict, s.Sent, s.PoolVerdict, s.PoolDifficulty = mining.Pending, true, mining.Accepted, 4
			of = append(of, s)
		}
	}
	c := storetest.Chunk(instance, "log", number*3-2, number*3, of...)
	if rapid.Bool().Draw(r, "a block") {
		c.Blocks = []store.Block{{Hash: strconv.FormatUint(number, 10), At: noon(), Worker: "u.0", Pool: "p", Route: "r"}}
	}
	return c
}

// interrupted takes a chunk up to some record, where the disk fails, and looks at what is
// said of that.
func interrupted(r *rapid.T, s *sqlite.Store, c *store.Chunk) {
	records := len(c.Rollups) + len(c.Workers) + len(c.Shares)
	at := rapid.IntRange(0, records).Draw(r, "fails at")
	do := func(statement string) {
		if err := s.Exec(r.Context(), statement); err != nil {
			r.Fatal(err)
		}
	}
	do(fmt.Sprintf("CREATE TRIGGER stop BEFORE UPDATE ON shipped WHEN new.done > %d OR new.last <> old.last BEGIN SELECT raise(ABORT, 'the disk fails'); END", at))
	err := s.Apply(r.Context(), c)
	do("DROP TRIGGER stop")
	if err == nil || !strings.Contains(err.Error(), "the disk fails") {
		r.Fatalf("%d records up to %d: %v", records, at, err)
	}
	taken, err := s.Shipped(r.Context(), c.Instance, c.Log)
	if err != nil || taken.Last != c.First-1 || taken.Partly != 0 && taken.Partly != c.Last {
		r.Fatalf("taken is %+v, %v", taken, err)
	}
	if rapid.Bool().Draw(r, "another process") {
		s.TakeParts(rapid.IntRange(1, 9).Draw(r, "records at a time from there"))
	}
	if taken.Partly == 0 {
		return
	}
	other := *c
	other.Last++
	if err := s.Apply(r.Context(), &other); !errors.Is(err, store.ErrPartly) {
		r.Fatalf("another chunk: %v", err)
	}
}

// contents is all that a database says of an instance.
func contents(r *rapid.T, s *sqlite.Store, instance string) []any {
	f := store.Filter{Instance: instance}
	var all []any
	for _, step := range store.Steps() {
		series, err := s.Series(r.Context(), f, step)
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, series)
		if err := s.Rollups(r.Context(), f, step, func(x *store.Rollup) error { all = append(all, *x); return nil }); err != nil {
			r.Fatal(err)
		}
	}
	if err := s.Shares(r.Context(), f, func(x *store.Share) error { all = append(all, *x); return nil }); err != nil {
		r.Fatal(err)
	}
	workers, err := s.Workers(r.Context(), f)
	if err != nil {
		r.Fatal(err)
	}
	blocks, err := s.Blocks(r.Context(), f, 100)
	if err != nil {
		r.Fatal(err)
	}
	return append(all, workers, blocks)
}

// TestPartlyWithoutShares: single shares that are kept no more when the rest of a chunk is
// given leave its sums as they are.
func TestPartlyWithoutShares(t *testing.T) {
	s := open(t)
	s.TakeParts(5)
	c := storetest.Chunk("a", "log", 1, 1, shares(1, 20, noon())...)
	sums := len(c.Rollups) + len(c.Workers)
	if err := s.Exec(t.Context(), fmt.Sprintf("CREATE TRIGGER stop BEFORE UPDATE ON shipped WHEN new.done > %d BEGIN SELECT raise(ABORT, 'stop'); END", sums+7)); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), c); err == nil {
		t.Fatal("it was taken whole")
	}
	if err := s.Exec(t.Context(), "DROP TRIGGER stop"); err != nil {
		t.Fatal(err)
	}
	c.Shares = nil
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	got, err := s.Sums(t.Context(), store.Filter{}, store.Minute, store.Group{})
	if err != nil || len(got) != 3 || got[0].Shares != 20 {
		t.Errorf("%+v, %v", got, err)
	}
	if taken, err := s.Shipped(t.Context(), "a", "log"); err != nil || taken != (store.Taken{Last: 1}) {
		t.Errorf("taken is %+v, %v", taken, err)
	}
}
