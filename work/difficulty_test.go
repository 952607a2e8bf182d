package work_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

func bigDiff1() *big.Int { return new(big.Int).Lsh(big.NewInt(0xffff), 208) }

func bigOf(t work.Target) *big.Int {
	n, ok := new(big.Int).SetString(t.String(), 16)
	if !ok {
		panic("target prints no number")
	}
	return n
}

const maxTarget = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

// clamp is the highest difficulty whose exact target does not fit 256 bits.
const clamp = 65535.0 / (1 << 48)

func TestDifficultyTarget(t *testing.T) {
	for _, c := range []struct {
		difficulty, target string
	}{
		{"1", "00000000ffff0000000000000000000000000000000000000000000000000000"},
		{"512", "00000000007fff80000000000000000000000000000000000000000000000000"},
		{"1000", "00000000004188f5c28f5c28f5c28f5c28f5c28f5c28f5c28f5c28f5c28f5c28"},
		{"8192", "000000000007fff8000000000000000000000000000000000000000000000000"},
		{"16384", "000000000003fffc000000000000000000000000000000000000000000000000"},
		{"65536", "000000000000ffff000000000000000000000000000000000000000000000000"},
		{"65536.0", "000000000000ffff000000000000000000000000000000000000000000000000"},
		{"500000", "000000000000218dcdb37c99ae924f227d028a1dfb9389b52007dd441355475a"},
		{"1000000", "00000000000010c6e6d9be4cd74927913e81450efdc9c4da9003eea209aaa3ad"},
		{"1e6", "00000000000010c6e6d9be4cd74927913e81450efdc9c4da9003eea209aaa3ad"},
		{"1099511627776", "000000000000000000ffff000000000000000000000000000000000000000000"},
		{"4503599627370496", fmt.Sprintf("%064x", new(big.Int).Rsh(bigDiff1(), 52))},
		{"0.001", "000003e7fc180000000000000000000000000000000000000000000000000000"},
		{"1e-3", "000003e7fc180000000000000000000000000000000000000000000000000000"},
		{"0.00015", "00001a0a90a00000000000000000000000000000000000000000000000000000"},
		{"2.33e-10", fmt.Sprintf("%064x", exactTarget("2.33e-10"))},
		{"2.3e-10", maxTarget},
		{"1e-300", maxTarget},
		{"1152921504606846976", fmt.Sprintf("%064x", new(big.Int).Rsh(bigDiff1(), 60))},
		{"1e67", "0000000000000000000000000000000000000000000000000000000000000002"},
		{"1e68", "0000000000000000000000000000000000000000000000000000000000000000"},
		{"1.7976931348623157e308", "0000000000000000000000000000000000000000000000000000000000000000"},
	} {
		d := must[work.Difficulty](t)(work.ParseDifficulty([]byte(c.difficulty)))
		equal(t, c.difficulty, d.Target().String(), c.target)
	}
}

// exactTarget is floor(0xffff·2^208 / decimal), at most 2^256-1.
func exactTarget(decimal string) *big.Int {
	r, ok := new(big.Rat).SetString(decimal)
	if !ok {
		panic("not a number: " + decimal)
	}
	r.Quo(new(big.Rat).SetInt(bigDiff1()), r)
	q := new(big.Int).Quo(r.Num(), r.Denom())
	if limit := new(big.Int).Lsh(big.NewInt(1), 256); q.Cmp(limit) >= 0 {
		return limit.Sub(limit, big.NewInt(1))
	}
	return q
}

func TestDifficultyTargetPowersOfTwo(t *testing.T) {
	for k := range uint(63) {
		d := work.Difficulty(uint64(1) << k)
		equal(t, d.String(), bigOf(d.Target()).Text(16), new(big.Int).Rsh(bigDiff1(), k).Text(16))
		equal(t, d.String()+" back", d.Target().Difficulty(), d)
	}
}

func TestDifficultyTargetPowersOfTen(t *testing.T) {
	for e := -9; e <= 67; e++ {
		text := fmt.Sprintf("1e%d", e)
		d := must[work.Difficulty](t)(work.ParseDifficulty([]byte(text)))
		equal(t, text, bigOf(d.Target()).Text(16), exactTarget(text).Text(16))
	}
}

func TestDifficultyTargetClamp(t *testing.T) {
	for _, d := range []float64{clamp, math.Nextafter(clamp, 0), 1e-10, 1e-100, math.SmallestNonzeroFloat64, 0, -1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		equal(t, fmt.Sprint(d), work.Difficulty(d).Target().String(), maxTarget)
	}
	above := work.Difficulty(math.Nextafter(clamp, 1)).Target()
	if above.String() == maxTarget || !strings.HasPrefix(above.String(), "ffffffffffff") {
		t.Errorf("just above the clamp: %s", above)
	}
}

// anyDifficulty draws over the whole range, and often near what is in use.
func anyDifficulty() *rapid.Generator[work.Difficulty] {
	return rapid.Custom(func(t *rapid.T) work.Difficulty {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return work.Difficulty(rapid.Float64Range(math.SmallestNonzeroFloat64, math.MaxFloat64).Draw(t, "any"))
		case 1:
			return work.Difficulty(rapid.Uint64Range(1, 1<<53).Draw(t, "integer"))
		case 2:
			return work.Difficulty(rapid.Float64Range(1e-11, 10).Draw(t, "small"))
		}
		exp := rapid.IntRange(-12, 70).Draw(t, "exp")
		return work.Difficulty(rapid.Float64Range(1, 10).Draw(t, "mantissa") * math.Pow10(exp))
	})
}

func TestDifficultyTargetIsTheRationalsFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDifficulty().Draw(t, "d")
		if got, want := bigOf(d.Target()), exactTarget(d.String()); got.Cmp(want) != 0 {
			t.Fatalf("%s: got %x, want %x", d, got, want)
		}
	})
}

func TestDifficultyTargetIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDifficulty().Draw(t, "a"), anyDifficulty().Draw(t, "b")
		if rapid.Bool().Draw(t, "neighbours") {
			b = work.Difficulty(math.Nextafter(float64(a), math.MaxFloat64))
		}
		if a > b {
			a, b = b, a
		}
		if a.Target().Cmp(b.Target()) < 0 {
			t.Fatalf("%v is easier than %v", b, a)
		}
	})
}

func TestDifficultyPrintsWhatItReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDifficulty().Draw(t, "d")
		text := d.AppendJSON(nil)
		if got, err := work.ParseDifficulty(text); err != nil || got != d {
			t.Fatalf("%s reads as %v, %v", text, got, err)
		}
		if strings.ContainsAny(string(text), "eE+-") || strings.HasSuffix(string(text), ".0") {
			t.Fatalf("%s is a form that firmware does not read", text)
		}
	})
}

func TestDifficultyAppendJSON(t *testing.T) {
	for _, c := range []struct {
		d    work.Difficulty
		want string
	}{
		{1, "1"},
		{65536, "65536"},
		{1e6, "1000000"},
		{4503599627370496, "4503599627370496"},
		{1 << 62, "4611686018427387904"},
		{1 << 63, "9223372036854776000"},
		{1e22, "10000000000000000000000"},
		{0.001, "0.001"},
		{1e-9, "0.000000001"},
		{1.5, "1.5"},
		{29588.013979792577, "29588.013979792577"},
		{0, "0"},
		{-1, "0"},
		{work.Difficulty(math.NaN()), "0"},
		{work.Difficulty(math.Inf(1)), "0"},
	} {
		equal(t, c.want, c.d.String(), c.want)
	}
}

func TestParseDifficultyRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":                       work.ErrSyntax,
		"-1":                     work.ErrSyntax,
		"-0":                     work.ErrSyntax,
		"+1":                     work.ErrSyntax,
		"NaN":                    work.ErrSyntax,
		"Infinity":               work.ErrSyntax,
		"inf":                    work.ErrSyntax,
		"0x10":                   work.ErrSyntax,
		"1_000":                  work.ErrSyntax,
		".":                      work.ErrSyntax,
		"e5":                     work.ErrSyntax,
		".e5":                    work.ErrSyntax,
		"1e":                     work.ErrSyntax,
		"1e+":                    work.ErrSyntax,
		"1.2.3":                  work.ErrSyntax,
		" 1":                     work.ErrSyntax,
		"1 ":                     work.ErrSyntax,
		"0":                      work.ErrRange,
		"0.0":                    work.ErrRange,
		"0e999":                  work.ErrRange,
		"1e999":                  work.ErrRange,
		"1e-999":                 work.ErrRange,
		strings.Repeat("1", 512): work.ErrRange,
		strings.Repeat("1", 513): work.ErrLength,
	} {
		d, err := work.ParseDifficulty([]byte(text))
		var parse *work.ParseError
		if !errors.Is(err, want) || !errors.As(err, &parse) || parse.What != "difficulty" || d != 0 {
			t.Errorf("%.20q: %v, %v, want %v", text, d, err, want)
		}
	}
}

func FuzzDifficulty(f *testing.F) {
	for _, s := range []string{"1", "0.001", "65536.0", "1e-05", "1.7976931348623157e308", "0", "1E+3", ".5", "5.", "1e", "-1", "2.33e-10"} {
		f.Add([]byte(s))
	}
	grammar := regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := work.ParseDifficulty(b)
		if err != nil {
			value, parseErr := strconv.ParseFloat(string(b), 64)
			if len(b) <= 512 && grammar.Match(b) && parseErr == nil && value > 0 {
				t.Fatalf("%q refused: %v", b, err)
			}
			return
		}
		if !grammar.Match(b) || !d.Valid() {
			t.Fatalf("%q taken as %v", b, d)
		}
		again, err := work.ParseDifficulty(d.AppendJSON(nil))
		if err != nil || again != d {
			t.Fatalf("%q: prints %s, reads %v, %v", b, d, again, err)
		}
		if got, want := bigOf(d.Target()), exactTarget(d.String()); got.Cmp(want) != 0 {
			t.Fatalf("%q: target %x, want %x", b, got, want)
		}
	})
}

func TestHashrate(t *testing.T) {
	// 60 shares of 8192 in a minute.
	equal(t, "farm", work.Hashrate(60*work.Difficulty(8192).Work(), time.Minute), 8192.0*(1<<32))
	equal(t, "hobby", work.Hashrate(0.001, time.Second), 0.001*(1<<32))
	equal(t, "no time", work.Hashrate(1, 0), 0.0)
	equal(t, "time backwards", work.Hashrate(1, -time.Second), 0.0)
}

func TestDone(t *testing.T) {
	equal(t, "a share of difficulty 1", work.Done(work.HashesPerShare, time.Second), 1.0)
	equal(t, "there and back", work.Done(work.Hashrate(8192, time.Minute), time.Minute), 8192.0)
	equal(t, "no time", work.Done(1e15, 0), 0.0)
}

func TestEarning(t *testing.T) {
	// Ten units of work were worth 5, and a day at one a second is 86,400 of them.
	equal(t, "a day", work.Earning(5, 10, work.HashesPerShare, 24*time.Hour), 43200.0)
	equal(t, "nobody mines", work.Earning(5, 10, 0, 24*time.Hour), 0.0)
	equal(t, "no work yet", work.Earning(5, 0, 1e15, time.Hour), 0.0)
	equal(t, "no number", work.Earning(5, math.NaN(), 1e15, time.Hour), 0.0)
}

func TestTargetDoesNotAllocate(t *testing.T) {
	for _, d := range []work.Difficulty{0.001, 1, 8192, 126411437451912.23} {
		if n := testing.AllocsPerRun(100, func() { _ = d.Target() }); n != 0 {
			t.Errorf("%v: %v allocations", d, n)
		}
	}
}
