package sim

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// TestHeight has the heights whose push is not plain. The vectors follow from
// BIP34 and script numbers: the sign bit needs a byte of its own.
func TestHeight(t *testing.T) {
	t.Parallel()
	for height, want := range map[int64]string{
		0: "00", 1: "51", 16: "60", 17: "0111", 127: "017f", 128: "028000", 255: "02ff00",
		256: "020001", 32767: "02ff7f", 32768: "03008000", 840_000: "0340d10c", 8_388_608: "0400008000",
	} {
		if got := hex.EncodeToString(appendHeight(nil, height)); got != want {
			t.Errorf("%d: %s, want %s", height, got, want)
		}
	}
}

// TestCoinbase: whatever the sizes, coinbase1, the extranonce and coinbase2 are
// a transaction of one input whose script is at most 100 bytes.
func TestCoinbase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tmpl := template{
			height: rapid.Int64Range(0, 1<<31).Draw(t, "height"),
			value:  rapid.Int64Range(0, 21e14).Draw(t, "value"), script: []byte{opTrue},
		}
		outputs := 1
		if rapid.Bool().Draw(t, "commitment") {
			tmpl.commitment = make([]byte, 38)
			outputs++
		}
		shape := coinbaseShape{
			tag: rapid.StringN(0, 5, 20).Draw(t, "tag"), conn: rapid.Uint64().Draw(t, "conn"), job: rapid.Uint64().Draw(t, "job"),
			extranonce: rapid.IntRange(1, 48).Draw(t, "extranonce"),
		}
		if rapid.Bool().Draw(t, "padded") {
			shape.padding = rapid.IntRange(1, 70_000).Draw(t, "padding")
			outputs++
		}
		c1, c2 := tmpl.coinbase(shape)
		tx := append(append(c1, make([]byte, shape.extranonce)...), c2...)
		script := int(tx[41])
		if script < 2 || script > 100 {
			t.Fatalf("script of %d bytes", script)
		}
		at := 42 + script
		if binary.LittleEndian.Uint32(tx[at:]) != 0xffffffff || int(tx[at+4]) != outputs {
			t.Fatalf("after the script: %x", tx[at:at+5])
		}
		at += 5
		for range outputs {
			at += 8
			n, width := readVarint(tx[at:])
			at += width + n
		}
		if at+4 != len(tx) {
			t.Fatalf("outputs end at %d of %d", at, len(tx))
		}
	})
}

// TestCoinbaseSaysItsBlock: what stands in a made-up block's coinbase is what a
// pool on the real network says at its height, and grows with each block.
func TestCoinbaseSaysItsBlock(t *testing.T) {
	t.Parallel()
	p, err := NewPool(PoolConfig{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for block := range uint32(3) {
		tmpl, err := p.chain.template(1)
		if err != nil {
			t.Fatal(err)
		}
		c1, c2 := tmpl.coinbase(coinbaseShape{tag: "tag", extranonce: 8, padding: 100})
		c, err := work.ParseCoinbase(slices.Concat(c1, make([]byte, 8), c2))
		if err != nil || c.Height != 840_000+block || c.Reward != tmpl.value || c.Reward < 312_500_000 || c.Reward >= 332_500_000 {
			t.Errorf("block %d: %+v, %v", block, c, err)
		}
		p.chain.extend(work.Hash{})
	}
}

func readVarint(b []byte) (n, width int) {
	switch b[0] {
	case 0xfd:
		return int(binary.LittleEndian.Uint16(b[1:])), 3
	case 0xfe:
		return int(binary.LittleEndian.Uint32(b[1:])), 5
	}
	return int(b[0]), 1
}

// TestExtranonce1 gives every connection another one, as far as the width allows.
func TestExtranonce1(t *testing.T) {
	t.Parallel()
	for _, size := range []int{2, 4, 8, 28, 32} {
		p, err := NewPool(PoolConfig{Seed: 3, Extranonce1Size: size})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[work.Extranonce]bool{}
		for conn := range uint64(4000) {
			e := p.extranonce1(conn, 0)
			if e.Len() != size || seen[e] {
				t.Fatalf("size %d, connection %d: %s again or of the wrong width", size, conn, e)
			}
			seen[e] = true
		}
	}
}

// TestSeed: the same seed makes the same jobs, another seed others.
func TestSeed(t *testing.T) {
	t.Parallel()
	jobs := func(seed uint64) (all []work.Hash) {
		p, err := NewPool(PoolConfig{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			p.chain.extend(work.Hash{})
			tmpl, err := p.chain.template(1)
			if err != nil {
				t.Fatal(err)
			}
			all = append(append(all, tmpl.prevHash), tmpl.branches...)
		}
		return all
	}
	a, b, c := jobs(1), jobs(1), jobs(2)
	for i := range a {
		if a[i] != b[i] || a[i] == c[i] {
			t.Errorf("hash %d: %s %s %s", i, a[i], b[i], c[i])
		}
	}
}
