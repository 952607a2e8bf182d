package storetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// share is a made-up share that was accepted and not sent.
func share(id uint64, at time.Time, worker string) store.Share {
	return store.Share{
		ID: id, At: at.Add(time.Duration(id&math.MaxInt32) * time.Microsecond), Worker: worker, Pool: "first", Route: "main",
		Verdict: mining.Accepted, Difficulty: 1000.5, Reached: 1000.5 * float64(id+1), Value: mining.Amount{Sat: 3, Pico: 999_999_999_999},
	}
}

// news is a pool's word on a share.
func news(s store.Share, verdict mining.Verdict) store.Share {
	s.Verdict, s.Sent = mining.Pending, true
	s.Reached = 0
	s.PoolVerdict, s.PoolDifficulty, s.PoolValue = verdict, 512, mining.Amount{Sat: 1, Pico: 5}
	return s
}

// testWatermark takes chunks twice and out of order.
func testWatermark(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	shipped := func(instance, log string, want uint64) {
		t.Helper()
		same(t, "shipped of "+instance+" "+log, must(w.Shipped(ctx, instance, log))(t), store.Taken{Last: want})
	}
	shipped("a", "log", 0)
	chunk := func(first, last uint64) *store.Chunk {
		return Chunk("a", "log", first, last, share(last, start(), "u.w"))
	}
	if err := w.Apply(ctx, chunk(2, 2)); !errors.Is(err, store.ErrGap) {
		t.Errorf("a first chunk that begins at 2: %v", err)
	}
	shipped("a", "log", 0)
	apply(t, w, chunk(1, 3))
	apply(t, w, chunk(1, 3))
	apply(t, w, chunk(2, 3))
	shipped("a", "log", 3)
	for _, c := range []*store.Chunk{chunk(5, 6), chunk(3, 4), chunk(1, 4)} {
		if err := w.Apply(ctx, c); !errors.Is(err, store.ErrGap) {
			t.Errorf("chunk %d to %d after 3: %v", c.First, c.Last, err)
		}
	}
	apply(t, w, chunk(4, 4))
	shipped("a", "log", 4)
	shipped("a", "other", 0)
	shipped("b", "log", 0)
	c := chunk(1, 1)
	c.Instance = "b"
	apply(t, w, c)
	c = chunk(1, 9)
	c.Log = "other"
	apply(t, w, c)
	shipped("a", "log", 4)
	shipped("a", "other", 9)
	shipped("b", "log", 1)
	sums := must(w.Sums(ctx, store.Filter{Instance: "a"}, store.Hour, store.Group{}))(t)
	if len(sums) != 1 || sums[0].Shares != 3 {
		t.Errorf("three chunks of one share: %+v", sums)
	}
}

// testCancelled takes a chunk whose caller gives up, and then again.
func testCancelled(of *suite) {
	t, w := of.T, of.w
	cause := errors.New("given up")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := Chunk("a", "log", 1, 1, share(1, start(), "u.w"))
	cancel(cause)
	if err := w.Apply(ctx, c); err == nil {
		t.Fatal("a chunk was taken for one who had gone")
	}
	same(t, "shares", len(sharesOf(t, w, store.Filter{})), 0)
	apply(t, w, c)
	same(t, "shares", sharesOf(t, w, store.Filter{}), c.Shares)
	same(t, "workers", must(w.Workers(t.Context(), store.Filter{}))(t), c.Workers)
}

// testShares reads single shares by all filters, over two days.
func testShares(of *suite) {
	t, w := of.T, of.w
	shares := make([]store.Share, 0, 6)
	for i := range uint64(6) {
		s := share(i+1, start().Add(time.Duration(i)*time.Minute), []string{"u.a", "u.b", "v.a"}[i%3])
		s.Verdict = mining.Verdicts()[i]
		s.Pool, s.Route = []string{"first", "second"}[i%2], []string{"main", "other"}[i/3]
		s.Sent, s.PoolVerdict, s.PoolDifficulty, s.PoolValue = i%2 == 0, mining.Verdicts()[i], 77.25, mining.Amount{Sat: 9, Pico: 1}
		shares = append(shares, s)
	}
	apply(t, w, Chunk("a", "log", 1, 1, shares...))
	same(t, "days", len(must(w.Days(t.Context()))(t)), 2)
	for _, c := range []struct {
		name string
		f    store.Filter
		keep func(s *store.Share) bool
	}{
		{"all", store.Filter{}, func(*store.Share) bool { return true }},
		{"instance", store.Filter{Instance: "a"}, func(*store.Share) bool { return true }},
		{"other instance", store.Filter{Instance: "b"}, func(*store.Share) bool { return false }},
		{"worker", store.Filter{Worker: "u.b"}, func(s *store.Share) bool { return s.Worker == "u.b" }},
		{"user", store.Filter{User: "u"}, func(s *store.Share) bool { return s.Worker[0] == 'u' }},
		{"pool", store.Filter{Pool: "second"}, func(s *store.Share) bool { return s.Pool == "second" }},
		{"route", store.Filter{Route: "main"}, func(s *store.Share) bool { return s.Route == "main" }},
		{"from", store.Filter{From: shares[3].At}, func(s *store.Share) bool { return s.ID >= 4 }},
		{"to", store.Filter{To: shares[3].At}, func(s *store.Share) bool { return s.ID < 4 }},
		{"one", store.Filter{From: shares[2].At, To: shares[3].At, Pool: "first"}, func(s *store.Share) bool { return s.ID == 3 }},
	} {
		var want []store.Share
		for i := range shares {
			if c.keep(&shares[i]) {
				want = append(want, shares[i])
			}
		}
		same(t, c.name, sharesOf(t, w, c.f), want)
	}
	stop := errors.New("enough")
	if err := w.Shares(t.Context(), store.Filter{}, func(*store.Share) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a walk that its caller ends: %v", err)
	}
	if err := w.Rollups(t.Context(), store.Filter{}, store.Minute, func(*store.Rollup) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a walk that its caller ends: %v", err)
	}
}

// testNews has news of shares in the same chunk and in later ones.
func testNews(of *suite) {
	t, w := of.T, of.w
	day := 24 * time.Hour
	a, b, c := share(1, start(), "u.a"), share(2, start(), "u.b"), share(3, start().Add(day), "u.c")
	apply(t, w, Chunk("x", "log", 1, 1, a, b, news(b, mining.Stale), c))
	sent := news(a, mining.Pending)
	sent.PoolDifficulty, sent.PoolValue = 0, mining.Amount{}
	apply(t, w, Chunk("x", "log", 2, 2, sent, news(c, mining.Accepted)))
	// Of another instance, of a share that is not there, and of a day that is not.
	apply(t, w, Chunk("y", "log", 1, 1, news(a, mining.Invalid)))
	apply(t, w, Chunk("x", "log", 3, 3, news(share(99, start(), "u.z"), mining.Invalid), news(share(98, start().Add(-9*day), "u.z"), mining.Invalid)))
	a.Sent = true
	told := func(s store.Share, v mining.Verdict) store.Share {
		n := news(s, v)
		n.Verdict, n.Reached = s.Verdict, s.Reached
		return n
	}
	same(t, "shares", sharesOf(t, w, store.Filter{}), []store.Share{a, told(b, mining.Stale), told(c, mining.Accepted)})
	// Two pieces of news of one share in one chunk, the first without a verdict.
	apply(t, w, Chunk("x", "log", 4, 4, sent, news(a, mining.Accepted)))
	same(t, "shares", sharesOf(t, w, store.Filter{Worker: "u.a"}), []store.Share{told(a, mining.Accepted)})
	same(t, "days", len(must(w.Days(t.Context()))(t)), 2)
}

// testManyShares reads more shares than are read at a time, of several instances.
func testManyShares(of *suite) {
	t, w := of.T, of.w
	want := make([]store.Share, 0, 9000)
	for i, instance := range []string{"a", "b", "c"} {
		shares := make([]store.Share, 0, 3000)
		for id := range uint64(3000) {
			shares = append(shares, share(id*2+uint64(i%2), start().Add(-time.Hour), "u.w"))
		}
		apply(t, w, Chunk(instance, "log", 1, 1, shares...))
		want = append(want, shares...)
	}
	slices.SortStableFunc(want, func(a, b store.Share) int { return int(a.ID) - int(b.ID) }) //nolint:gosec // small numbers
	got := sharesOf(t, w, store.Filter{})
	if len(got) != len(want) || cmp.Diff(want, got) != "" {
		t.Errorf("%d shares of %d, or other ones", len(got), len(want))
	}
}

// testOdd has names and numbers that a database may not like.
func testOdd(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	for i, login := range []string{"", ".", "a", ".a", "a.", "a..b", "a.b.c", "A.b", "ä.ß", "it's", `"`, "日本.語", "%_", "a\x00b.c", "\xff\xfe.x", "a\x00b.c\x00"} {
		s := share(uint64(i), start(), login)
		s.Difficulty, s.Reached = math.Inf(1), math.NaN()
		if i%2 == 0 {
			s.Difficulty, s.Reached = 5e-324, math.MaxFloat64
		}
		apply(t, w, Chunk("a", "log", uint64(i+1), uint64(i+1), s))
	}
	if got := must(w.Workers(ctx, store.Filter{}))(t); len(got) != 16 {
		t.Errorf("%d workers of 16: %+v", len(got), got)
	}
	for _, login := range []string{"a", ".a", "it's", "a\x00b.c", "\xff\xfe.x", "日本.語"} {
		same(t, "sums of "+login, len(must(w.Sums(ctx, store.Filter{Worker: login}, store.Minute, store.Group{Worker: true}))(t)), 1)
	}
	same(t, "sums of user ä", len(must(w.Sums(ctx, store.Filter{User: "ä"}, store.Minute, store.Group{User: true}))(t)), 1)
	if got := must(w.Sums(ctx, store.Filter{}, store.Day, store.Group{}))(t); len(got) != 1 || got[0].Shares != 16 {
		t.Errorf("%+v", got)
	}
}

// testLarge has amounts whose sums do not fit, and many whose parts do not.
func testLarge(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	almost := share(1, start(), "u.almost")
	almost.Value = mining.Amount{Sat: 1, Pico: 999_999_999_999}
	many := make([]store.Share, 0, 200)
	var want mining.Amount
	for i := range uint64(200) {
		almost.ID = i
		many = append(many, almost)
		want = want.Add(almost.Value)
	}
	apply(t, w, Chunk("a", "log", 1, 1, many...))
	for n := range uint64(3) {
		most := share(1000+n, start(), "u.most")
		most.Value = mining.MaxAmount
		apply(t, w, Chunk("a", "log", n+2, n+2, most))
	}
	for _, step := range store.Steps() {
		sums := must(w.Sums(ctx, store.Filter{Worker: "u.almost"}, step, store.Group{}))(t)
		if len(sums) != 1 || sums[0].Value != want {
			t.Errorf("by the %s: %+v, want %s", step, sums, want)
		}
		sums = must(w.Sums(ctx, store.Filter{}, step, store.Group{}))(t)
		if len(sums) != 1 || sums[0].Value.Sat != math.MaxInt64 {
			t.Errorf("by the %s: %+v, want the largest amount", step, sums)
		}
		for _, r := range rollupsOf(t, w, store.Filter{Worker: "u.most"}, step) {
			if r.Value.Sat != math.MaxInt64 {
				t.Errorf("by the %s: %+v, want the largest amount", step, r)
			}
		}
	}
}
