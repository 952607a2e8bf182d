package hub_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// heap is what is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A pool gives each link the longest jobs that it may, one after another, and then a line
// without an end: of that no link keeps more than a little.
func TestPoolDoesNotFillTheMemory(t *testing.T) {
	const miners, jobs, most = 30, 70, 600 << 10
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		all := make([]*guest, miners)
		for i := range all {
			all[i] = h.join(uint64(i + 1))
			all[i].open()
			all[i].authorize(fmt.Sprintf("rig%d", i))
		}
		before := heap()
		p.change(func() {
			p.coinb1, p.coinb2 = bytes.Repeat([]byte{1}, 8<<10), bytes.Repeat([]byte{2}, 8<<10)
		})
		links := p.conns[1:] // the first is the probe's
		for range jobs {
			for _, c := range links {
				c.notify(false)
				c.mu.Lock()
				clear(c.jobs)
				c.mu.Unlock()
			}
			synctest.Wait()
			for _, g := range all {
				g.newest()
				g.mu.Lock()
				g.works, g.terms = nil, nil
				g.mu.Unlock()
			}
		}
		for _, c := range links {
			c.say(strings.Repeat("x", 64<<10-1))
		}
		synctest.Wait()
		after := heap()
		if each := (after - min(before, after)) / miners; each > most {
			t.Errorf("%d KiB for each miner, want no more than %d", each>>10, most>>10)
		}
		for _, c := range links {
			c.say("xx")
		}
		synctest.Wait()
		for _, c := range links {
			c.mu.Lock()
			if !c.gone {
				t.Error("a link whose line has no end is still there")
			}
			c.mu.Unlock()
		}
	})
}
