package app

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
)

// booking keeps what is booked.
type booking struct{ all []ledger.Event }

func (b *booking) Take(all []ledger.Event) { b.all = append(b.all, all...) }

// Picking some of the shares takes no memory of its own, whether somebody follows them or
// nobody does, and all are counted.
func TestShareSample(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sink := new(booking)
	books := ledger.New(ledger.Config{Sink: sink}, now)
	w, p := books.Worker("alice.rig1", "farm", now), books.Pool("main", now)
	for range 100 {
		books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: mining.Accepted, Difficulty: 512, At: now})
	}
	books.Tick(now)
	log := events.New(events.Config{}, now, nil)
	s := &shareSample{log: log}
	take := func() { s.take(sink.all) }
	if n := testing.AllocsPerRun(100, take); n != 0 || s.counted[0] != 0 {
		t.Errorf("nobody follows: %v allocations, %d looked at", n, s.counted[0])
	}
	f, err := log.Follow(events.Follow{Kinds: []events.Kind{events.Share}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := testing.AllocsPerRun(100, take); n != 0 {
		t.Errorf("somebody follows: %v allocations", n)
	}
	told, want := uint64(0), s.counted[0]
	s.tell(now)
	for len(f.C()) > 0 {
		e := <-f.C()
		if told += e.Count; e.What != "accepted" || e.Worker != "alice.rig1" || e.Pool != "main" {
			t.Errorf("%+v", e)
		}
	}
	if told != want || want < 10_000 {
		t.Errorf("%d shares are told of, %d were booked", told, want)
	}
}
