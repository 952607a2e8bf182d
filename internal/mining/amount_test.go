package mining_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func exact(a mining.Amount) *big.Int {
	n := new(big.Int).Mul(big.NewInt(a.Sat), big.NewInt(1_000_000_000_000))
	return n.Add(n, big.NewInt(a.Pico))
}

func amounts() *rapid.Generator[mining.Amount] {
	return rapid.Custom(func(t *rapid.T) mining.Amount {
		return mining.Amount{
			Sat:  rapid.Int64Range(0, math.MaxInt64/4).Draw(t, "sat"),
			Pico: rapid.Int64Range(0, 999_999_999_999).Draw(t, "pico"),
		}
	})
}

func TestAmountsAddExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		sum := a.Add(b)
		if exact(sum).Cmp(new(big.Int).Add(exact(a), exact(b))) != 0 {
			t.Fatalf("%v + %v = %v", a, b, sum)
		}
		if back := sum.Sub(b); back != a {
			t.Fatalf("%v - %v = %v", sum, b, back)
		}
		if a.Cmp(b) != exact(a).Cmp(exact(b)) {
			t.Fatalf("%v compared with %v is %d", a, b, a.Cmp(b))
		}
		if again, err := mining.ParseAmount(sum.String()); err != nil || again != sum {
			t.Fatalf("%v reads as %v, %v", sum, again, err)
		}
	})
}

func TestAmountsStopAtTheLargest(t *testing.T) {
	a := mining.Amount{Sat: math.MaxInt64 - 1, Pico: 1}
	if got := a.Add(a); got != mining.MaxAmount {
		t.Errorf("an overflow is %v", got)
	}
	if got := a.Sub(mining.MaxAmount); !got.Zero() {
		t.Errorf("less than nothing is %v", got)
	}
	if got := mining.AmountOf(1e300); got != mining.MaxAmount {
		t.Errorf("1e300 is %v", got)
	}
}

func TestAmountOfRoundsToAPico(t *testing.T) {
	for _, c := range []struct {
		satoshi float64
		want    string
	}{
		{0, "0"},
		{-1, "0"},
		{math.NaN(), "0"},
		{math.Inf(-1), "0"},
		{1, "1"},
		{0.5, "0.5"},
		{1.25e-12, "0.000000000001"},
		{0.9999999999999, "1"},
		{312500000, "312500000"},
	} {
		if got := mining.AmountOf(c.satoshi).String(); got != c.want {
			t.Errorf("%v satoshi is %s, want %s", c.satoshi, got, c.want)
		}
	}
}

func TestWorth(t *testing.T) {
	for _, c := range []struct {
		share, network work.Difficulty
		reward         int64
		want           string
	}{
		{1, 4, 1000, "250"},
		{8, 4, 1000, "1000"}, // no share finds two blocks
		{1, 0, 1000, "0"},
		{0, 4, 1000, "0"},
		{1, 4, 0, "0"},
		{1, 4, -5, "0"},
		{65536, 146472570619930, 312500000, "0.139821400781"},
	} {
		got := mining.Worth(c.share, c.network, c.reward)
		want, _ := mining.ParseAmount(c.want)
		if d := got.Float() - want.Float(); math.Abs(d) > 1e-8 {
			t.Errorf("a share of %v at %v for %d is worth %s, want %s", c.share, c.network, c.reward, got, c.want)
		}
	}
}

func TestNoAmounts(t *testing.T) {
	for _, text := range []string{"", ".", "1.", ".5", "-1", "+1", "1e3", "1.0000000000001", "9223372036854775808", " 1", "1_0"} {
		if a, err := mining.ParseAmount(text); err == nil {
			t.Errorf("%q reads as %v", text, a)
		}
	}
	if a, err := mining.ParseAmount("3.50"); err != nil || a != (mining.Amount{Sat: 3, Pico: 500_000_000_000}) {
		t.Errorf("3.50 reads as %v, %v", a, err)
	}
}
