package sim

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A pause that comes while a miner hashes: the swarm is not settled before the
// share that is being found then has its answer.
func TestPauseWhileHashing(t *testing.T) {
	t.Parallel()
	for _, kind := range Manners() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPool(t, PoolConfig{Seed: 1})
			w, err := NewMiners(MinersConfig{Pool: p.URL(), Manners: []Manner{kind}, Count: 1, Hashrate: 2000, SuggestDifficulty: easy})
			if err != nil {
				t.Fatal(err)
			}
			found := make(chan struct{})
			var once sync.Once
			kind := w.miners[0].manner
			submit := kind.submit
			kind.submit = func(dst []byte, s *session, sh *share) []byte {
				once.Do(func() {
					w.Pause(true)
					if w.Settled() {
						t.Error("settled while a share is being found")
					}
					close(found)
				})
				return submit(dst, s, sh)
			}
			background(t, w.Run)
			<-found
			within(t, "all answered", w.Settled)
			if st, total := w.Stats(), p.Ledger().Total(); st.Submitted == 0 || st.Submitted != total.Submitted {
				t.Errorf("the miner has answers to %d shares, the pool was sent %d", st.Submitted, total.Submitted)
			}
		})
	}
}

// A swarm is not settled before OnShare has heard of every share.
func TestSettledAfterOnShare(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]Quirks{"answered": {}, "unanswered": {UnansweredEvery: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPool(t, PoolConfig{Seed: 1, Quirks: q})
			var w *Miners
			var heard, early atomic.Uint64
			w, err := NewMiners(MinersConfig{
				Pool: p.URL(), Manners: []Manner{CGMiner}, Hashrate: 2000, Count: 1, TimeScale: 0.01,
				OnShare: func(ShareEvent) {
					w.Pause(true)
					if w.Settled() {
						early.Add(1)
					}
					heard.Add(1)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			background(t, w.Run)
			within(t, "shares", func() bool { return heard.Load() > 0 })
			within(t, "all answered", w.Settled)
			if n := early.Load(); n > 0 {
				t.Errorf("settled while OnShare is told of a share, %d times", n)
			}
			st := w.Stats()
			if told := heard.Load(); told != st.Submitted+st.Unanswered {
				t.Errorf("OnShare was told of %d shares; %d answered, %d not", told, st.Submitted, st.Unanswered)
			}
		})
	}
}

// A miner that is patient is as quick as others in all else.
func TestPatience(t *testing.T) {
	for _, c := range []struct{ scale, patience, repeats, leaves float64 }{{0, 0, 1, 1}, {0.5, 0, 0.5, 0.5}, {0.5, 4, 0.5, 4}} {
		w, err := NewMiners(MinersConfig{Pool: "a:1", TimeScale: c.scale, Patience: c.patience})
		if err != nil {
			t.Fatal(err)
		}
		m := w.miners[0]
		if got, gives := m.scaled(time.Hour).Hours(), m.patience(time.Hour).Hours(); got != c.repeats || gives != c.leaves {
			t.Errorf("%+v: an hour is %g, and %g for one that waits", c, got, gives)
		}
	}
}
