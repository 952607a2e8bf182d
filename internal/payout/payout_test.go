package payout_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/payout"
)

func TestDivide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		satoshi int64
		work    map[string]float64
		want    map[string]int64
	}{
		"all to one":                  {7, map[string]float64{"a": 0.001}, map[string]int64{"a": 7}},
		"even":                        {10, map[string]float64{"a": 1, "b": 1}, map[string]int64{"a": 5, "b": 5}},
		"one is left, by name":        {10, map[string]float64{"c": 1, "b": 1, "a": 1}, map[string]int64{"a": 4, "b": 3, "c": 3}},
		"names are bytes":             {1, map[string]float64{"a": 1, "B": 1, "é": 1}, map[string]int64{"B": 1, "a": 0, "é": 0}},
		"the largest remainder":       {10, map[string]float64{"a": 1, "b": 2, "c": 4}, map[string]int64{"a": 1, "b": 3, "c": 6}},
		"who did nothing gets none":   {3, map[string]float64{"a": 0, "b": 2, "c": 2}, map[string]int64{"a": 0, "b": 2, "c": 1}},
		"nothing to divide":           {0, map[string]float64{"a": 1, "b": 2}, map[string]int64{"a": 0, "b": 0}},
		"as far apart as can be":      {5, map[string]float64{"a": math.MaxFloat64, "b": math.SmallestNonzeroFloat64}, map[string]int64{"a": 5, "b": 0}},
		"as small as can be":          {5, map[string]float64{"a": math.SmallestNonzeroFloat64, "b": math.SmallestNonzeroFloat64}, map[string]int64{"a": 3, "b": 2}},
		"as much as can be":           {math.MaxInt64, map[string]float64{"a": math.MaxFloat64, "b": math.MaxFloat64}, map[string]int64{"a": 1 << 62, "b": 1<<62 - 1}},
		"beyond what a float64 knows": {1<<53 + 1, map[string]float64{"a": 1, "b": 1}, map[string]int64{"a": 1<<52 + 1, "b": 1 << 52}},
	} {
		parts, err := payout.Divide(c.satoshi, shares(c.work))
		got := map[string]int64{}
		for _, p := range parts {
			got[p.Name] = p.Satoshi
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got:\n%s", name, err, diff)
		}
	}
}

func TestDivideRefuses(t *testing.T) {
	t.Parallel()
	for _, work := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1), -math.SmallestNonzeroFloat64} {
		_, err := payout.Divide(5, []payout.Share{{Name: "a", Work: 1}, {Name: "b", Work: work}})
		if bad, ok := errors.AsType[*payout.WorkError](err); !ok || bad.Name != "b" || !strings.Contains(err.Error(), `"b" cannot have done work of`) {
			t.Errorf("work of %v: %v", work, err)
		}
	}
	for name, shares := range map[string][]payout.Share{"nobody": nil, "nobody who worked": {{Name: "a"}, {Name: "b"}}} {
		if _, err := payout.Divide(5, shares); !errors.Is(err, payout.ErrNoWork) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := payout.Divide(-1, []payout.Share{{Name: "a", Work: 1}}); !errors.Is(err, payout.ErrAmount) {
		t.Errorf("less than nothing: %v", err)
	}
}

// A name that comes twice is one, and what was given is left as it was.
func TestDivideOfOneName(t *testing.T) {
	t.Parallel()
	given := []payout.Share{{Name: "b", Work: 1}, {Name: "a", Work: 1}, {Name: "b", Work: 2}}
	before := slices.Clone(given)
	parts, err := payout.Divide(8, given)
	want := []payout.Part{{Share: payout.Share{Name: "a", Work: 1}, Satoshi: 2}, {Share: payout.Share{Name: "b", Work: 3}, Satoshi: 6}}
	if diff := cmp.Diff(want, parts); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if diff := cmp.Diff(before, given); diff != "" {
		t.Errorf("what was given has changed:\n%s", diff)
	}
}

func shares(work map[string]float64) []payout.Share {
	all := make([]payout.Share, 0, len(work))
	for name, w := range work {
		all = append(all, payout.Share{Name: name, Work: w})
	}
	return all
}

// crowd draws who did what; some of it is equal, some as uneven as can be.
func crowd(t *rapid.T) []payout.Share {
	work := rapid.OneOf(
		rapid.Float64Range(0, math.MaxFloat64),
		rapid.Float64Range(0, 1e6),
		rapid.Map(rapid.IntRange(0, 5), func(n int) float64 { return float64(n) }),
	)
	all := shares(rapid.MapOfN(rapid.StringN(0, 3, -1), work, 1, 40).Draw(t, "work"))
	slices.SortFunc(all, func(a, b payout.Share) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// The sum is the amount, each part is within a satoshi of the exact one, who did
// more gets no less, and nothing of it depends on the order.
func TestDivideHoldsItsRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := crowd(t)
		satoshi := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "satoshi")
		parts, err := payout.Divide(satoshi, all)
		total := new(big.Rat)
		for _, s := range all {
			total.Add(total, new(big.Rat).SetFloat64(s.Work))
		}
		if total.Sign() == 0 {
			if !errors.Is(err, payout.ErrNoWork) {
				t.Fatalf("no work: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := new(big.Int)
		for _, p := range parts {
			sum.Add(sum, big.NewInt(p.Satoshi))
			exact := new(big.Rat).SetFloat64(p.Work)
			exact.Quo(exact.Mul(exact, new(big.Rat).SetInt64(satoshi)), total)
			off := exact.Sub(exact, new(big.Rat).SetInt64(p.Satoshi))
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Errorf("%q: %d is off by %s", p.Name, p.Satoshi, off.FloatString(3))
			}
		}
		if sum.Cmp(big.NewInt(satoshi)) != 0 {
			t.Errorf("the sum of %d is %s", satoshi, sum)
		}
		for _, a := range parts {
			for _, b := range parts {
				if a.Work > b.Work && a.Satoshi < b.Satoshi || a.Work == b.Work && a.Name < b.Name && a.Satoshi < b.Satoshi {
					t.Errorf("%+v gets less than %+v", a, b)
				}
			}
		}
		mixed, err := payout.Divide(satoshi, rapid.Permutation(all).Draw(t, "order"))
		if diff := cmp.Diff(parts, mixed); err != nil || diff != "" {
			t.Errorf("another order: %v\n%s", err, diff)
		}
	})
}

// Work that is twice as much for all divides the same.
func TestDivideIsByProportion(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := shares(rapid.MapOfN(rapid.StringN(0, 3, -1), rapid.Float64Range(1e-9, 1e9), 1, 20).Draw(t, "work"))
		satoshi := rapid.Int64Range(0, math.MaxInt64).Draw(t, "satoshi")
		once, err := payout.Divide(satoshi, all)
		for i := range all {
			all[i].Work *= 2
		}
		twice, err2 := payout.Divide(satoshi, all)
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for i := range once {
			if once[i].Satoshi != twice[i].Satoshi {
				t.Errorf("%q: %d and %d", once[i].Name, once[i].Satoshi, twice[i].Satoshi)
			}
		}
	})
}
