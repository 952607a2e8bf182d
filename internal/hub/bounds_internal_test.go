package hub

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// A pool that sends jobs faster than they can be handed out must not make the
// queue grow: a newer work for everybody ends those before it, clean or not.
func TestDeliveriesAreBounded(t *testing.T) {
	g, _ := gathered(200)
	f := newFanout(new(Metrics))
	for i := range 1000 {
		f.push(to(g, workAt(mining.JobID(i+1), false, 1)))
	}
	if n := len(f.waiting); n > 2 {
		t.Errorf("%d deliveries of one group wait, at most two are promised", n)
	}
}

// A share that was judged while the link ended goes nowhere, and that is
// counted: nothing that was accepted vanishes.
func TestShareOfALinkThatJustEndedIsCounted(t *testing.T) {
	g, _ := gathered(1)
	var booked times
	books := ledger.New(ledger.Config{Sink: &booked}, time.Now())
	g.hub, g.route, g.pool = &Hub{deps: Deps{Ledger: books}}, &route{book: books.Route("r", time.Now())}, &pool{book: books.Pool("p", time.Now())}
	m := g.members[0]
	job := &mining.Job{Difficulty: 1, Extranonce2Size: 8}
	m.layout.Slot, m.layout.Miner = 4, 4
	m.slot, _ = work.MakeExtranonce(make([]byte, 4))
	en2, _ := work.MakeExtranonce(make([]byte, 4))
	w := &mining.Work{ID: 7, Job: job}
	g.works.Add(w, time.Now())
	at := time.Now().Add(-time.Millisecond)
	// LinkEnded comes between the check and here: g.link is nil.
	g.forward(m, &member{}, &mining.Share{Job: 7, Extranonce2: en2}, &jobbook.Finding{
		Verdict: mining.Accepted, Work: w, Forward: true, Credited: 1,
	}, &ledger.Entry{ID: 1, At: at})
	if got := books.Pools(time.Now())[0].Tally.Unsent; got.Shares != 1 || got.Work != 1 {
		t.Errorf("%+v is counted as not submitted, want one share of 1", got)
	}
	if len(booked) != 1 || !booked[0].Equal(at) {
		t.Errorf("it is booked in %v, want the time of the share, %v", booked, at)
	}
}

// times are when what is booked happened.
type times []time.Time

// Take implements [ledger.Sink].
func (s *times) Take(events []ledger.Event) {
	for i := range events {
		*s = append(*s, events[i].At())
	}
}

// A slot's next miner must not find shares of its last one that still count.
func TestASlotRestsForAsLongAsItsSharesCount(t *testing.T) {
	if rest := extranonce.Quarantine; rest < jobbook.DefaultRetention {
		t.Errorf("a slot rests for %v, its shares may count for %v", rest, jobbook.DefaultRetention)
	}
}
