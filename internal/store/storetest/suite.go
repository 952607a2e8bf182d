package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/store"
)

// suite is one test of a warehouse.
type suite struct {
	*testing.T

	w store.Warehouse
}

// start is when made-up shares begin: shortly before a day ends.
func start() time.Time { return time.Date(2026, 3, 1, 23, 58, 30, 0, time.UTC) }

// Run runs the tests of a warehouse. Each call of open is a warehouse with nothing
// in it, which is closed by whoever opened it.
func Run(t *testing.T, open func(t *testing.T) store.Warehouse) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"Watermark", testWatermark},
		{"Cancelled", testCancelled},
		{"Shares", testShares},
		{"News", testNews},
		{"ManyShares", testManyShares},
		{"Odd", testOdd},
		{"Large", testLarge},
		{"Instances", testInstances},
		{"Workers", testWorkers},
		{"Blocks", testBlocks},
		{"Empty", testEmpty},
		{"Sums", testSums},
		{"Earnings", testEarnings},
		{"Distributions", testDistributions},
		{"Days", testDays},
		{"Minutes", testMinutes},
		{"Acts", testActs},
		{"Bans", testBans},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&suite{t, open(t)}) })
	}
}

// apply takes a chunk, which must work.
func apply(tb testing.TB, w store.Shipper, c *store.Chunk) {
	tb.Helper()
	if err := w.Apply(tb.Context(), c); err != nil {
		tb.Fatalf("Apply of %d to %d: %v", c.First, c.Last, err)
	}
}

// same compares.
func same(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must returns what there is, without an error.
func must[T any](v T, err error) func(t testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// sharesOf reads all single shares of a filter.
func sharesOf(tb testing.TB, w store.History, f store.Filter) []store.Share {
	tb.Helper()
	var all []store.Share
	err := w.Shares(tb.Context(), f, func(s *store.Share) error {
		all = append(all, *s)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// rollupsOf reads all rollups of a filter.
func rollupsOf(tb testing.TB, w store.History, f store.Filter, step store.Step) []store.Rollup {
	tb.Helper()
	var all []store.Rollup
	err := w.Rollups(tb.Context(), f, step, func(r *store.Rollup) error {
		all = append(all, *r)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// testEmpty asks a warehouse with nothing in it.
func testEmpty(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	for _, f := range []store.Filter{{}, {Instance: "a", Worker: "b.c", User: "b", Pool: "p", Route: "r", From: start(), To: start().Add(time.Hour)}} {
		for _, step := range store.Steps() {
			same(t, "series", len(must(w.Series(ctx, f, step))(t)), 0)
			same(t, "sums", len(must(w.Sums(ctx, f, step, store.Group{Worker: true, Pool: true}))(t)), 0)
			same(t, "rollups", len(rollupsOf(t, w, f, step)), 0)
		}
		same(t, "shares", len(sharesOf(t, w, f)), 0)
		same(t, "blocks", len(must(w.Blocks(ctx, f, 10))(t)), 0)
		same(t, "workers", len(must(w.Workers(ctx, f))(t)), 0)
		same(t, "earnings", len(must(w.Earnings(ctx, f))(t)), 0)
	}
	same(t, "distributions", len(must(w.Distributions(ctx, 1))(t)), 0)
	same(t, "days", len(must(w.Days(ctx))(t)), 0)
	same(t, "acts", len(must(w.Acts(ctx, "", 10))(t)), 0)
	if err := w.DropDay(ctx, start()); err != nil {
		t.Error(err)
	}
	if err := w.DropMinutes(ctx, start()); err != nil {
		t.Error(err)
	}
	if bytes := must(w.Bytes(ctx))(t); bytes <= 0 {
		t.Errorf("%d bytes", bytes)
	}
}

// testActs keeps what administrators did.
func testActs(of *suite) {
	t, w := of.T, of.w
	ctx := context.Background()
	var want []store.Act
	for i := range 3 {
		a := store.Act{At: start().Add(time.Duration(i) * time.Second), Who: "ops", What: "drain", Detail: fmt.Sprint("pool", i)}
		want = append([]store.Act{a}, want...)
		if err := w.Audit(ctx, "one", a); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Audit(ctx, "two", store.Act{At: start(), Who: "x", What: "y"}); err != nil {
		t.Fatal(err)
	}
	same(t, "acts", must(w.Acts(ctx, "one", 10))(t), want)
	same(t, "the latest", must(w.Acts(ctx, "one", 1))(t), want[:1])
	same(t, "of all", len(must(w.Acts(ctx, "", 10))(t)), 4)
}
