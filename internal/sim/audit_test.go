package sim

import (
	"errors"
	"testing"

	"github.com/loka/stratum/work"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	yes := func(key byte) ShareEvent { return ShareEvent{Key: work.Hash{key}, Outcome: OutcomeAccepted} }
	no := func(key byte) ShareEvent {
		return ShareEvent{Key: work.Hash{key}, Outcome: OutcomeRejected, Text: "Stale"}
	}
	gone := func(key byte) ShareEvent { return ShareEvent{Key: work.Hash{key}, Outcome: OutcomeUnanswered} }
	rows := []struct {
		name        string
		pool, miner []ShareEvent
		want        AuditReport
		ok          bool
	}{
		{"agree", []ShareEvent{yes(1), no(2)}, []ShareEvent{yes(1), no(2)}, AuditReport{Matched: 1}, true},
		{"handed in twice", []ShareEvent{yes(1), no(1)}, []ShareEvent{yes(1), no(1)}, AuditReport{Matched: 1}, true},
		{"lost", []ShareEvent{yes(1)}, nil, AuditReport{Lost: 1}, false},
		{"told rejected", []ShareEvent{yes(1)}, []ShareEvent{no(1)}, AuditReport{Lost: 1, LostTold: 1}, false},
		{"unheard", []ShareEvent{yes(1)}, []ShareEvent{gone(1)}, AuditReport{Unheard: 1}, true},
		{"phantom", []ShareEvent{no(1)}, []ShareEvent{yes(1)}, AuditReport{Phantom: 1}, false},
	}
	for _, r := range rows {
		for _, poolFirst := range []bool{true, false} {
			a := NewAudit()
			if !poolFirst {
				each(r.miner, a.Miner)
			}
			each(r.pool, a.Pool)
			if poolFirst {
				each(r.miner, a.Miner)
			}
			got := a.Report()
			if poolFirst && r.want.LostTold != got.LostTold {
				t.Errorf("%s: %s", r.name, got)
			}
			got.LostTold, got.Texts, r.want.LostTold = 0, nil, 0
			if got.String() != r.want.String() || (got.Err() == nil) != r.ok {
				t.Errorf("%s, pool first %t: %s, want %s", r.name, poolFirst, got, r.want)
			}
			if err := got.Err(); err != nil && !errors.Is(err, ErrAudit) {
				t.Errorf("%s: %v", r.name, err)
			}
		}
	}
}

func each(events []ShareEvent, book func(ShareEvent)) {
	for _, ev := range events {
		book(ev)
	}
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]PoolConfig{
		"extranonce1": {Extranonce1Size: 33}, "extranonce2": {Extranonce2Size: 17}, "difficulty": {Difficulty: -1},
		"tag": {Tag: "far too long to be a tag"}, "dialect": {Dialect: "latin"}, "version rule": {VersionRule: "and"},
		"difficulty rule": {DifficultyRule: "lax"}, "nbits": {NBits: 1},
	} {
		if _, err := NewPool(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, cfg := range map[string]MinersConfig{
		"no pool": {}, "no port": {Pool: "localhost"}, "manner": {Pool: "a:1", Manners: []Manner{"polite"}},
		"hashrate": {Pool: "a:1", Hashrate: -1}, "port": {Pool: "stratum+tcp://a:b"},
	} {
		if _, err := NewMiners(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := NewPool(PoolConfig{Listen: "256.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err == nil || p.URL() != "" {
		t.Errorf("listens on %s: %v", p.URL(), err)
	}
}

// TestLedgerForgets: the tallies of the oldest connections go.
func TestLedgerForgets(t *testing.T) {
	t.Parallel()
	l := newLedger()
	for conn := range uint64(maxLedgerConns + 10) {
		l.record(&ShareEvent{Conn: conn + 1, Worker: "u", Outcome: OutcomeAccepted, Difficulty: 2})
	}
	if len(l.conns) != maxLedgerConns || l.Conn(1).Accepted != 0 || l.Conn(maxLedgerConns+10).Accepted != 1 {
		t.Errorf("%d connections kept", len(l.conns))
	}
	if got := l.Worker("u"); got.Work != 2*(maxLedgerConns+10) || len(l.Workers()) != 1 || l.Worker("v").Submitted != 0 {
		t.Errorf("%+v", got)
	}
}
