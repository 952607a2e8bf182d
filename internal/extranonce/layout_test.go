package extranonce_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/work"
)

func passed(n int) extranonce.Layout {
	return extranonce.Layout{PoolSize: n, Miner: n, PassThrough: true}
}

func divided(pad, slot, miner int) extranonce.Layout {
	return extranonce.Layout{PoolSize: pad + slot + miner, Pad: pad, Slot: slot, Miner: miner}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		poolSize, floor int
		want            extranonce.Layout
	}{
		// Without a floor: the table of the documentation.
		{2, 0, passed(2)},
		{3, 0, passed(3)},
		{4, 0, divided(0, 1, 3)},
		{5, 0, divided(0, 1, 4)},
		{6, 0, divided(0, 2, 4)},
		{7, 0, divided(0, 3, 4)},
		{8, 0, divided(0, 4, 4)},
		{9, 0, divided(1, 4, 4)},
		{12, 0, divided(4, 4, 4)},
		{16, 0, divided(8, 4, 4)},
		// A floor that the layout meets anyway changes nothing.
		{4, 3, divided(0, 1, 3)},
		{5, 4, divided(0, 1, 4)},
		{8, 4, divided(0, 4, 4)},
		{16, 1, divided(8, 4, 4)},
		// A larger one takes the pad first, then the slot.
		{16, 8, divided(4, 4, 8)},
		{12, 8, divided(0, 4, 8)},
		{11, 8, divided(0, 3, 8)},
		{9, 8, divided(0, 1, 8)},
		{8, 5, divided(0, 3, 5)},
		{8, 7, divided(0, 1, 7)},
		{7, 6, divided(0, 1, 6)},
		{6, 5, divided(0, 1, 5)},
		// Where it leaves no slot, or cannot be met at all.
		{8, 8, passed(8)},
		{7, 7, passed(7)},
		{7, 8, passed(7)},
		{5, 5, passed(5)},
		{4, 4, passed(4)},
		{4, 8, passed(4)},
		{3, 2, passed(3)},
		{2, 8, passed(2)},
	} {
		got, err := extranonce.Plan(c.poolSize, c.floor)
		if err != nil || got != c.want {
			t.Errorf("Plan(%d, %d): %v\n%s", c.poolSize, c.floor, err, cmp.Diff(c.want, got))
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		poolSize, floor int
		want            string
	}{
		{-1, 0, "pool extranonce2 size -1 is not within 2 to 16 bytes"},
		{0, 0, "pool extranonce2 size 0 is not within 2 to 16 bytes"},
		{1, 0, "pool extranonce2 size 1 is not within 2 to 16 bytes"},
		{17, 4, "pool extranonce2 size 17 is not within 2 to 16 bytes"},
		{8, -1, "extranonce2 floor -1 is not within 0 to 8 bytes"},
		{8, 9, "extranonce2 floor 9 is not within 0 to 8 bytes"},
	} {
		got, err := extranonce.Plan(c.poolSize, c.floor)
		var size *extranonce.SizeError
		if !errors.As(err, &size) || err.Error() != c.want || got != (extranonce.Layout{}) {
			t.Errorf("Plan(%d, %d): %+v, %v", c.poolSize, c.floor, got, err)
		}
	}
}

// TestPlanSizes goes through every legal pair.
func TestPlanSizes(t *testing.T) {
	everyLayout(t, func(floor int, l extranonce.Layout) {
		switch {
		case l.Pad+l.Slot+l.Miner != l.PoolSize:
			t.Errorf("%+v: sizes do not add up", l)
		case l.Pad < 0 || l.Pad > 8 || l.Slot < 0 || l.Slot > 4 || l.Miner < 2 || l.Miner > 8:
			t.Errorf("%+v: a size is out of range", l)
		case l.PassThrough != (l.Slot == 0):
			t.Errorf("%+v: passes through exactly without a slot", l)
		case !l.PassThrough && l.Miner < max(floor, 3):
			t.Errorf("%+v: the miner has less than its floor %d", l, floor)
		case l.PassThrough && l.PoolSize > max(3, floor):
			t.Errorf("%+v: passed through although floor %d fits", l, floor)
		case !l.PassThrough && l.Pad > 0 && l.Slot != 4:
			t.Errorf("%+v: pad instead of slot", l)
		}
	})
}

func everyLayout(t *testing.T, do func(floor int, l extranonce.Layout)) {
	t.Helper()
	for n := extranonce.MinPoolSize; n <= extranonce.MaxPoolSize; n++ {
		for floor := range extranonce.MaxFloor + 1 {
			l, err := extranonce.Plan(n, floor)
			if err != nil {
				t.Fatalf("Plan(%d, %d): %v", n, floor, err)
			}
			do(floor, l)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		name     string
		told     extranonce.Layout
		poolSize int
		want     extranonce.Layout
		ok       bool
	}{
		{"same size", divided(0, 4, 4), 8, divided(0, 4, 4), true},
		{"wider pool", divided(0, 4, 4), 12, divided(4, 4, 4), true},
		{"narrower pool", divided(4, 4, 4), 8, divided(0, 4, 4), true},
		{"too narrow", divided(0, 4, 4), 7, extranonce.Layout{}, false},
		{"small slot at the widest pool", divided(0, 1, 3), 16, divided(12, 1, 3), true},
		{"pool out of range", divided(8, 4, 4), 17, extranonce.Layout{}, false},
		{"passed through, same size", passed(4), 4, passed(4), true},
		{"passed through, wider", passed(4), 8, extranonce.Layout{}, false},
		{"passed through, narrower", passed(4), 3, extranonce.Layout{}, false},
	} {
		got, ok := extranonce.Fits(c.told, c.poolSize)
		if ok != c.ok || got != c.want {
			t.Errorf("%s: %+v, %t", c.name, got, ok)
		}
	}
}

// TestFitsKeepsWhatTheMinerWasTold for every layout at every pool.
func TestFitsKeepsWhatTheMinerWasTold(t *testing.T) {
	everyLayout(t, func(_ int, l extranonce.Layout) {
		for n := range extranonce.MaxPoolSize + 2 {
			got, ok := extranonce.Fits(l, n)
			if !ok {
				continue
			}
			if got.Slot != l.Slot || got.Miner != l.Miner || got.PassThrough != l.PassThrough {
				t.Errorf("%+v at %d: %+v is told otherwise", l, n, got)
			}
			if got.PoolSize != n || got.Pad+got.Slot+got.Miner != n {
				t.Errorf("%+v at %d: %+v does not add up", l, n, got)
			}
			if back, ok := extranonce.Fits(got, l.PoolSize); !ok || back != l {
				t.Errorf("%+v at %d: back is %+v, %t", l, n, back, ok)
			}
		}
	})
}

// TestNarrowestPoolFitsAll: a miner that was told the layout of the narrowest
// of several pools fits them all. This is how sizes are chosen for a route.
func TestNarrowestPoolFitsAll(t *testing.T) {
	for floor := range extranonce.MaxFloor + 1 {
		for narrow := 4; narrow <= extranonce.MaxPoolSize; narrow++ {
			told, err := extranonce.Plan(narrow, floor)
			if err != nil || told.PassThrough {
				continue
			}
			for n := narrow; n <= extranonce.MaxPoolSize; n++ {
				if _, ok := extranonce.Fits(told, n); !ok {
					t.Errorf("%+v does not fit %d", told, n)
				}
			}
		}
	}
}

func TestHead(t *testing.T) {
	for _, c := range []struct {
		layout extranonce.Layout
		want   string
	}{
		{divided(0, 4, 4), ""},
		{divided(1, 4, 4), "08"},
		{divided(4, 4, 4), "05060708"},
		{divided(8, 4, 4), "0102030405060708"},
		{divided(12, 1, 3), "000000000102030405060708"},
		{passed(4), ""},
	} {
		if got := c.layout.Head(0x0102030405060708); got.String() != c.want {
			t.Errorf("%+v: %s, want %s", c.layout, got, c.want)
		}
	}
}

// draw makes an extranonce of n bytes.
func draw(t *rapid.T, name string, n int) work.Extranonce {
	e, ok := work.MakeExtranonce(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name))
	if !ok {
		t.Fatalf("%s: %d bytes refused", name, n)
	}
	return e
}

// TestOneCoinbase: what the miner builds from what it is told and sent is what
// the pool builds from what it sent and is sent.
func TestOneCoinbase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := extranonce.Plan(
			rapid.IntRange(extranonce.MinPoolSize, extranonce.MaxPoolSize).Draw(t, "pool"),
			rapid.IntRange(0, extranonce.MaxFloor).Draw(t, "floor"))
		if err != nil {
			t.Fatal(err)
		}
		if moved, ok := extranonce.Fits(l, rapid.IntRange(extranonce.MinPoolSize, extranonce.MaxPoolSize).Draw(t, "other pool")); ok {
			l = moved
		}
		coinb1 := rapid.SliceOf(rapid.Byte()).Draw(t, "coinb1")
		coinb2 := rapid.SliceOf(rapid.Byte()).Draw(t, "coinb2")
		e1 := draw(t, "E1", rapid.IntRange(0, work.MaxExtranonce).Draw(t, "len(E1)"))
		pad := l.Head(rapid.Uint64().Draw(t, "pad"))
		slot, miner := draw(t, "slot", l.Slot), draw(t, "miner", l.Miner)

		byMiner := work.AppendCoinbase(nil, l.AppendPrefix(nil, coinb1, e1, pad), l.Told(e1, slot), miner, coinb2)
		en2, ok := l.Upstream(pad, slot, miner)
		if !ok {
			t.Fatalf("%+v: no extranonce2 from %s %s %s", l, pad, slot, miner)
		}
		byPool := work.AppendCoinbase(nil, coinb1, e1, en2, coinb2)
		if !bytes.Equal(byMiner, byPool) {
			t.Fatalf("%+v:\nminer %x\npool  %x", l, byMiner, byPool)
		}
		if en2.Len() != l.PoolSize {
			t.Fatalf("%+v: the pool gets %d bytes", l, en2.Len())
		}
	})
}

// TestSlotsNeverMeet: different slots of one link never make the same
// extranonce2, whatever their miners choose.
func TestSlotsNeverMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := extranonce.Plan(rapid.IntRange(4, extranonce.MaxPoolSize).Draw(t, "pool"), 0)
		if err != nil {
			t.Fatal(err)
		}
		pad := l.Head(rapid.Uint64().Draw(t, "pad"))
		a, b := draw(t, "slot a", l.Slot), draw(t, "slot b", l.Slot)
		ofA, okA := l.Upstream(pad, a, draw(t, "miner a", l.Miner))
		ofB, okB := l.Upstream(pad, b, draw(t, "miner b", l.Miner))
		if !okA || !okB || a != b && ofA == ofB {
			t.Fatalf("%s and %s make %s and %s", a, b, ofA, ofB)
		}
	})
}

// TestUpstreamRefusesOtherSizes: a miner cannot leave its slot by sending more
// or less than it was told.
func TestUpstreamRefusesOtherSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := extranonce.Plan(rapid.IntRange(2, 16).Draw(t, "pool"), rapid.IntRange(0, 8).Draw(t, "floor"))
		if err != nil {
			t.Fatal(err)
		}
		size := rapid.IntRange(0, work.MaxExtranonce)
		pad, slot, miner := size.Draw(t, "pad"), size.Draw(t, "slot"), size.Draw(t, "miner")
		right := pad == l.Pad && slot == l.Slot && miner == l.Miner
		got, ok := l.Upstream(draw(t, "p", pad), draw(t, "s", slot), draw(t, "m", miner))
		if ok != right || !ok && got != (work.Extranonce{}) {
			t.Fatalf("%+v: %d, %d, %d gives %s, %t", l, pad, slot, miner, got, ok)
		}
	})
}

func TestUpstreamRefusesALayoutOfNobody(t *testing.T) {
	l := extranonce.Layout{Pad: 20, Slot: 20}
	e, ok := work.MakeExtranonce(make([]byte, 20))
	if _, joined := l.Upstream(e, e, work.Extranonce{}); !ok || joined {
		t.Error("more bytes than an extranonce has")
	}
}
