package hub_test

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// counted counts discrepancies by verdict.
type counted map[mining.Verdict]int

type counting struct {
	in counted
	v  mining.Verdict
}

func (c counting) Inc() { c.in[c.v]++ }

func TestPoolRefusesWhatIsValidHere(t *testing.T) {
	for _, c := range []struct {
		reply string
		want  mining.Verdict
	}{
		{`[21,"Stale share",null]`, mining.Stale},
		{`[21,"Job not found",null]`, mining.Stale},
		{`[22,"Duplicate share",null]`, mining.Duplicate},
		{`[23,"Low difficulty share",null]`, mining.LowDifficulty},
		{`[24,"Unauthorized worker",null]`, mining.Unauthorized},
		{`[20,"Ntime out of range",null]`, mining.Invalid},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.submit = func(sv1.Submit) string { return c.reply }
			found := counted{}
			var lines logText
			deps := hub.Deps{Logger: slog.New(slog.NewTextHandler(&lines, nil))}
			deps.Metrics.Discrepancy = func(_ string, v mining.Verdict) hub.Counter { return counting{found, v} }
			h := buildHub(t, []*fakePool{p}, deps, shareAll)
			g := h.bring(1, "alice")
			for range 3 {
				if a := g.mine("alice"); a.Verdict != mining.Accepted {
					t.Errorf("the miner was told %v", a.Verdict)
				}
			}
			h.expectBooks(c.reply, map[mining.Verdict]uint64{mining.Accepted: 3}, map[mining.Verdict]uint64{c.want: 3})
			if s := h.hub.Pools()[0]; s.Discrepancies != 3 || !s.Trouble || found[c.want] != 3 || len(found) != 1 {
				t.Errorf("%s: %d discrepancies, trouble %t, counted %v", c.reply, s.Discrepancies, s.Trouble, found)
			}
			if n := lines.count("pool refused a share that is valid here"); n != 1 {
				t.Errorf("%s: said %d times within a minute", c.reply, n)
			}
			// What comes right for long is no trouble any more.
			p.submit = nil
			p.live(21)
			g.mine("alice")
			if s := h.hub.Pools()[0]; s.Discrepancies != 3 || s.Trouble {
				t.Errorf("%s, later: %d discrepancies, trouble %t", c.reply, s.Discrepancies, s.Trouble)
			}
			g.leave()
		})
	}
}

// What the pool could not know yet, or we could not, is no disagreement.
func TestRacesAreNoDiscrepancies(t *testing.T) {
	for name, c := range map[string]struct {
		reply string
		// meanwhile happens while the share is at the pool.
		meanwhile func(p *fakePool)
		want      uint64
	}{
		"new block":         {`[21,"Job not found",null]`, (*fakePool).block, 0},
		"another job":       {`[21,"Job not found",null]`, (*fakePool).job, 1},
		"raised difficulty": {`[23,"Low difficulty",null]`, func(p *fakePool) { p.shared().setDifficulty(2 * easy) }, 0},
		"lower difficulty":  {`[23,"Low difficulty",null]`, func(p *fakePool) { p.shared().setDifficulty(easy / 2) }, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.submit = func(sv1.Submit) string { return "" }
			h := buildShared(t, []*fakePool{p}, nil)
			g := h.bring(1, "alice")
			g.mine("alice")
			c.meanwhile(p)
			synctest.Wait()
			p.shared().late(p.submitted()[0].Nonce, c.reply)
			synctest.Wait()
			if got := h.hub.Pools()[0].Discrepancies; got != c.want {
				t.Errorf("%s: %d discrepancies, want %d", name, got, c.want)
			}
			g.leave()
		})
	}
}

func TestPoolAnswersLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		g.mine("alice")
		if h.hub.Pending() != 1 || h.hub.Pools()[0].Shared[0].Pending != 1 {
			t.Errorf("%d shares are due", h.hub.Pending())
		}
		pass(31 * time.Second)
		ours := map[mining.Verdict]uint64{mining.Accepted: 1}
		h.expectBooks("unanswered", ours, map[mining.Verdict]uint64{mining.Unanswered: 1})
		if h.hub.Pending() != 0 {
			t.Errorf("%d shares are due after the pool's time", h.hub.Pending())
		}
		p.shared().late(p.submitted()[0].Nonce, "true")
		synctest.Wait()
		h.expectBooks("late", ours, map[mining.Verdict]uint64{mining.Unanswered: 1, mining.Accepted: 1})
		if h.hub.Pending() != 0 || h.hub.Pools()[0].Discrepancies != 0 {
			t.Errorf("%d shares are due, %d discrepancies", h.hub.Pending(), h.hub.Pools()[0].Discrepancies)
		}
		g.leave()
	})
}

func TestLinkEndsWithSharesDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.submit = func(sv1.Submit) string { return "" }
		h := buildShared(t, []*fakePool{p}, nil)
		g := h.bring(1, "alice")
		g.mine("alice")
		pass(31 * time.Second) // this one is unanswered, the next are due
		g.mine("alice")
		g.mine("alice")
		if h.hub.Pending() != 2 {
			t.Errorf("%d shares are due, want 2", h.hub.Pending())
		}
		_ = p.shared().Close()
		pass(10 * time.Second)
		if h.hub.Pending() != 0 {
			t.Errorf("%d shares are due after the link's end", h.hub.Pending())
		}
		h.expectBooks("after the end", map[mining.Verdict]uint64{mining.Accepted: 3}, map[mining.Verdict]uint64{mining.Unanswered: 3})
		g.mine("alice")
		if h.hub.Pending() != 1 {
			t.Errorf("%d shares are due at the next link, want 1", h.hub.Pending())
		}
		before := time.Now()
		h.hub.Drain(5 * time.Second)
		if took := time.Since(before); took != 5*time.Second {
			t.Errorf("Drain waited %v for a silent pool, want its 5 s", took)
		}
		time.AfterFunc(time.Second, func() { p.last().late(p.submitted()[3].Nonce, "true") })
		before = time.Now()
		h.hub.Drain(5 * time.Second)
		if took := time.Since(before); took > 1100*time.Millisecond || h.hub.Pending() != 0 {
			t.Errorf("Drain took %v, %d are due", took, h.hub.Pending())
		}
		g.leave()
	})
}

func TestVersionBitsAreFoundOut(t *testing.T) {
	for name, c := range map[string]struct {
		pool, start work.VersionReading
		auto        bool
		// bits are what the miner sends; the job has 00800000.
		bits      []work.VersionMask
		want      work.VersionReading
		refused   int
		discrepan uint64
	}{
		"xor, auto":         {work.ReadXor, work.ReadReplace, true, []work.VersionMask{0x00c00000, 0x00c00000}, work.ReadOr, 1, 0},
		"xor to the end":    {work.ReadXor, work.ReadReplace, true, []work.VersionMask{0x00c00000, 0x00c00000, 0x00400000, 0x00400000, 0x00c00000}, work.ReadXor, 2, 0},
		"or takes replace":  {work.ReadOr, work.ReadReplace, true, []work.VersionMask{0x00c00000, 0x00e00000}, work.ReadReplace, 0, 0},
		"replace, auto":     {work.ReadReplace, work.ReadReplace, true, []work.VersionMask{0x00c00000, 0x00400000}, work.ReadReplace, 0, 0},
		"replace, from xor": {work.ReadReplace, work.ReadXor, true, []work.VersionMask{0x00c00000, 0x00400000}, work.ReadReplace, 1, 1},
		"xor, configured":   {work.ReadXor, work.ReadXor, false, []work.VersionMask{0x00c00000, 0x00400000}, work.ReadXor, 0, 0},
		"wrongly set":       {work.ReadXor, work.ReadReplace, false, []work.VersionMask{0x00c00000, 0x00400000}, work.ReadReplace, 2, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := sharedPool("main")
			p.version = 0x20800000
			p.diff = 8 * easy
			p.judge.reading = c.pool
			h := buildShared(t, []*fakePool{p}, func(cfg *hub.Config) {
				cfg.Pools[0].Reading, cfg.Pools[0].ReadingAuto = c.start, c.auto
			})
			g := h.bring(1, "alice")
			if m := g.newest().VersionMask; m != 0x1f7fe000 {
				t.Errorf("offered %v, want the mask without the job's bits", m)
			}
			for _, bits := range c.bits {
				if a := g.hand("alice", g.rolled(bits, p.diff)); a.Verdict != mining.Accepted {
					t.Errorf("%s: bits %v: %v", name, bits, a.Verdict)
				}
			}
			s := h.hub.Pools()[0]
			if _, refused := p.tally(); s.Reading != c.want || len(refused) != c.refused || s.Discrepancies != c.discrepan {
				t.Errorf("%s: reading %v, the pool refused %d, %d discrepancies; want %v, %d, %d",
					name, s.Reading, len(refused), s.Discrepancies, c.want, c.refused, c.discrepan)
			}
			g.leave()
		})
	}
}

// Once a share has shown the reading, a refusal has another reason.
func TestConfirmedReadingStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.version = 0x20800000
		h := buildShared(t, []*fakePool{p}, func(cfg *hub.Config) { cfg.Pools[0].ReadingAuto = true })
		g := h.bring(1, "alice")
		g.hand("alice", g.rolled(0x00c00000, easy))
		p.submit = func(sv1.Submit) string { return `[23,"Low difficulty share",null]` }
		g.hand("alice", g.rolled(0x00c00000, easy))
		if s := h.hub.Pools()[0]; s.Reading != work.ReadReplace || s.Discrepancies != 1 {
			t.Errorf("reading %v, %d discrepancies", s.Reading, s.Discrepancies)
		}
		g.leave()
	})
}

// rolled is a share with rolled version bits that meets a difficulty by
// BIP 310's reading, and by no other that its bits may be written or read in.
func (g *guest) rolled(bits work.VersionMask, least work.Difficulty) mining.Share {
	g.house.t.Helper()
	w := g.newest()
	en2, _ := work.MakeExtranonce(make([]byte, g.told.Extranonce2Size))
	s := mining.Share{Job: w.ID, Known: true, Extranonce2: en2, NTime: w.NTime, VersionBits: bits, HasVersionBits: true}
	const mask = work.MaskBIP320
	final := mask.Replace(w.Job.Version, bits)
	var wrong []work.VersionMask // bits of the versions that a misunderstanding comes to
	for written := work.ReadReplace; written <= work.ReadXor; written++ {
		for read := work.ReadReplace; read <= work.ReadXor; read++ {
			sent, _ := written.Bits(w.Job.Version, final, mask)
			if v := read.Apply(w.Job.Version, sent, mask); v != final {
				wrong = append(wrong, work.VersionMask(v)&mask)
			}
		}
	}
	target := least.Target()
	for {
		g.tried++
		s.Nonce = g.tried
		ambiguous := slices.ContainsFunc(wrong, func(bits work.VersionMask) bool {
			other := s
			other.VersionBits = bits
			return target.Met(g.hash(w, &other))
		})
		if target.Met(g.hash(w, &s)) && !ambiguous {
			return s
		}
	}
}
