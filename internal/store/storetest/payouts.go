package storetest

import (
	"errors"
	"time"

	"github.com/loka/stratum/internal/store"
)

// earn is a made-up earning.
func earn(reference string, from time.Time) store.Earning {
	return store.Earning{
		Instance: "a", Pool: "first", Reference: reference, From: from, To: from.Add(24 * time.Hour),
		Satoshi: 1_234_567, At: from.Add(30 * time.Hour),
	}
}

// testEarnings enters earnings, some twice.
func testEarnings(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	day := 24 * time.Hour
	first := must(w.Earn(ctx, earn("one", start())))(t)
	if first.ID == 0 {
		t.Error("an earning without a number")
	}
	again := earn("one", start())
	again.At = start().Add(99 * day)
	same(t, "the same again", must(w.Earn(ctx, again))(t), first)
	for name, change := range map[string]func(*store.Earning){
		"amount":   func(e *store.Earning) { e.Satoshi++ },
		"from":     func(e *store.Earning) { e.From = e.From.Add(time.Microsecond) },
		"to":       func(e *store.Earning) { e.To = e.To.Add(time.Microsecond) },
		"computed": func(e *store.Earning) { e.Computed = true },
	} {
		e := earn("one", start())
		change(&e)
		if _, err := w.Earn(ctx, e); !errors.Is(err, store.ErrOther) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	computed := earn("two", start().Add(day))
	computed.Computed = true
	second := must(w.Earn(ctx, computed))(t)
	other := earn("one", start())
	other.Pool = "second"
	third := must(w.Earn(ctx, other))(t)
	elsewhere := earn("one", start())
	elsewhere.Instance = "b"
	fourth := must(w.Earn(ctx, elsewhere))(t)
	computed.ID = second.ID
	same(t, "as it was entered", second, computed)
	same(t, "of an instance", must(w.Earnings(ctx, store.Filter{Instance: "a"}))(t), []store.Earning{second, third, first})
	same(t, "of all", must(w.Earnings(ctx, store.Filter{}))(t), []store.Earning{second, fourth, third, first})
	same(t, "of a pool", must(w.Earnings(ctx, store.Filter{Pool: "second"}))(t), []store.Earning{third})
	same(t, "of a time", must(w.Earnings(ctx, store.Filter{From: start().Add(day)}))(t), []store.Earning{second})
	same(t, "before", len(must(w.Earnings(ctx, store.Filter{To: start().Add(day)}))(t)), 3)
}

// testDistributions divides earnings, some twice.
func testDistributions(of *suite) {
	t, w := of.T, of.w
	ctx := t.Context()
	e := must(w.Earn(ctx, earn("one", start())))(t)
	d := store.Distribution{Earning: e, By: "worker", At: start().Add(48 * time.Hour), Parts: []store.Part{
		{Name: "u.a", Work: 10.5, Satoshi: 1_000_000}, {Name: "u.b", Work: 2, Satoshi: 234_567}, {Name: "v", Work: 0.1, Satoshi: 0},
	}}
	for name, parts := range map[string][]store.Part{
		"too little":   d.Parts[1:],
		"not sorted":   {d.Parts[1], d.Parts[0]},
		"a name twice": {d.Parts[0], {Name: "u.b", Satoshi: 234_566}, {Name: "u.b", Satoshi: 1}},
	} {
		wrong := d
		wrong.Parts = parts
		if _, err := w.Distribute(ctx, wrong); err == nil {
			t.Errorf("parts that are %s were kept", name)
		}
	}
	same(t, "kept", must(w.Distribute(ctx, d))(t), d)
	again := d
	again.Parts = []store.Part{{Name: "x", Satoshi: e.Satoshi}}
	same(t, "made before", must(w.Distribute(ctx, again))(t), d)
	users := store.Distribution{Earning: e, By: "user", At: d.At, Parts: []store.Part{{Name: "", Satoshi: 0}, {Name: "u", Work: 12.5, Satoshi: e.Satoshi}}}
	same(t, "by another", must(w.Distribute(ctx, users))(t), users)
	same(t, "all", must(w.Distributions(ctx, e.ID))(t), []store.Distribution{users, d})
	missing := d
	missing.Earning.ID += 100
	if _, err := w.Distribute(ctx, missing); err == nil {
		t.Error("an earning that was not entered was distributed")
	}
}
