package storetest

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// testDays drops days of single shares; rollups stay as they are.
func testDays(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	day := 24 * time.Hour
	shares := make([]store.Share, 0, 4)
	for i := range uint64(4) {
		shares = append(shares, share(i+1, start().Add(time.Duration(i)*day), "u.a"))
	}
	apply(t, w, Chunk("a", "log", 1, 1, shares...))
	sums := must(w.Sums(ctx, store.Filter{}, store.Day, store.Group{Worker: true}))(t)
	list := func(want ...int) {
		t.Helper()
		days := must(w.Days(ctx))(t)
		got, wanted := make([]time.Time, 0, len(days)), make([]time.Time, 0, len(want))
		for _, d := range days {
			got = append(got, d.Day)
			if d.Bytes <= 0 {
				t.Errorf("%s takes %d bytes", d.Day, d.Bytes)
			}
		}
		for _, n := range want {
			wanted = append(wanted, store.Day.Floor(start()).AddDate(0, 0, n))
		}
		same(t, "days", got, wanted)
	}
	list(0, 1, 2, 3)
	for range 2 {
		if err := w.DropDay(ctx, store.Day.Floor(start())); err != nil {
			t.Fatal(err)
		}
	}
	list(1, 2, 3)
	same(t, "shares", sharesOf(t, w, store.Filter{}), shares[1:])
	// News of what was dropped is dropped; a share that comes late is kept.
	apply(t, w, Chunk("a", "log", 2, 2, news(shares[0], mining.Accepted)))
	list(1, 2, 3)
	same(t, "sums by us", must(w.Sums(ctx, store.Filter{}, store.Day, store.Group{Worker: true}))(t)[0], sums[0])
	late := share(9, start(), "u.a")
	apply(t, w, Chunk("a", "log", 3, 3, late))
	list(0, 1, 2, 3)
	same(t, "shares", len(sharesOf(t, w, store.Filter{})), 4)
}

// testMinutes drops rollups of minutes; those of hours and days stay.
func testMinutes(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	shares := make([]store.Share, 0, 10)
	for i := range uint64(10) {
		shares = append(shares, share(i+1, start().Add(time.Duration(i)*time.Minute), []string{"u.a", "u.b"}[i%2]))
	}
	apply(t, w, Chunk("a", "log", 1, 1, shares...))
	before := store.Minute.Floor(start().Add(4 * time.Minute))
	hours := must(w.Series(ctx, store.Filter{}, store.Hour))(t)
	if err := w.DropMinutes(ctx, before); err != nil {
		t.Fatal(err)
	}
	for _, f := range []store.Filter{{}, {Worker: "u.a"}} {
		points := must(w.Series(ctx, f, store.Minute))(t)
		if len(points) == 0 || !points[0].At.Equal(before) {
			t.Errorf("minutes that are left: %+v", points)
		}
	}
	same(t, "rollups", len(rollupsOf(t, w, store.Filter{}, store.Minute)), 6)
	same(t, "hours", must(w.Series(ctx, store.Filter{}, store.Hour))(t), hours)
}
