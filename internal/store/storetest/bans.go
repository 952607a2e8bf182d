package storetest

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/loka/stratum/internal/store"
)

// bansOf are an instance's, sorted.
func bansOf(tb testing.TB, w store.Bans, instance string) []store.Ban {
	tb.Helper()
	all, err := w.Bans(tb.Context(), instance)
	if err != nil {
		tb.Fatal(err)
	}
	slices.SortFunc(all, func(a, b store.Ban) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Prefix.String(), b.Prefix.String()), cmp.Compare(a.Login, b.Login))
	})
	return all
}

// testBans keeps who is banned.
func testBans(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	same(t, "of nobody", len(bansOf(t, w, "one")), 0)
	at := start().Truncate(time.Microsecond)
	all := []store.Ban{
		{BanKey: store.BanKey{Kind: "ban", Prefix: netip.MustParsePrefix("10.0.0.0/8")}, Cause: "operator", By: "ops", Comment: "odd; \"'", Since: at, Times: 1},
		{BanKey: store.BanKey{Kind: "ban", Prefix: netip.MustParsePrefix("2001:db8::/64"), Login: "a.b"}, Cause: "threat", Since: at, Until: at.Add(time.Hour), Times: 3},
		{BanKey: store.BanKey{Kind: "ban", Login: "a.*"}, Cause: "operator", Since: at, Until: at.Add(time.Minute), Times: 1},
		{BanKey: store.BanKey{Kind: "pause", Login: "a.*"}, Cause: "operator", Since: at, Times: 1},
	}
	keep := func(put []store.Ban, forget ...store.BanKey) {
		t.Helper()
		if err := w.KeepBans(ctx, "one", put, forget); err != nil {
			t.Fatal(err)
		}
	}
	keep(all)
	want := slices.Clone(all)
	slices.SortFunc(want, func(a, b store.Ban) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Prefix.String(), b.Prefix.String()), cmp.Compare(a.Login, b.Login))
	})
	same(t, "all", bansOf(t, w, "one"), want)
	same(t, "of another instance", len(bansOf(t, w, "two")), 0)

	// What is put again replaces; what is forgotten need not be there.
	want[0].Until, want[0].Times, want[0].Comment = at.Add(48*time.Hour), 2, "again"
	keep(want[:1], want[3].BanKey, store.BanKey{Kind: "ban", Login: "nobody"})
	same(t, "changed", bansOf(t, w, "one"), want[:3])

	// All or nothing: one that names nobody is refused.
	if err := w.KeepBans(ctx, "one", []store.Ban{{BanKey: store.BanKey{Kind: "ban", Login: "new"}, Since: at}, {BanKey: store.BanKey{Kind: "ban"}, Since: at}}, nil); err == nil {
		t.Error("a ban of everybody was kept")
	}
	same(t, "after a refusal", bansOf(t, w, "one"), want[:3])

	// A login may be of any bytes.
	if err := w.KeepBans(ctx, "two", []store.Ban{{BanKey: store.BanKey{Kind: "ban", Login: "\xff\x00"}, Since: at, Times: 1}}, nil); err != nil {
		t.Error(err)
	}
	same(t, "of the other instance", len(bansOf(t, w, "two")), 1)
}
