package hub_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// step is one thing that happens to a shared house; who and how say which and
// in what way, modulo what there is.
type step struct {
	kind, who, how int
}

// sharedWalk is a house to which things happen, and what must be so meanwhile.
type sharedWalk struct {
	house  *house
	pools  []*fakePool
	guests []*guest
	next   uint64
	// ours is what the answers to shares say in total.
	ours map[mining.Verdict]uint64
	// last is the newest share of each miner.
	last   map[*guest]mining.Share
	wrongs []string
}

func (w *sharedWalk) wrong(format string, args ...any) {
	w.wrongs = append(w.wrongs, fmt.Sprintf(format, args...))
}

// steps are what can happen, by kind.
func (w *sharedWalk) steps() []func(s step) {
	onGuest := func(f func(g *guest, how int)) func(step) {
		return func(s step) {
			if len(w.guests) > 0 {
				f(w.guests[s.who%len(w.guests)], s.how)
			}
		}
	}
	onLink := func(f func(c *poolConn, how int)) func(step) {
		return func(s step) {
			p := w.pools[s.how%len(w.pools)]
			all := p.all()
			if len(all) > 0 {
				f(all[s.who%len(all)], s.how)
			}
		}
	}
	return []func(step){
		w.join, w.join, w.join,
		onGuest(w.authorize), onGuest(w.authorize),
		onGuest(w.share), onGuest(w.share), onGuest(w.share), onGuest(w.share),
		onGuest(w.leave), onGuest(w.leave),
		onGuest(func(g *guest, how int) {
			g.ask(mining.Request{Kind: mining.Suggest, Difficulty: work.Difficulty(how) * easy})
		}),
		func(step) { w.pools[0].job() },
		func(s step) { w.pools[s.how%len(w.pools)].block() },
		onLink(func(c *poolConn, how int) { c.setDifficulty(work.Difficulty(1+how%7) * easy) }),
		onLink(func(c *poolConn, how int) { c.setExtranonce(fmt.Sprintf("%04x", how), c.size) }),
		onLink(func(c *poolConn, _ int) { _ = c.Close() }),
		func(s step) {
			p := w.pools[s.how%len(w.pools)]
			p.refuse.Store(s.how%3 == 0)
		},
		func(s step) { time.Sleep(time.Duration(s.how) * 50 * time.Millisecond) },
		func(s step) { time.Sleep(time.Duration(s.how) * 5 * time.Millisecond) },
	}
}

func (w *sharedWalk) join(s step) {
	w.next++
	g := w.house.join(w.next)
	w.guests = append(w.guests, g)
	if s.how%3 == 0 {
		g.authorize("u1.early") // some do before they subscribe
	}
	g.open()
}

func (w *sharedWalk) authorize(g *guest, how int) {
	g.authorize(fmt.Sprintf("u%d.rig%d", how%2, how%5))
}

// share hands in a good share, a wrong one or one again.
func (w *sharedWalk) share(g *guest, how int) {
	if g.given() == 0 || g.answerOfOpen().Verdict != mining.Accepted {
		return
	}
	a := g.assigned()
	s := g.search(a.Work, max(a.Difficulty, easy), impossible)
	want := []mining.Verdict{mining.Accepted, mining.Stale}
	switch how % 6 {
	case 0:
		if last, ok := w.last[g]; ok {
			s, want = last, []mining.Verdict{mining.Duplicate, mining.Stale, mining.JobNotFound}
		}
	case 1:
		s.NTime = 1
		want = []mining.Verdict{mining.Invalid, mining.Stale}
	case 2:
		s.Job += 1 << 30
		want = []mining.Verdict{mining.JobNotFound}
	}
	login := g.login()
	if g.workers[login] == nil || g.refused[login] {
		want = []mining.Verdict{mining.Unauthorized}
	}
	got := g.hand(login, s).Verdict
	w.ours[got]++
	if got == mining.Accepted {
		w.last[g] = s
	}
	if !slices.Contains(want, got) {
		w.wrong("a share of %s (kind %d): %v, want one of %v", login, how%6, got, want)
	}
}

func (w *sharedWalk) leave(g *guest, _ int) {
	for i, other := range w.guests {
		if other == g {
			w.guests = append(w.guests[:i:i], w.guests[i+1:]...)
		}
	}
	g.leave()
}

// see looks at what must always be so.
func (w *sharedWalk) see() {
	slots, used := map[work.Extranonce]bool{}, 0
	for _, g := range w.guests {
		a := g.answerOfOpen()
		if a.Verdict != mining.Accepted {
			continue
		}
		if used++; slots[a.Extranonce1] {
			w.wrong("slot %v is given twice", a.Extranonce1)
		}
		slots[a.Extranonce1] = true
	}
	h := w.house.hub
	if got := h.SlotsInUse(); got < used || got > len(w.guests) {
		w.wrong("%d slots are in use, miners were told %d of %d", got, used, len(w.guests))
	}
	if n := h.Pending(); n != 0 {
		w.wrong("%d shares are due", n)
	}
	total := w.house.books.Snapshot(time.Now()).Total.Tally
	accepted := 0
	for _, p := range w.pools {
		n, refused := p.tally()
		accepted += n
		if len(refused) > 0 {
			w.wrong("pool %s refused %q", p.name, refused)
		}
	}
	for _, v := range mining.Verdicts() {
		if got := total.Ours.Of(v); got != w.ours[v] {
			w.wrong("%d shares are booked as %v, answered were %d", got, v, w.ours[v])
		}
	}
	if got := total.Pools.Accepted(); got != uint64(accepted) || total.Pools.Rejected() != 0 {
		w.wrong("pools accepted %d, booked are %+v", accepted, total.Pools)
	}
}

// calm is what comes after all trouble: every miner that is still there and has
// a worker finds a share of a new block.
func (w *sharedWalk) calm() {
	for _, p := range w.pools {
		p.refuse.Store(false)
	}
	for range 9 {
		pass(10 * time.Second)
		for _, p := range w.pools {
			p.block()
		}
	}
	for _, g := range w.guests {
		login := g.login()
		if g.reason() != "" || g.answerOfOpen().Verdict != mining.Accepted || login == "" || g.refused[login] {
			continue
		}
		if g.given() == 0 {
			w.wrong("miner %v has no work", g.miner.ID)
			continue
		}
		got := g.mine(login).Verdict
		if w.ours[got]++; got != mining.Accepted {
			w.wrong("miner %v found a share in the end: %v", g.miner.ID, got)
		}
	}
	w.see()
}

// answerOfOpen is the answer to the newest open, which may have come late.
func (g *guest) answerOfOpen() mining.Answer {
	if g.told.Verdict == mining.Pending {
		if a := g.answer(g.opened); a.Verdict != mining.Pending {
			g.told = a
		}
	}
	return g.told
}

func TestWhateverHappensToMany(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{rapid.IntRange(0, 19).Draw(t, "kind"), rapid.IntRange(0, 40).Draw(t, "who"), rapid.IntRange(0, 1000).Draw(t, "how")}
		}), 30, 120).Draw(rt, "steps")
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{4, 5, 8, 9, 12, 16}), 1, 2).Draw(rt, "sizes of extranonce2")
		template := rapid.SampledFrom([]string{mining.DefaultTemplate, "{login}"}).Draw(rt, "template")
		fixed := rapid.Bool().Draw(rt, "fixed difficulty")
		room := rapid.IntRange(1, 8).Draw(rt, "miners a connection")
		var wrongs []string
		synctest.Test(t, func(t *testing.T) {
			w := sharedWalk{ours: make(map[mining.Verdict]uint64), last: make(map[*guest]mining.Share)}
			for i, size := range sizes {
				p := sharedPool(fmt.Sprintf("pool%d", i))
				p.en1, p.en2Size, p.diff = fmt.Sprintf("%02x", i), size, 4*easy
				w.pools = append(w.pools, p)
			}
			w.house = buildShared(t, w.pools, func(c *hub.Config) {
				c.Routes[0].Worker, _ = mining.ParseTemplate(template)
				c.Routes[0].MaxMiners = room
				if !fixed {
					c.Routes[0].Vardiff = func(string) vardiff.Config { return vardiff.Config{Start: 2 * easy, SharesPerMinute: 60} }
				}
				c.IdleLink = 20 * time.Second
			})
			kinds := w.steps()
			for i, s := range steps {
				kinds[s.kind](s)
				synctest.Wait()
				if w.see(); len(w.wrongs) > 0 {
					w.wrong("after step %d", i)
					break
				}
			}
			w.calm()
			for len(w.guests) > 0 {
				w.leave(w.guests[0], 0)
			}
			if n := w.house.hub.SlotsInUse(); n != 0 {
				w.wrong("%d slots are in use after all have left", n)
			}
			wrongs = w.wrongs
		})
		if len(wrongs) > 0 {
			rt.Fatalf("%q", wrongs)
		}
	})
}
