package hub_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// The coinbase that the miner builds is the one that the pool builds, at
// every size of extranonce.
func TestExtranonceAtEverySize(t *testing.T) {
	for size := 2; size <= 16; size++ {
		for _, en1 := range []string{"", "aa", "aabbccdd", strings.Repeat("5a", 32)} {
			for _, floor := range []int{0, 4, 8} {
				synctest.Test(t, func(t *testing.T) {
					p := goodPool("main")
					p.en1, p.en2Size = en1, size
					h := build(t, []*fakePool{p}, func(c *hub.Config) { c.Routes[0].Extranonce2Size = floor })
					g := h.join(1)
					told := g.open()
					if told.Verdict != mining.Accepted {
						t.Fatalf("open: %v", told.Verdict)
					}
					if a := g.authorize("alice.rig1"); a.Verdict != mining.Accepted {
						t.Fatalf("authorize: %v", a.Verdict)
					}
					en2 := hex(t, strings.Repeat("c7", told.Extranonce2Size))
					if a := g.submit("alice.rig1", 7, en2); a.Verdict != mining.Accepted {
						t.Fatalf("submit: %v", a.Verdict)
					}
					sent := p.submitted()[0]
					if sent.Extranonce2.Len() != size {
						t.Fatalf("the pool was sent %d bytes of extranonce2, want %d", sent.Extranonce2.Len(), size)
					}
					w := g.newest()
					ours := work.AppendCoinbase(nil, w.Prefix, told.Extranonce1, en2, w.Job.CoinbaseSuffix)
					theirs := work.AppendCoinbase(nil, []byte("coinbase one "), hex(t, en1), sent.Extranonce2, []byte(" coinbase two"))
					if !bytes.Equal(ours, theirs) {
						t.Errorf("en1 %q, size %d, floor %d: the miner hashes\n%x, the pool\n%x", en1, size, floor, ours, theirs)
					}
					if floor <= size && told.Extranonce2Size < floor {
						t.Errorf("size %d, floor %d: the miner got %d bytes", size, floor, told.Extranonce2Size)
					}
					g.leave()
				})
			}
		}
	}
}

func TestPoolChangesItsExtranonce(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after int
		follows       bool
		sets          int
		closed        mining.Reason
	}{
		{"too narrow now, to a miner that cannot follow", 8, 6, false, 0, mining.ExtranonceChanged},
		{"same size: the miner hears nothing", 8, 8, false, 0, ""},
		{"wider: the miner hears nothing", 8, 12, false, 0, ""},
		{"passed on, to a miner that follows", 3, 3, true, 1, ""},
		{"passed on, to a miner that cannot follow", 3, 3, false, 0, mining.ExtranonceChanged},
		{"too narrow now, to a miner that follows", 8, 3, true, 1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := goodPool("main")
			p.en2Size = c.before
			h := build(t, []*fakePool{p}, nil)
			g := h.join(1)
			g.follows = c.follows
			told := g.open()
			g.authorize("alice")
			p.last().setExtranonce("0102030405", c.after)
			p.last().notify(false)
			synctest.Wait()
			if g.sets != c.sets || g.reason() != c.closed {
				t.Fatalf("%s: told %d times, closed with %q", c.name, g.sets, g.reason())
			}
			if c.closed != "" {
				g.leave()
				return
			}
			size := told.Extranonce2Size
			if g.sets > 0 {
				size = g.en2Size
				told.Extranonce1 = g.en1
				if w := g.newest(); !w.Clean {
					t.Errorf("%s: the work after a changed extranonce is not clean", c.name)
				}
			}
			en2 := hex(t, strings.Repeat("01", size))
			if a := g.submit("alice", 1, en2); a.Verdict != mining.Accepted {
				t.Fatalf("%s: submit: %v", c.name, a.Verdict)
			}
			w := g.newest()
			ours := work.AppendCoinbase(nil, w.Prefix, told.Extranonce1, en2, nil)
			theirs := work.AppendCoinbase(nil, []byte("coinbase one "), hex(t, "0102030405"), p.submitted()[0].Extranonce2, nil)
			if !bytes.Equal(ours, theirs) {
				t.Errorf("%s: the miner hashes\n%x, the pool\n%x", c.name, ours, theirs)
			}
			g.leave()
		})
	}
}

func TestDifficultyAndMaskRideInTheNextWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		p.last().setDifficulty(256)
		p.last().say(string((&sv1.SetVersionMask{Mask: 0x00c00000}).Append(nil)))
		synctest.Wait()
		if n := len(g.works); n != 1 {
			t.Fatalf("a difficulty alone made %d works", n)
		}
		p.last().notify(false)
		synctest.Wait()
		if w, d := g.newest(), g.terms[1].Difficulty; d != 256 || w.VersionMask != 0x00c00000 || w.Clean {
			t.Errorf("next work: difficulty %v, mask %08x, clean %t", d, uint32(w.VersionMask), w.Clean)
		}
		if g.terms[0].Difficulty != 1024 {
			t.Errorf("the first work's difficulty became %v", g.terms[0].Difficulty)
		}
		g.leave()
	})
}
