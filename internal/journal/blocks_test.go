package journal

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// A pool that calls every share a block does not fill the store with them, and takes no
// room of other pools' blocks.
func TestBlocksOfAPoolAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{ShipEvery: time.Second})
		r.start(time.Now())
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.j.Run(ctx) }()
		found := func(pool string, n uint32) {
			var hash work.Hash
			binary.LittleEndian.PutUint32(hash[:], n)
			hash[31] = pool[0]
			for _, v := range []mining.Verdict{mining.Pending, mining.Accepted} {
				now := time.Now()
				r.books.Found(ledger.Block{Hash: hash, At: now, Pool: r.books.Pool(pool, now), Verdict: v})
			}
		}
		kept := func() map[string]int {
			time.Sleep(time.Minute)
			byPool := make(map[string]int)
			r.house.mu.Lock()
			defer r.house.mu.Unlock()
			for _, b := range r.house.blocks {
				byPool[b.Pool]++
			}
			return byPool
		}
		for n := range uint32(10_000) {
			found("thief", n)
			if n%1000 == 0 {
				found("honest", n)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := kept(); got["thief"] != blocksAnHour/2 || got["honest"] != 10 {
			t.Errorf("kept %v, want %d of the first and all 10 of the second", got, blocksAnHour/2)
		}
		if d := r.j.Status().Dropped; d != 18_000 {
			t.Errorf("%d were dropped, want all others", d)
		}
		time.Sleep(time.Hour)
		found("thief", 10_000)
		if got := kept(); got["thief"] != blocksAnHour/2+1 {
			t.Errorf("an hour later: %v", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
