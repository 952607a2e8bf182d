package storetest

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// testInstances has two instances with the same names.
func testInstances(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	for i, instance := range []string{"b", "a", "b", "a"} {
		n := uint64(i/2 + 1)
		apply(t, w, Chunk(instance, "log", n, n, share(n, start(), "u.w"), share(10+n, start(), "u.v")))
	}
	sum := func(f store.Filter, by store.Group) []uint64 {
		t.Helper()
		sums := must(w.Sums(ctx, f, store.Hour, by))(t)
		shares := make([]uint64, 0, len(sums))
		for _, s := range sums {
			shares = append(shares, s.Shares)
		}
		return shares
	}
	for _, f := range []store.Filter{{}, {Pool: "first"}, {User: "u"}} {
		same(t, "of both", sum(f, store.Group{}), []uint64{8})
		same(t, "of both by worker", sum(f, store.Group{Worker: true}), []uint64{4, 4})
		same(t, "of both by user and pool", sum(f, store.Group{User: true, Pool: true}), []uint64{8})
		f.Instance = "a"
		same(t, "of one", sum(f, store.Group{}), []uint64{4})
		same(t, "of one by worker", sum(f, store.Group{Worker: true}), []uint64{2, 2})
	}
	points := must(w.Series(ctx, store.Filter{Worker: "u.w"}, store.Minute))(t)
	if len(points) != 1 || points[0].Shares != 4 || points[0].Side != store.Ours || points[0].Verdict != mining.Accepted || !points[0].At.Equal(store.Minute.Floor(start())) {
		t.Errorf("a series of both: %+v", points)
	}
	rollups := rollupsOf(t, w, store.Filter{}, store.Minute)
	if len(rollups) != 4 || rollups[0].Worker != "u.v" || rollups[1].Worker != "u.v" || rollups[3].Worker != "u.w" {
		t.Errorf("rollups of both: %+v", rollups)
	}
	same(t, "workers of both", len(must(w.Workers(ctx, store.Filter{}))(t)), 4)
	same(t, "workers of one", len(must(w.Workers(ctx, store.Filter{Instance: "a"}))(t)), 2)
}

// testWorkers has workers that come, go on and come another way.
func testWorkers(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	day := 24 * time.Hour
	a, b := share(5, start(), "u.a"), share(6, start(), "v.b")
	apply(t, w, Chunk("x", "log", 1, 1, a, b))
	later := share(2, start().Add(day), "u.a")
	later.Route, later.Pool, later.Reached = "other", "second", 10
	apply(t, w, Chunk("x", "log", 2, 2, later))
	// Late: it was before all others, and its hash was the best.
	late := share(1, start().Add(-day), "u.a")
	late.Route, late.Reached = "late", 1e9
	apply(t, w, Chunk("x", "log", 3, 3, late))
	wantA := store.Worker{Login: "u.a", Route: "other", First: late.At, Last: later.At, Best: 1e9}
	wantB := store.Worker{Login: "v.b", Route: "main", First: b.At, Last: b.At, Best: b.Reached}
	for _, c := range []struct {
		name string
		f    store.Filter
		want []store.Worker
	}{
		{"all", store.Filter{}, []store.Worker{wantA, wantB}},
		{"worker", store.Filter{Worker: "v.b"}, []store.Worker{wantB}},
		{"user", store.Filter{User: "u"}, []store.Worker{wantA}},
		{"pool", store.Filter{Pool: "second"}, []store.Worker{wantA}},
		{"route", store.Filter{Route: "main"}, []store.Worker{wantB}},
		{"from", store.Filter{From: later.At}, []store.Worker{wantA}},
		{"to", store.Filter{To: b.At}, []store.Worker{wantA}},
	} {
		same(t, c.name, must(w.Workers(ctx, c.f))(t), c.want)
	}
	// One of whom nothing is known but a block.
	apply(t, w, &store.Chunk{Instance: "x", Log: "log", First: 4, Last: 4, Blocks: []store.Block{{Hash: "00", At: start(), Worker: "z"}}})
	same(t, "without a share", must(w.Workers(ctx, store.Filter{Worker: "z"}))(t), []store.Worker{{Login: "z"}})
}

// testBlocks has blocks and the pool's word on them.
func testBlocks(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	block := func(hash string, at time.Time, worker string) store.Block {
		return store.Block{
			Hash: hash, At: at, Height: 900_000, Worker: worker, Pool: "first", Route: "main",
			Difficulty: 2e14, Network: 1.5e14, Reward: 312_500_000,
		}
	}
	a, b, c := block("0a", start(), "u.a"), block("0b", start().Add(time.Second), "v.b"), block("0c", start().Add(time.Hour), "u.a")
	told := a
	told.Verdict = mining.Accepted
	apply(t, w, &store.Chunk{Instance: "x", Log: "log", First: 1, Last: 1, Blocks: []store.Block{a, b, told}})
	refused := b
	refused.Verdict = mining.Stale
	apply(t, w, &store.Chunk{Instance: "x", Log: "log", First: 2, Last: 2, Blocks: []store.Block{c, refused, a}})
	apply(t, w, &store.Chunk{Instance: "y", Log: "log", First: 1, Last: 1, Blocks: []store.Block{c}})
	same(t, "blocks", must(w.Blocks(ctx, store.Filter{Instance: "x"}, 10))(t), []store.Block{c, refused, told})
	same(t, "the latest", must(w.Blocks(ctx, store.Filter{Instance: "x"}, 1))(t), []store.Block{c})
	same(t, "of both", len(must(w.Blocks(ctx, store.Filter{}, 10))(t)), 4)
	same(t, "of a worker", must(w.Blocks(ctx, store.Filter{Worker: "v.b"}, 10))(t), []store.Block{refused})
	same(t, "of a user", len(must(w.Blocks(ctx, store.Filter{User: "u", Instance: "x"}, 10))(t)), 2)
	same(t, "of a time", must(w.Blocks(ctx, store.Filter{From: b.At, To: c.At}, 10))(t), []store.Block{refused})
	same(t, "of another pool", len(must(w.Blocks(ctx, store.Filter{Pool: "second"}, 10))(t)), 0)
}
