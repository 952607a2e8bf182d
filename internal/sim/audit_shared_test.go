package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/loka/stratum/work"
)

// The pool's difficulty of job 1 is met by every hash here, that of job 2 by
// none.
func TestSharedAudit(t *testing.T) {
	t.Parallel()
	event := func(key byte, o Outcome, mark uint64) ShareEvent {
		ev := ShareEvent{Key: work.Hash{0: key}, Worker: "w", Mark: mark, Outcome: o}
		if o == OutcomeRejected {
			ev.Code, ev.Text = 21, "Stale"
		}
		return ev
	}
	yes := func(key byte) ShareEvent { return event(key, OutcomeAccepted, 1) }
	no := func(key byte) ShareEvent { return event(key, OutcomeRejected, 1) }
	over := func(key byte, n Notice) ShareEvent {
		ev := no(key)
		ev.Notice = n
		return ev
	}
	gone := func(key byte) ShareEvent { return event(key, OutcomeUnanswered, 1) }
	for _, r := range []struct {
		name        string
		pool, miner []ShareEvent
		want        SharedReport
		ok          bool
	}{
		{"agree", []ShareEvent{yes(1)}, []ShareEvent{yes(1)}, SharedReport{Accepted: 1, Matched: 1}, true},
		{"refused here and not sent", nil, []ShareEvent{no(1)}, SharedReport{}, true},
		{"handed in twice", []ShareEvent{yes(1)}, []ShareEvent{yes(1), no(1)}, SharedReport{Accepted: 1, Matched: 1}, true},
		{"stale on its way", []ShareEvent{no(1)}, []ShareEvent{yes(1)}, SharedReport{Accepted: 1, Refused: Rejections{21: 1}, Untold: 1}, true},
		{"stale on its way to the pool", []ShareEvent{over(1, NoticeSent)}, []ShareEvent{yes(1)}, SharedReport{Accepted: 1, Refused: Rejections{21: 1}}, true},
		{"stale on its way out", []ShareEvent{over(1, NoticeRead)}, []ShareEvent{yes(1)}, SharedReport{Accepted: 1, Refused: Rejections{21: 1}}, true},
		{
			"late",
			[]ShareEvent{over(1, NoticeRead), over(2, NoticeRead)},
			[]ShareEvent{yes(1), yes(2)},
			SharedReport{Accepted: 2, Refused: Rejections{21: 2}, Late: 1},
			true,
		},
		{"below", nil, []ShareEvent{event(9, OutcomeAccepted, 2)}, SharedReport{Accepted: 1, Below: 1}, true},
		{"withheld", nil, []ShareEvent{yes(1)}, SharedReport{Accepted: 1, Withheld: 1, WithheldWork: 1}, true},
		{"to two miners", []ShareEvent{yes(1)}, []ShareEvent{yes(1), yes(1)}, SharedReport{Accepted: 1, Matched: 1, Doubled: 1}, false},
		{"sent twice", []ShareEvent{yes(1), no(1)}, []ShareEvent{yes(1)}, SharedReport{Accepted: 1, Matched: 1, Twice: 1, Refused: Rejections{21: 1}, Untold: 1}, false},
		{"alone", []ShareEvent{yes(1)}, nil, SharedReport{Alone: 1}, false},
		{"misread", []ShareEvent{no(1)}, []ShareEvent{yes(2)}, SharedReport{Accepted: 1, Withheld: 1, WithheldWork: 1, Refused: Rejections{21: 1}, Untold: 1}, true},
		{"unheard", []ShareEvent{yes(1)}, []ShareEvent{gone(1)}, SharedReport{Unheard: 1}, true},
		{"no such job", nil, []ShareEvent{event(1, OutcomeAccepted, 3)}, SharedReport{Accepted: 1, Unknown: 1}, false},
		{"no header", []ShareEvent{{Outcome: OutcomeRejected, Code: 20}}, nil, SharedReport{Refused: Rejections{20: 1}}, true},
		{"no job", []ShareEvent{{Outcome: OutcomeRejected, Code: 21}}, nil, SharedReport{Refused: Rejections{21: 1}, NoJob: 1}, true},
	} {
		for _, poolFirst := range []bool{true, false} {
			a := NewSharedAudit()
			a.Job(JobEvent{Mark: 1, Difficulty: 1})
			a.Job(JobEvent{Mark: 2, Difficulty: 1e67})
			if poolFirst {
				each(r.pool, a.Pool)
			}
			each(r.miner, a.Miner)
			if !poolFirst {
				each(r.pool, a.Pool)
			}
			got := a.Report()
			if got.Matched > 0 && got.Names[SharedName{"w", "w"}] != got.Matched {
				t.Errorf("%s: names %v", r.name, got.Names)
			}
			got.Texts = nil
			if got.String() != r.want.String() || (got.Err() == nil) != r.ok {
				t.Errorf("%s, pool first %t: %s, want %s", r.name, poolFirst, &got, &r.want)
			}
			if err := got.Err(); err != nil && !errors.Is(err, ErrAudit) {
				t.Errorf("%s: %v", r.name, err)
			}
		}
	}
}

// What the miner was told no for and the pool has is seen where the pool's
// word came first; else it stays alone.
func TestSharedAuditDenied(t *testing.T) {
	t.Parallel()
	for _, poolFirst := range []bool{true, false} {
		a := NewSharedAudit()
		if poolFirst {
			a.Pool(ShareEvent{Key: work.Hash{1}, Outcome: OutcomeAccepted})
		}
		a.Miner(ShareEvent{Key: work.Hash{1}, Outcome: OutcomeRejected})
		if !poolFirst {
			a.Pool(ShareEvent{Key: work.Hash{1}, Outcome: OutcomeAccepted})
		}
		if r := a.Report(); r.Denied+r.Alone != 1 || r.Err() == nil {
			t.Errorf("pool first %t: %s", poolFirst, &r)
		}
	}
}

// Where nobody is between them, all that miners were told is the pool's word.
func TestSharedAuditOfASwarm(t *testing.T) {
	t.Parallel()
	audit := NewSharedAudit()
	p := startPool(t, PoolConfig{Seed: 3, JobInterval: 200 * time.Millisecond, OnShare: audit.Pool, OnJob: audit.Job})
	w := startMiners(t, MinersConfig{Pool: p.URL(), OnShare: audit.Miner})
	within(t, "shares", func() bool { return w.Stats().Accepted > 100 })
	w.Pause(true)
	within(t, "all answered", w.Settled)
	r, st := audit.Report(), w.Stats()
	if err := r.Err(); err != nil || r.Matched != st.Accepted || r.Withheld+r.Below != 0 {
		t.Errorf("%s, the miners were told of %d", &r, st.Accepted)
	}
}

func TestSharedAuditForgets(t *testing.T) {
	t.Parallel()
	a := NewSharedAudit()
	a.Job(JobEvent{Mark: 1, Difficulty: 1})
	for i := range 3 * auditShares {
		ev := ShareEvent{Key: work.Hash{byte(i), byte(i >> 8), byte(i >> 16), 1}, Mark: 1, Outcome: OutcomeAccepted}
		a.Miner(ev)
		a.Pool(ev)
	}
	if n := len(a.sent.now) + len(a.sent.old); n > 2*auditShares || len(a.told)+len(a.pool) > 0 {
		t.Errorf("%d remembered, %d and %d open", n, len(a.told), len(a.pool))
	}
	if _, ok := a.sent.get(work.Hash{3: 1}); ok {
		t.Error("the first is remembered")
	}
}

// The mark is read whatever the height and the tag are, and from nothing else.
func TestMark(t *testing.T) {
	t.Parallel()
	for _, height := range []int64{0, 1, 16, 17, 128, 840_000, 1 << 31} {
		tmpl := template{height: height, script: []byte{opTrue}}
		coinb1, _ := tmpl.coinbase(coinbaseShape{tag: "/loka sim/", conn: 7, job: 9, extranonce: 12})
		if got, want := markOf(coinb1), uint64(7<<32|9); got != want {
			t.Errorf("height %d: %x, want %x", height, got, want)
		}
		for n := range coinb1[:len(coinb1)-1] {
			if got := markOf(coinb1[:n]); got != 0 {
				t.Errorf("height %d, %d bytes of it: %x", height, n, got)
			}
		}
	}
}

// Pools of different numbers have different marks, which their miners see, and
// say when a connection has ended.
func TestPoolsAreToldApart(t *testing.T) {
	t.Parallel()
	for _, number := range []uint8{0, 1, 255} {
		ended := make(chan uint64, 1)
		p := startPool(t, PoolConfig{Number: number, OnEnd: func(conn uint64) { ended <- conn }})
		w := startMiners(t, MinersConfig{Pool: p.URL(), Count: 1, Once: true})
		within(t, "work", func() bool { return w.Stats().Mining == 1 })
		mark, conn := w.Stats().Miners[0].Mark, uint64(number)<<24+1
		if MarkPool(mark) != number || MarkConn(mark) != conn {
			t.Errorf("pool %d: the mark is %x", number, mark)
		}
		if n := p.DisconnectSome(true, func(c PoolConn) bool { return c.ID != conn }); n != 0 {
			t.Errorf("pool %d: %d other connections", number, n)
		}
		p.Disconnect(true)
		if got := <-ended; got != conn {
			t.Errorf("pool %d: connection %d has ended", number, got)
		}
	}
}

func TestSharedAuditNamesTheWithheld(t *testing.T) {
	t.Parallel()
	a := NewSharedAudit()
	a.Job(JobEvent{Mark: 1, Difficulty: 1})
	for i := range byte(2) {
		a.Miner(ShareEvent{Key: work.Hash{i + 1}, Mark: 1, Outcome: OutcomeAccepted})
	}
	a.Pool(ShareEvent{Key: work.Hash{1}, Mark: 1, Outcome: OutcomeAccepted})
	if got := a.Withheld(); len(got) != 1 || got[0].Key != (work.Hash{2}) {
		t.Errorf("withheld: %v", got)
	}
}
