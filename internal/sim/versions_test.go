package sim

import (
	"sync"
	"testing"

	"github.com/loka/stratum/work"
)

// TestVersionRules puts the manners that roll on pools of each reading, with a
// template that has one of the rolled bits set: OR-ing and XOR-ing firmware
// disagrees with a BIP310 pool there, and agrees when no template bit is in
// the mask.
func TestVersionRules(t *testing.T) {
	t.Parallel()
	type row struct {
		kind     Manner
		rule     VersionRule
		version  work.Version
		rejected bool
	}
	const plain, set work.Version = 0x20000000, 0x20800000
	rows := make([]row, 0, 21)
	for _, rule := range []VersionRule{RuleBIP310, RuleOr, RuleXor} {
		for _, kind := range []Manner{CGMiner, Bitmain, Whatsminer, ESPMiner} {
			rows = append(rows, row{kind, rule, plain, false})
		}
		rows = append(rows,
			row{Bitmain, rule, set, rule == RuleBIP310},
			row{CGMiner, rule, set, rule != RuleBIP310},
			row{ESPMiner, rule, set, rule != RuleXor})
	}
	for _, r := range rows {
		t.Run(string(r.kind)+"/"+string(r.rule)+"/"+r.version.String(), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			rolled := map[work.VersionMask]bool{}
			p := startPool(t, PoolConfig{
				VersionRule: r.rule, Version: r.version, VersionMask: 0x00c00000,
				OnShare: func(ev ShareEvent) {
					mu.Lock()
					defer mu.Unlock()
					if ev.Outcome == OutcomeAccepted {
						rolled[ev.Rolled] = true
					}
				},
			})
			w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{r.kind}})
			// What a miner rolls is its own affair: it takes as many shares as it
			// takes until two versions were found, or one that the pool refuses.
			within(t, "60 shares, and what they are to show", func() bool {
				st := w.Stats()
				mu.Lock()
				defer mu.Unlock()
				return st.Submitted >= 60 && (r.rejected && st.RejectedTotal() > 0 || !r.rejected && len(rolled) > 1)
			})
			st := w.Stats()
			if got := st.RejectedTotal() > 0; got != r.rejected {
				t.Errorf("rejected = %v, want %v: %v", got, r.rejected, st.Rejected)
			}
			if n := st.Rejected[22]; n != 0 && !r.rejected {
				t.Errorf("%d duplicates", n)
			}
		})
	}
}
