package sim

import (
	"net"
	"testing"
	"time"
)

// TestSwarm puts all manners on one pool that changes jobs, blocks and
// difficulties, takes it away for a while, and wants both sides to agree.
func TestSwarm(t *testing.T) {
	t.Parallel()
	audit, complaints := NewAudit(), &failures{}
	p := startPool(t, PoolConfig{
		Seed: 5, JobInterval: 200 * time.Millisecond, BlockInterval: 700 * time.Millisecond,
		SharesPerMinute: 1200, MinDifficulty: easy, ResumeSessions: true, OnShare: audit.Pool,
		Quirks: Quirks{Jitter: 20 * time.Millisecond},
	})
	w := startMiners(t, MinersConfig{
		Pool: p.URL(), Count: 16, TimeScale: 0.05, Ramp: 100 * time.Millisecond,
		OnShare: audit.Miner, OnFailure: complaints.add,
	})
	busy := func() bool {
		st := w.Stats()
		return st.Mining == 16 && st.Accepted > 400
	}
	within(t, "16 mining", busy)
	if n := p.Disconnect(true); n != 16 {
		t.Errorf("%d connections", n)
	}
	within(t, "16 back", func() bool {
		for _, m := range w.Stats().Miners {
			if m.Connects < 2 || !m.Mining {
				return false
			}
		}
		return true
	})
	w.Pause(true)
	within(t, "all answered", w.Settled)
	if err := audit.Report().Err(); err != nil {
		t.Error(err)
	}
	for _, f := range complaints.list() {
		t.Errorf("%s: %s: %s", f.Manner, f.Text, f.Line)
	}
	st := w.Stats()
	if st.Rejected[20]+st.Rejected[22]+st.Rejected[23]+st.Rejected[24]+st.Rejected[25] > 0 {
		t.Errorf("rejected: %v", st.Rejected)
		for _, m := range st.Miners {
			t.Logf("%s: %v", m.Worker, m.Rejected)
		}
	}
	if st.Hashes == 0 || st.Miners[0].JobAge <= 0 || st.Miners[0].Difficulty == 0 || st.Miners[0].Lines == 0 {
		t.Errorf("%+v", st.Miners[0])
	}
}

// TestOnce: with Once the swarm's run ends by itself.
func TestOnce(t *testing.T) {
	t.Parallel()
	w, err := NewMiners(MinersConfig{Pool: "127.0.0.1:1", Count: 3, Once: true}) // where nobody is
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range w.Stats().Miners {
		if m.LastEnd == "" || m.Connects != 0 {
			t.Errorf("%+v", m)
		}
	}
}

// TestMaxPending: a miner that waits for two answers finds no third share.
func TestMaxPending(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{JobInterval: 50 * time.Millisecond, Quirks: Quirks{UnansweredEvery: 1}})
	w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{CGMiner}, Count: 3, MaxPending: 2})
	within(t, "two shares of each", func() bool { return w.Stats().Pending == 6 })
	before := w.Stats().Miners[0].Jobs
	within(t, "more jobs", func() bool { return w.Stats().Miners[0].Jobs > before+5 })
	if n := w.Stats().Pending; n != 6 {
		t.Errorf("%d shares wait for an answer", n)
	}
}

// TestAtOnce: two are in their handshake at a time, and when one is through or
// gives up the next one comes.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	w := startMiners(t, MinersConfig{Pool: l.Addr().String(), Count: 6, AtOnce: 2, Once: true})
	var open []net.Conn
	for range 6 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if open = append(open, conn); len(open) < 2 {
			continue
		}
		if n := w.Stats().Connected; n > 2 {
			t.Errorf("%d in their handshake", n)
		}
		_ = open[0].Close()
		open = open[1:]
	}
	_ = open[0].Close()
	p := startPool(t, PoolConfig{})
	through := startMiners(t, MinersConfig{Pool: p.URL(), Count: 6, AtOnce: 1})
	within(t, "all mining", func() bool { return through.Stats().Mining == 6 })
}

// TestWithheld: cgminer finds shares for an extranonce2 of 9 bytes, and keeps
// them; cpuminer hands them in.
func TestWithheld(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Extranonce2Size: 9})
	w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{CGMiner, CPUMiner}, TimeScale: 0.1})
	within(t, "withheld shares", func() bool {
		st := w.Stats().Miners
		return st[0].Withheld > 0 && st[0].Submitted == 0 && st[1].Accepted > 0
	})
}

// TestExactUser logs all in under one name, with several workers' tallies in one.
func TestExactUser(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{})
	w := startMiners(t, MinersConfig{Pool: p.URL(), User: "farm", ExactUser: true, Manners: []Manner{ESPMiner}, Count: 2})
	within(t, "shares", func() bool { return w.Stats().Accepted > 5 })
	if got := p.Ledger().Workers(); len(got) != 1 || got[0] != "farm" {
		t.Errorf("%v", got)
	}
}

// TestNarrowExtranonce: one byte of extranonce2 goes round, and no share is
// found twice.
func TestNarrowExtranonce(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Extranonce2Size: 1, Difficulty: 1e-6, NoVersionRolling: true})
	w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{CPUMiner}, Hashrate: 400_000, NoVersionRolling: true})
	const round = 256 * noncesPerHeader
	within(t, "more than a round", func() bool { return w.Stats().Hashes > round*3/2 })
	if st := w.Stats(); st.RejectedTotal() != 0 {
		t.Errorf("%v", st.Rejected)
	}
}
