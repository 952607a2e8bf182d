package work_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// genesisCoinbase is the coinbase of the first block, whose id is the merkle
// root of its header.
const genesisCoinbase = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d" +
	"0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261" +
	"696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962" +
	"e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"

const btc = 100_000_000 // satoshi

// output is one output of a coinbase.
type output struct {
	value  int64
	script []byte
}

// transaction is a coinbase to be made, sound as its zero value but for the
// script.
type transaction struct {
	script   []byte
	outputs  []output
	witness  [][]byte // nil: the form without
	outpoint []byte   // nil: a coinbase's
	inputs   int      // beyond one
	trailing []byte
}

func appendSize(dst []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(dst, byte(n))
	case n <= math.MaxUint16:
		return binary.LittleEndian.AppendUint16(append(dst, 0xfd), uint16(n))
	}
	return binary.LittleEndian.AppendUint32(append(dst, 0xfe), uint32(n))
}

func appendSized(dst, b []byte) []byte { return append(appendSize(dst, len(b)), b...) }

func (x *transaction) bytes() []byte {
	b := []byte{2, 0, 0, 0}
	if x.witness != nil {
		b = append(b, 0, 1)
	}
	b = appendSize(b, 1+x.inputs)
	outpoint := x.outpoint
	if outpoint == nil {
		outpoint = append(make([]byte, 32), 0xff, 0xff, 0xff, 0xff)
	}
	for range 1 + x.inputs {
		b = append(b, outpoint...)
		b = append(appendSized(b, x.script), 0xff, 0xff, 0xff, 0xff)
	}
	b = appendSize(b, len(x.outputs))
	for _, o := range x.outputs {
		b = binary.LittleEndian.AppendUint64(b, uint64(o.value))
		b = appendSized(b, o.script)
	}
	if x.witness != nil {
		b = appendSize(b, len(x.witness))
		for _, item := range x.witness {
			b = appendSized(b, item)
		}
	}
	b = append(b, 0, 0, 0, 0)
	return append(b, x.trailing...)
}

func outputsOf(c work.Coinbase) (all []output) {
	for value, script := range c.Outputs() {
		all = append(all, output{value, script})
	}
	return all
}

func sameOutputs(a, b []output) bool {
	return slices.EqualFunc(a, b, func(x, y output) bool { return x.value == y.value && bytes.Equal(x.script, y.script) })
}

// TestRealCoinbases: what the shares' blocks were to pay. The subsidy of each
// height is known; what is above it are fees.
func TestRealCoinbases(t *testing.T) {
	for i, want := range []struct {
		height  uint32
		reward  int64
		subsidy int64
		outputs []int64
	}{
		{901_936, 315_012_581, 3.125 * btc, []int64{315_012_581, 0}}, // the witness commitment pays nothing
		{2_442_185, 2_465_717, 50 * btc >> 11, []int64{36_986, 2_428_731, 0}},
		{157, 50 * btc, 50 * btc, []int64{50 * btc, 0}},
		{25_096, 50 * btc, 50 * btc, []int64{50 * btc}},
	} {
		v := loadShares(t)[i]
		raw := must[[]byte](t)(hex.DecodeString(v.Coinbase))
		c := must[work.Coinbase](t)(work.ParseCoinbase(raw))
		equal(t, v.Name+": height", c.Height, want.height)
		equal(t, v.Name+": reward", c.Reward, want.reward)
		if fees := c.Reward - want.subsidy; fees < 0 || fees > btc {
			t.Errorf("%s: fees of %d", v.Name, fees)
		}
		var values []int64
		for value := range c.Outputs() {
			values = append(values, value)
		}
		equal(t, v.Name+": values", values, want.outputs)
	}
}

// TestGenesisCoinbase: its script begins with the bits, which are no height.
func TestGenesisCoinbase(t *testing.T) {
	raw := must[[]byte](t)(hex.DecodeString(genesisCoinbase))
	equal(t, "id", work.DoubleSHA256(raw).String(), "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b")
	c := must[work.Coinbase](t)(work.ParseCoinbase(raw))
	equal(t, "height", c.Height, 0)
	equal(t, "reward", c.Reward, 50*btc)
	all := outputsOf(c)
	if len(all) != 1 || len(all[0].script) != 67 || all[0].script[66] != 0xac {
		t.Errorf("outputs %v", all)
	}
}

// TestHeights has the vectors of BIP 34 and of script numbers, for which the
// sign needs a byte of its own, and what looks like one.
func TestHeights(t *testing.T) {
	for script, want := range map[string]uint32{
		"51": 1, "52ffff": 2, "60": 16, "0111": 17, "017f": 127, "028000": 128, "02ff00": 255, "020001": 256,
		"02ff7f": 32_767, "03008000": 32_768, "0340d10c": 840_000, "03ffff7f": 8_388_607, "0400008000": 8_388_608,
		"0400e1f505": 100_000_000, "0340d10c" + "deadbeef": 840_000,
		"": 0, "00": 0, "61": 0, "4f": 0, "50": 0,
		"0101": 0, "0110": 0, // have opcodes
		"0180": 0, "02ff80": 0, "03ffffff": 0, "04ffffffff": 0, // negative
		"021100": 0, "027f00": 0, "03ff7f00": 0, "0440d10c00": 0, "0400000000": 0, // longer than they must be
		"0401e1f505": 0, "04ffff001d": 0, "05ffffff7f00": 0, // too high
		"0340d1": 0, "01": 0, "4c0340d10c": 0, // cut, and pushed in another way
	} {
		x := transaction{script: must[[]byte](t)(hex.DecodeString(script))}
		c := must[work.Coinbase](t)(work.ParseCoinbase(x.bytes()))
		equal(t, script, c.Height, want)
	}
}

func TestParseCoinbaseRefuses(t *testing.T) {
	pays := func(values ...int64) (x transaction) {
		x.script = []byte{0x51}
		for _, v := range values {
			x.outputs = append(x.outputs, output{v, []byte{0x51}})
		}
		return x
	}
	with := func(change func(x *transaction)) []byte {
		x := pays(1)
		change(&x)
		return x.bytes()
	}
	of := func(x transaction) []byte { return x.bytes() }
	zero36 := append(make([]byte, 32), 0xfe, 0xff, 0xff, 0xff)
	hexed := func(text string) []byte { return must[[]byte](t)(hex.DecodeString(text)) }
	const head = "02000000" + "01" + "0000000000000000000000000000000000000000000000000000000000000000" + "ffffffff"
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"nothing":                  {nil, work.ErrLength},
		"negative":                 {of(pays(5, -1)), work.ErrNegative},
		"lowest":                   {of(pays(math.MinInt64)), work.ErrNegative},
		"above 10,000 BTC":         {of(pays(10_000*btc + 1)), work.ErrRange},
		"above it together":        {of(pays(10_000*btc, 0, 1)), work.ErrRange},
		"overflow":                 {of(pays(math.MaxInt64, math.MaxInt64, 2)), work.ErrRange},
		"two inputs":               {with(func(x *transaction) { x.inputs = 1 }), work.ErrForm},
		"spends an index":          {with(func(x *transaction) { x.outpoint = zero36 }), work.ErrForm},
		"spends a transaction":     {with(func(x *transaction) { x.outpoint = bytes.Repeat([]byte{0xff}, 36) }), work.ErrForm},
		"another flag":             {hexed("02000000" + "0002" + head[8:]), work.ErrForm},
		"no input but a flag":      {hexed("02000000" + "0001" + "00" + strings.Repeat("00", 60)), work.ErrForm},
		"script without end":       {hexed(head + "ffffffffffffffffff"), work.ErrLength},
		"script of 2^32":           {hexed(head + "ff0000000001000000" + "00"), work.ErrLength},
		"script size too wide":     {hexed(head + "fd0100" + "51" + "ffffffff" + "00" + "00000000"), work.ErrForm},
		"script size far too wide": {hexed(head + "ff0100000000000000" + "51" + "ffffffff" + "00" + "00000000"), work.ErrForm},
		"outputs without end":      {hexed(head + "0151" + "ffffffff" + "ffffffffffffffffff"), work.ErrLength},
		"outputs count too wide":   {hexed(head + "0151" + "ffffffff" + "feff000000" + strings.Repeat("00", 4000)), work.ErrForm},
		"output script too long":   {hexed(head + "0151" + "ffffffff" + "01" + "0000000000000000" + "fdffff" + "00000000"), work.ErrLength},
		"witness without end":      {hexed("02000000" + "0001" + head[8:] + "0151" + "ffffffff" + "00" + "ffffffffffffffffff" + "00000000"), work.ErrLength},
	} {
		got, err := work.ParseCoinbase(c.raw)
		var parse *work.ParseError
		if !errors.Is(err, c.want) || !errors.As(err, &parse) || parse.What != "coinbase" {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if got.Height != 0 || got.Reward != 0 || len(outputsOf(got)) != 0 {
			t.Errorf("%s: %+v in spite of the error", name, got)
		}
	}
	x := pays(10_000*btc-1, 1)
	equal(t, "the most", must[work.Coinbase](t)(work.ParseCoinbase(x.bytes())).Reward, 10_000*btc)
}

func anyTransaction() *rapid.Generator[*transaction] {
	return rapid.Custom(func(t *rapid.T) *transaction {
		x := &transaction{
			script:   rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "script"),
			trailing: rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "trailing"),
		}
		left := int64(10_000 * btc)
		for range rapid.IntRange(0, 300).Draw(t, "outputs") {
			value := rapid.Int64Range(0, left).Draw(t, "value")
			left -= value
			x.outputs = append(x.outputs, output{value, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "paid to")})
		}
		if rapid.Bool().Draw(t, "witness") {
			x.witness = append([][]byte{}, rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 3).Draw(t, "items")...)
		}
		return x
	})
}

// TestCoinbasesAreReadBack: whatever a coinbase is made of is found in it,
// with a witness or without and whatever follows it, and cut at any byte it is
// refused.
func TestCoinbasesAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anyTransaction().Draw(t, "coinbase")
		var want int64
		for _, o := range x.outputs {
			want += o.value
		}
		raw := x.bytes()
		c, err := work.ParseCoinbase(raw)
		if err != nil || c.Reward != want || !sameOutputs(outputsOf(c), x.outputs) {
			t.Fatalf("%+v, %v; want %d in %d outputs", c, err, want, len(x.outputs))
		}
		for value, script := range c.Outputs() { // one may be enough
			if value != x.outputs[0].value || cap(script) != len(script) {
				t.Fatalf("%d to %d bytes of %d", value, len(script), cap(script))
			}
			break
		}
		plain := *x
		plain.witness = nil
		without, err := work.ParseCoinbase(plain.bytes())
		if err != nil || without.Height != c.Height || without.Reward != c.Reward {
			t.Fatalf("%+v, %v without its witness; %+v with it", without, err, c)
		}
		cut := rapid.IntRange(0, len(raw)-len(x.trailing)-1).Draw(t, "cut")
		if _, err := work.ParseCoinbase(raw[:cut]); !errors.Is(err, work.ErrLength) {
			t.Fatalf("cut at %d of %d: %v", cut, len(raw), err)
		}
	})
}

// TestCutCoinbases cuts the real ones at every byte.
func TestCutCoinbases(t *testing.T) {
	for _, v := range loadShares(t) {
		raw := must[[]byte](t)(hex.DecodeString(v.Coinbase))
		for cut := range raw {
			if _, err := work.ParseCoinbase(raw[:cut]); !errors.Is(err, work.ErrLength) {
				t.Errorf("%s cut at %d: %v", v.Name, cut, err)
			}
		}
	}
}

func TestParseCoinbaseDoesNotAllocate(t *testing.T) {
	raw := must[[]byte](t)(hex.DecodeString(loadShares(t)[0].Coinbase))
	if n := testing.AllocsPerRun(100, func() {
		c, err := work.ParseCoinbase(raw)
		if err != nil {
			t.Fatal(err)
		}
		for value := range c.Outputs() {
			c.Reward -= value
		}
		if c.Reward != 0 {
			t.Fatalf("%d is left", c.Reward)
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func FuzzParseCoinbase(f *testing.F) {
	for _, v := range loadShares(f) {
		raw := must[[]byte](f)(hex.DecodeString(v.Coinbase))
		f.Add(raw)
		f.Add(raw[:len(raw)-1])
		f.Add(slices.Concat(raw[:4], []byte{0, 1}, raw[4:len(raw)-4], []byte{1, 32}, make([]byte, 36)))
	}
	f.Add(must[[]byte](f)(hex.DecodeString(genesisCoinbase)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := slices.Clone(raw)
		c, err := work.ParseCoinbase(raw)
		if err != nil {
			var parse *work.ParseError
			if !errors.As(err, &parse) || c.Height != 0 || c.Reward != 0 {
				t.Fatalf("%+v, %v", c, err)
			}
		}
		var sum int64
		n := 0
		for value, script := range c.Outputs() {
			if value < 0 || len(script) != cap(script) {
				t.Fatalf("%d to %d bytes", value, len(script))
			}
			sum += value
			n++
		}
		if sum != c.Reward || sum > 10_000*btc || n > len(raw)/9 || c.Height > 100_000_000 {
			t.Fatalf("%+v: %d in %d outputs", c, sum, n)
		}
		if !bytes.Equal(raw, before) {
			t.Fatal("the bytes were changed")
		}
	})
}
