package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/loka/stratum/internal/sim"
)

// What a block's coinbase is marked with in shared mode: the pool's
// extranonce1, then its extranonce2 of sharedEn2 bytes, which is the
// connection's pad, the miner's slot and the miner's own part.
const (
	sharedEn1, sharedEn2  = 4, 10
	sharedPad, sharedSlot = 2, 4
)

// sharedSizes are the flags of a pool with such extranonces.
var sharedSizes = []string{"--extranonce1-size", strconv.Itoa(sharedEn1), "--extranonce2-size", strconv.Itoa(sharedEn2)}

// TestSharedProxyMinesBlocks is the whole way in shared mode: four miners on
// one pool connection find blocks, each in its own slot.
func TestSharedProxyMinesBlocks(t *testing.T) {
	slots := mineShared(t, "", func(slots map[string][]string) bool {
		return len(slots) > 0 && len(slices.Concat(slices.Collect(maps.Values(slots))...)) >= wantBlocks
	})
	if len(slots) != 1 {
		t.Errorf("blocks of %d connections: %v", len(slots), slots)
	}
}

// TestTwoSharedConnectionsMineBlocks: with room for two miners a connection,
// four take two of them, and blocks come by both.
func TestTwoSharedConnectionsMineBlocks(t *testing.T) {
	slots := mineShared(t, "[[route]]\nmax_miners_per_connection = 2\n", func(slots map[string][]string) bool {
		return len(slots) >= 2 && len(slices.Concat(slices.Collect(maps.Values(slots))...)) >= wantBlocks
	})
	if len(slots) != 2 {
		t.Errorf("blocks of %d connections: %v", len(slots), slots)
	}
	for link, of := range slots {
		if len(of) > 2 {
			t.Errorf("blocks of %d slots by connection %s", len(of), link)
		}
	}
}

// mineShared has four miners mine through the proxy in shared mode until the
// blocks' slots, by connection, are enough, and returns them.
func mineShared(t *testing.T, config string, enough func(map[string][]string) bool) map[string][]string {
	t.Helper()
	bin, err := loka.Path()
	if err != nil {
		t.Fatalf("the binary cannot be built: %v", err)
	}
	n := startNode(t)
	pool, poolAddr := startPool(t, bin, n, sharedSizes...)
	proxy := startProxy(t, bin, "-c", configFile(t, fmt.Sprintf("[[pool]]\nname = \"main\"\nurl = \"stratum+tcp://%s\"\nusername = \"e2e\"\n%s", poolAddr, config)))
	miners := start(t, bin, "sim", "miners", "--pool", proxy.miners, "--user", "farm", "--every", "0", "--json", "--count", "4")
	within(t, "blocks of enough slots", func() bool {
		return enough(slotsOf(t, n)) || miners.Ended() || proxy.Ended()
	})
	miners.stop()
	proxy.stop()
	pool.stop()
	mined := checkMiners(t, miners.out.String())
	// A share is a block here, and of two at one height the second is stale.
	credited := checkPool(t, n, pool.out.String())
	if credited == 0 || credited > mined.Accepted+mined.Unanswered {
		t.Errorf("the pool accepted %d shares, the miners heard of %d and not of %d", credited, mined.Accepted, mined.Unanswered)
	}
	ours(t, n)
	slots := slotsOf(t, n)
	t.Logf("%d blocks, by connection and slot: %v; miners: %d accepted, rejected %v", n.height(), slots, mined.Accepted, mined.Rejected)
	checkSlots(t, &mined, slots)
	return slots
}

// configFile writes a configuration, and returns where.
func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "loka.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkSlots wants each block's slot to be one that a miner was told.
func checkSlots(t *testing.T, mined *sim.MinersStats, slots map[string][]string) {
	t.Helper()
	var told []string
	for _, m := range mined.Miners {
		told = append(told, m.Extranonce1.String())
	}
	for link, of := range slots {
		for _, slot := range of {
			if !slices.Contains(told, slot) {
				t.Errorf("a block by connection %s is of slot %s, miners have %v", link, slot, told)
			}
		}
	}
}

// slotsOf lists which slots the chain's blocks are of, each once, by the
// connection that they came by: its extranonce1 and its pad.
func slotsOf(t *testing.T, n *node) map[string][]string {
	t.Helper()
	slots := map[string][]string{}
	for h := 1; h <= n.height(); h++ {
		raw, err := hex.DecodeString(n.block(h))
		if err != nil {
			t.Fatal(err)
		}
		_, after, ok := bytes.Cut(raw, []byte("/loka sim/"))
		const mark = 1 + 8 + 1 // the pool's mark of the job, and how long the extranonces are
		if !ok || len(after) < mark+sharedEn1+sharedEn2 || after[mark-1] != sharedEn1+sharedEn2 {
			t.Fatalf("block %d is not as the pool makes them: %x", h, raw)
		}
		en := after[mark:]
		link, slot := hex.EncodeToString(en[:sharedEn1+sharedPad]), hex.EncodeToString(en[sharedEn1+sharedPad:][:sharedSlot])
		if !slices.Contains(slots[link], slot) {
			slots[link] = append(slots[link], slot)
		}
	}
	return slots
}
