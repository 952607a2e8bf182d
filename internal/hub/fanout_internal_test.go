package hub

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// hearer is a miner's connection that remembers what it was given.
type hearer struct{ given []mining.Assignment }

func (p *hearer) Work(a mining.Assignment)              { p.given = append(p.given, a) } // under the seat's mutex
func (*hearer) Answer(mining.Answer)                    {}
func (*hearer) SetExtranonce(work.Extranonce, int) bool { return false }
func (*hearer) Gather(bool)                             {}
func (*hearer) Follows() bool                           { return false }
func (*hearer) Close(mining.Reason)                     {}
func (p *hearer) newest() *mining.Work                  { return p.given[len(p.given)-1].Work }
func workOf(id mining.JobID, clean bool) *mining.Work   { return workAt(id, clean, byte(id)) }
func workAt(id mining.JobID, clean bool, p byte) *mining.Work {
	return &mining.Work{ID: id, Clean: clean, Job: &mining.Job{PrevHash: work.Hash{p}, Difficulty: 1}}
}

// gathered is a group with members who hear.
func gathered(n int) (*group, []*hearer) {
	h := &Hub{rulings: make(map[ruling]*vardiff.Config), memory: vardiff.NewMemory()}
	r := &route{}
	r.all.Store(&routeConf{})
	g := &group{hub: h, route: r, works: jobbook.New(jobbook.Config{})}
	g.terms.Store(&terms{})
	heard := make([]*hearer, 0, n)
	for range n {
		p := new(hearer)
		m := newShared(&seat{hub: h, route: r, miner: &mining.Miner{}, peer: p, first: &member{worker: new(mining.Worker)}})
		m.group = g
		g.add(m)
		heard = append(heard, p)
	}
	return g, heard
}

func to(g *group, w *mining.Work) *delivery { return &delivery{group: g, work: w, to: g.everybody()} }

func works(f *fanout) (ids []mining.JobID) {
	for _, d := range f.waiting {
		ids = append(ids, d.work.ID)
	}
	return ids
}

func TestNewBlocksGoFirst(t *testing.T) {
	a, _ := gathered(200)
	b, _ := gathered(1)
	c, _ := gathered(1)
	f := newFanout(new(Metrics))
	for _, step := range []struct {
		push *delivery
		want []mining.JobID
	}{
		{to(a, workOf(1, false)), []mining.JobID{1}},
		{to(b, workOf(2, false)), []mining.JobID{1, 2}},
		{to(c, workOf(3, true)), []mining.JobID{3, 1, 2}},
		{to(a, workOf(4, true)), []mining.JobID{3, 4, 2}},  // 1 is of no use any more
		{to(a, workOf(5, false)), []mining.JobID{3, 5, 2}}, // in the place of 4, and as urgent
		{to(b, workOf(6, true)), []mining.JobID{3, 5, 6}},
		{to(a, workOf(7, true)), []mining.JobID{3, 6, 7}},
	} {
		f.push(step.push)
		if got := works(f); !slices.Equal(got, step.want) {
			t.Errorf("after %v: %v, want %v", step.push.work.ID, got, step.want)
		}
	}
	f.end()
	f.push(to(a, workOf(8, true)))
	if d, _, _ := f.take(); d != nil || len(f.waiting) != 0 {
		t.Error("something is left after the end")
	}
}

// measured counts observations.
type measured struct{ n int }

func (m *measured) Observe(float64) { m.n++ }

// A new block overtakes a delivery that is under way.
func TestNewBlockOvertakes(t *testing.T) {
	g, heard := gathered(200)
	took := new(measured)
	f := newFanout(&Metrics{FanoutSeconds: took})
	serve := func() (id mining.JobID) {
		d, some, _ := f.take()
		for _, m := range some {
			m.deliver(d.group, d.work, time.Now())
		}
		f.done(d)
		return d.work.ID
	}
	f.push(to(g, workOf(1, true)))
	if works, waiting := f.waits(); works != 1 || waiting != 200 {
		t.Errorf("%d works and %d miners wait, want 1 and 200", works, waiting)
	}
	if serve() != 1 {
		t.Fatal("the first work is not served")
	}
	if works, waiting := f.waits(); works != 1 || waiting != 200-Batch {
		t.Errorf("%d works and %d miners wait, want 1 and %d", works, waiting, 200-Batch)
	}
	slow, some, _ := f.take() // a shard that is slow with the second batch
	f.push(to(g, workOf(2, true)))
	for len(f.waiting) > 0 {
		if id := serve(); id != 2 {
			t.Errorf("work %v was served after a newer one came", id)
		}
	}
	for _, m := range some {
		m.deliver(slow.group, slow.work, time.Now())
	}
	f.done(slow)
	for i, p := range heard {
		want := 1
		if i < Batch {
			want = 2
		}
		if len(p.given) != want || p.newest().ID != 2 || !p.given[want-1].Clean {
			t.Errorf("miner %d was given %d works, the last %v", i, len(p.given), p.newest().ID)
		}
	}
	if took.n != 1 {
		t.Errorf("%d deliveries were measured, want that of the newest alone", took.n)
	}
}

// A pool that sends nothing but new blocks, faster than they can be handed out, does not
// keep the miners of another one from their work.
func TestFloodOfNewBlocksStarvesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loud, _ := gathered(4 * Batch)
		quiet, heard := gathered(2 * Batch)
		f := newFanout(new(Metrics))
		f.push(to(loud, workOf(1, true)))
		began := time.Now()
		f.push(to(quiet, workOf(2, false)))
		for id := mining.JobID(3); len(heard[len(heard)-1].given) == 0; id++ {
			if time.Since(began) > 2*patience {
				t.Fatal("others have waited for seconds")
			}
			d, some, _ := f.take()
			for _, m := range some {
				m.deliver(d.group, d.work, time.Now())
			}
			f.done(d)
			time.Sleep(10 * time.Millisecond)
			f.push(to(loud, workOf(id, true)))
			if id%20 == 0 {
				f.push(to(quiet, workAt(id+1, false, 2))) // a newer one of theirs waits for no less
				id++
			}
		}
		if d, _, _ := f.take(); d.group != loud {
			t.Error("work of a new block does not go first any more")
		}
	})
}

// Whatever the shards do at once, nobody is given an older work after a newer
// one, everybody has the newest in the end, and the ids may wrap around.
func TestManyDeliveriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFanout(new(Metrics))
		done := make(chan struct{})
		go func() {
			f.run()
			close(done)
		}()
		a, heardA := gathered(300)
		b, heardB := gathered(70)
		last := ^mining.JobID(0) - 100
		for i := range 200 {
			last++
			clean := i%5 == 0
			for _, g := range []*group{a, b} {
				f.push(to(g, workAt(last, clean, byte(i/5))))
			}
			if i%20 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		f.end()
		<-done
		for i, p := range append(heardA, heardB...) {
			if p.newest().ID != last {
				t.Errorf("miner %d has work %v, the newest is %v", i, p.newest().ID, last)
			}
			for j, given := range p.given[1:] {
				if !p.given[j].Work.ID.Before(given.Work.ID) {
					t.Errorf("miner %d was given work %v after %v", i, given.Work.ID, p.given[j].Work.ID)
				}
				if given.Work.Job.PrevHash != p.given[j].Work.Job.PrevHash && !given.Clean {
					t.Errorf("miner %d was given work of a new block that is not clean", i)
				}
			}
		}
	})
}

// A miner that has gone elsewhere, or is gone, is passed over.
func TestDeliveryPassesOver(t *testing.T) {
	g, heard := gathered(3)
	other, _ := gathered(0)
	g.members[0].left = true
	g.members[1].group = other
	for _, m := range g.members {
		m.deliver(g, workOf(1, true), time.Now())
	}
	if len(heard[0].given) != 0 || len(heard[1].given) != 0 || len(heard[2].given) != 1 {
		t.Errorf("given: %d, %d, %d", len(heard[0].given), len(heard[1].given), len(heard[2].given))
	}
}

// told is a [mining.Trace] that remembers how it ended.
type told struct{ ends []string }

func (t *told) Step(name string, _ time.Time, facts ...mining.Fact) {
	for _, f := range facts {
		t.ends = append(t.ends, name+" "+f.Name+" "+f.Value)
	}
}
func (t *told) End(time.Time) { t.ends = append(t.ends, "end") }

// A job that is followed has one end, whatever becomes of it.
func TestEachFollowedJobHasAnEnd(t *testing.T) {
	followed := func(id mining.JobID) (*mining.Work, *told) {
		w, is := workOf(id, false), new(told)
		w.Trace = is
		return w, is
	}
	serve := func(f *fanout) {
		for len(f.waiting) > 0 {
			d, _, _ := f.take()
			f.done(d)
		}
	}
	for name, tt := range map[string]struct {
		miners int
		want   string
		do     func(f *fanout, g *group, w *mining.Work)
	}{
		"all have it": {3, "all", func(f *fanout, g *group, w *mining.Work) {
			f.push(to(g, w))
			serve(f)
		}},
		"nobody is there": {0, "nobody", func(f *fanout, g *group, w *mining.Work) {
			g.hub.fanout = f
			g.hand(w, time.Now(), g.everybody(), false)
		}},
		"a newer one takes its place": {3, "replaced", func(f *fanout, g *group, w *mining.Work) {
			f.push(to(g, w))
			f.push(to(g, workOf(2, false)))
			serve(f)
		}},
		"a newer one comes while it is on its way": {Batch + 1, "replaced", func(f *fanout, g *group, w *mining.Work) {
			f.push(to(g, w))
			slow, _, _ := f.take()
			f.push(to(g, workOf(2, false)))
			serve(f)
			f.done(slow)
		}},
		"the end": {3, "replaced", func(f *fanout, g *group, w *mining.Work) {
			f.push(to(g, w))
			f.end()
		}},
		"after the end": {3, "replaced", func(f *fanout, g *group, w *mining.Work) {
			f.end()
			f.push(to(g, w))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := gathered(tt.miners)
			w, is := followed(1)
			tt.do(newFanout(new(Metrics)), g, w)
			want := []string{"fanout given " + tt.want, "fanout miners " + strconv.Itoa(tt.miners), "end"}
			if !slices.Equal(is.ends, want) {
				t.Errorf("it was told %q, want %q", is.ends, want)
			}
		})
	}
}
