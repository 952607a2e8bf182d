package sim

import (
	"testing"
)

// TestEveryMannerEarns puts each manner on a pool that behaves: shares are
// accepted, nothing is refused, nobody complains, and both sides agree.
func TestEveryMannerEarns(t *testing.T) {
	t.Parallel()
	for _, kind := range Manners() {
		for _, rolling := range []bool{true, false} {
			name := string(kind)
			if !rolling {
				name += "/no rolling"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testEarns(t, kind, rolling)
			})
		}
	}
}

func testEarns(t *testing.T, kind Manner, rolling bool) {
	t.Helper()
	audit, complaints := NewAudit(), &failures{}
	p := startPool(t, PoolConfig{Seed: 1, OnShare: audit.Pool, NoVersionRolling: !rolling})
	w := startMiners(t, MinersConfig{
		Pool: p.URL(), Manners: []Manner{kind}, Count: 2, Seed: 2,
		NoVersionRolling: !rolling, SuggestDifficulty: easy, ExtranonceSubscribe: true,
		OnShare: audit.Miner, OnFailure: complaints.add,
	})
	within(t, "20 accepted shares of each", func() bool {
		for _, m := range w.Stats().Miners {
			if m.Accepted < 20 {
				return false
			}
		}
		return true
	})
	w.Pause(true)
	within(t, "all answered", w.Settled)
	st := w.Stats()
	for _, f := range complaints.list() {
		t.Errorf("%s: %s: %s", f.Manner, f.Text, f.Line)
	}
	if n := st.RejectedTotal(); n != 0 {
		t.Errorf("%d shares rejected: %v", n, st.Rejected)
	}
	if err := audit.Report().Err(); err != nil {
		t.Error(err)
	}
	total := p.Ledger().Total()
	if total.Accepted != st.Accepted {
		t.Errorf("the pool accepted %d, the miners heard of %d", total.Accepted, st.Accepted)
	}
	if got := p.Ledger().Worker(st.Miners[0].Worker).Accepted; got != st.Miners[0].Accepted {
		t.Errorf("worker %s: pool %d, miner %d", st.Miners[0].Worker, got, st.Miners[0].Accepted)
	}
}
