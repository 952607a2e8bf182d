package sim

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

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
	quirks := func(q Quirks) PoolConfig { return PoolConfig{Quirks: q} }
	for want, cfg := range map[string]PoolConfig{
		`Listen: "nope" is no address`:            {Listen: "nope"},
		`Listen: "127.0.0.1:65536" is no address`: {Listen: "127.0.0.1:65536"},
		`Extranonce1Size: 33 bytes; want 0 to 32`: {Extranonce1Size: 33},
		`Extranonce2Size: 17 bytes; want 1 to 16`: {Extranonce2Size: 17},
		`Difficulty: -1 is no difficulty`:         {Difficulty: -1},
		`MinDifficulty: -1 is`:                    {MinDifficulty: -1},
		`MaxDifficulty: -1 is`:                    {MaxDifficulty: -1},
		`SharesPerMinute: -1 is`:                  {SharesPerMinute: -1},
		`SharesPerMinute: NaN is`:                 {SharesPerMinute: math.NaN()},
		`Tag: 24 bytes; want at most 20`:          {Tag: "far too long to be a tag"},
		`Dialect: "latin" is not known; want array, ckpool, object, string or p2pool`: {Dialect: "latin"},
		`VersionRule: "and" is not known; want bip310, or or xor`:                     {VersionRule: "and"},
		`DifficultyRule: "lax" is not known; want tolerant or strict`:                 {DifficultyRule: "lax"},
		`NBits: 00000001 is no target`:                                                {NBits: 1},
		`JobInterval: -1s is negative`:                                                {JobInterval: -time.Second},
		`BlockInterval: -1s is negative`:                                              {BlockInterval: -time.Second},
		`MaxNTimeRoll: -1s is negative`:                                               {MaxNTimeRoll: -time.Second},
		`Latency: -1s is negative`:                                                    quirks(Quirks{Latency: -time.Second}),
		`Jitter: -1s is negative`:                                                     quirks(Quirks{Jitter: -time.Second}),
		`DisconnectEvery: -1s is negative`:                                            quirks(Quirks{DisconnectEvery: -time.Second}),
		`DifficultyEvery: -1s is negative`:                                            quirks(Quirks{DifficultyEvery: -time.Second}),
		`ExtranonceEvery: -1s is negative`:                                            quirks(Quirks{ExtranonceEvery: -time.Second}),
		`ChatterEvery: -1s is negative`:                                               quirks(Quirks{ChatterEvery: -time.Second}),
		`Subscribe: "no" is not known; want refused, error, string or silent`:         quirks(Quirks{Subscribe: "no"}),
		`Configure: "no" is not known`:                                                quirks(Quirks{Configure: "no"}),
		`Authorize: "no" is not known`:                                                quirks(Quirks{Authorize: "no"}),
		`Clean: "often" is not known; want always or never`:                           quirks(Quirks{Clean: "often"}),
		`CoinbasePadding: -1 is negative`:                                             quirks(Quirks{CoinbasePadding: -1}),
		`MalformedEvery: -1 is negative`:                                              quirks(Quirks{MalformedEvery: -1}),
		`UnansweredEvery: -1 is negative`:                                             quirks(Quirks{UnansweredEvery: -1}),
		`Reconnect: "host" is no address; want HOST:PORT, or -`:                       quirks(Quirks{Reconnect: "host"}),
		`Reconnect: ":1" is no address`:                                               quirks(Quirks{Reconnect: ":1"}),
		`Reconnect: "h:65536" is no address`:                                          quirks(Quirks{Reconnect: "h:65536"}),
	} {
		_, err := NewPool(cfg)
		wantConfigError(t, err, want)
	}
	for want, cfg := range map[string]MinersConfig{
		`Pool: none`: {}, `Pool: "localhost" is no address`: {Pool: "localhost"},
		`Pool: "stratum+tcp://a:b" is no address`:        {Pool: "stratum+tcp://a:b"},
		`Pool: "a:65536" is no address`:                  {Pool: "a:65536"},
		`Manners: "polite" is not known; want cgminer, `: {Pool: "a:1", Manners: []Manner{"polite"}},
		`Manners: an empty name`:                         {Pool: "a:1", Manners: []Manner{CGMiner, ""}, Count: 1},
		`Hashrate: -1 is`:                                {Pool: "a:1", Hashrate: -1},
		`TimeScale: -1 is`:                               {Pool: "a:1", TimeScale: -1},
		`Patience: -1 is`:                                {Pool: "a:1", Patience: -1},
		`Count: -1 is negative`:                          {Pool: "a:1", Count: -1},
		`SuggestDifficulty: -1 is no difficulty`:         {Pool: "a:1", SuggestDifficulty: -1},
		`Ramp: -1s is negative`:                          {Pool: "a:1", Ramp: -time.Second},
		`AtOnce: -1 is negative`:                         {Pool: "a:1", AtOnce: -1},
		`MaxPending: -1 is negative`:                     {Pool: "a:1", MaxPending: -1},
		`ConnectTimeout: -1s is negative`:                {Pool: "a:1", ConnectTimeout: -time.Second},
	} {
		_, err := NewMiners(cfg)
		wantConfigError(t, err, want)
	}
	for _, reconnect := range []string{"-", "h:1"} {
		if _, err := NewPool(quirks(Quirks{Reconnect: reconnect})); err != nil {
			t.Error(err)
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

func wantConfigError(t *testing.T, err error, want string) {
	t.Helper()
	if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "sim configuration: "+want) {
		t.Errorf("%v, want %s", err, want)
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
