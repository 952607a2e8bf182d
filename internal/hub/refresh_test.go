package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// Firmware begins its search anew with each work and rolls the ntime up to a
// minute ahead: no two works of one job may meet there while the pool is
// silent for as long as pools are, and none may be further ahead than the
// strictest pool takes.
func TestRefreshedWorkIsNotTheSameSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := goodPool("main")
		h := build(t, []*fakePool{p}, nil)
		g := h.join(1)
		g.open()
		g.authorize("alice")
		own := p.last()
		for nonce := range work.Nonce(5) {
			time.Sleep(30 * time.Second)
			g.submit("alice", nonce, hex(t, "00000001")) // the pool answers: it is not dead
		}
		if g.given() != 6 {
			t.Fatalf("%d works", g.given())
		}
		for i, w := range g.works[1:] {
			if ahead := w.NTime - g.works[i].NTime; ahead <= 60 {
				t.Errorf("work %d is %d s after the one before", i+1, ahead)
			}
		}
		if ahead := g.newest().NTime - g.newest().Job.NTime; ahead > 600 {
			t.Errorf("the newest is %d s after its job", ahead)
		}
		own.notify(false)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if ahead := g.newest().NTime - g.newest().Job.NTime; ahead > 120 {
			t.Errorf("a new job's first refresh is %d s ahead", ahead)
		}
		g.leave()
	})
}

// However the miner's clock and the hub's stand to each other.
func TestNoMinerIsLeftLongerThanThirtySeconds(t *testing.T) {
	for _, offset := range []time.Duration{1, 300 * time.Millisecond, 999 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, []*fakePool{goodPool("main")}, nil)
			time.Sleep(offset)
			g := h.join(1)
			g.open()
			g.authorize("alice")
			for want := 2; want < 4; want++ {
				time.Sleep(30 * time.Second)
				synctest.Wait()
				if n := g.given(); n < want {
					t.Fatalf("%d works %v after the hub's tick, want %d", n, offset, want)
				}
			}
			g.leave()
		})
	}
}

// A job that its pool lets stand for hours is given again as long as pools take
// the times of it, and not after: what was given last goes on, and a difficulty
// that should not wait waits for the pool's next job.
func TestManyAreGivenAJobAgainForTwoHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sharedPool("main")
		p.diff = 64 * easy
		h := build(t, []*fakePool{p}, withVardiff(vardiff.Config{Start: easy}))
		job := time.Now()
		alice, wants := h.bring(1, "alice"), work.Difficulty(16*easy)
		impatient := func(id uint64) *guest {
			g := h.join(id)
			g.open()
			g.ask(mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("x"), Password: mining.Secret(fmt.Sprintf("d=%g", float64(wants)))})
			return g
		}
		stand := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); pass(30 * time.Second) {
				for _, c := range p.all() {
					c.setDifficulty(p.diff) // it has no job, but is not dead
				}
			}
		}
		count := func(g *guest, share mining.Share) {
			t.Helper()
			if a := g.hand(g.login(), share); a.Verdict != mining.Accepted {
				t.Errorf("a share after %v: %v %q", time.Since(job), a.Verdict, a.Text)
			}
		}
		stand(110 * time.Minute)
		early := impatient(2)
		pass(35 * time.Second) // other works of the job may have come just before
		if d := early.assigned().Difficulty; d != wants {
			t.Errorf("a miner that comes after %v is given %v, want %v", time.Since(job), d, wants)
		}
		for i, w := range alice.works[1:] {
			if before := alice.works[i]; w.Job != before.Job || w.NTime <= before.NTime {
				t.Errorf("work %d at %d came after one at %d", i+1, w.NTime, before.NTime)
			}
		}
		stand(10 * time.Minute) // two hours are 7,200 s
		last, given := alice.newest(), alice.given()
		if ahead := last.NTime - last.Job.NTime; ahead < 7000 || ahead > 7000+600 {
			t.Errorf("the last work is %d s after its job", ahead)
		}
		late := impatient(3)
		stand(10 * time.Minute)
		if alice.given() != given || late.given() != 1 || late.newest() != last || late.assigned().Difficulty != easy {
			t.Errorf("%d works more, %d to a miner that comes late, at %v", alice.given()-given, late.given(), late.assigned().Difficulty)
		}
		count(alice, alice.search(last, p.diff, impossible))
		p.job()
		if a := late.assigned(); alice.given() != given+1 || a.Work.NTime != a.Work.Job.NTime || a.Difficulty != wants {
			t.Errorf("%d works with the next job, the other miner's at %v", alice.given()-given, a.Difficulty)
		}
		count(alice, alice.search(last, p.diff, impossible))
		pass(35 * time.Second)
		if w := alice.newest(); alice.given() != given+2 || w.NTime-w.Job.NTime > 120 {
			t.Errorf("%d works with the next job and half a minute, want 2, the last %d s after its job", alice.given()-given, w.NTime-w.Job.NTime)
		}
		count(alice, alice.search(alice.newest(), p.diff, impossible))
		if n, refused := p.tally(); n != 3 || len(refused) != 0 {
			t.Errorf("the pool took %d and refused %q", n, refused)
		}
		for _, g := range []*guest{alice, early, late} {
			g.leave()
		}
	})
}
