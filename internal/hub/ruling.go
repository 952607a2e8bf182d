package hub

import (
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// ruling is what the rules of a miner's difficulty hang on.
type ruling struct {
	route    *route
	listener string
	floor    work.Difficulty
}

// vardiffOf are the rules for a miner. All miners of the same route, listener
// and firmware's floor share one set, but for those whose password asks for
// something.
func (h *Hub) vardiffOf(r *route, listener string, floor work.Difficulty, opts options) *vardiff.Config {
	key := ruling{r, listener, floor}
	h.termsMu.Lock()
	cfg := h.rulings[key]
	if cfg == nil {
		cfg = new(vardiff.Config)
		if rules := r.conf().Vardiff; rules != nil {
			*cfg = rules(listener)
		}
		if cfg.SharesPerMinute <= 0 {
			cfg.SharesPerMinute = vardiff.DefaultSharesPerMinute
		}
		cfg.Min = max(cfg.Min, floor)
		h.rulings[key] = cfg
	}
	h.termsMu.Unlock()
	if opts == (options{}) {
		return cfg
	}
	own := *cfg
	own.Min = max(own.Min, opts.least)
	if opts.fixed > 0 && cfg.Fixed == 0 { // the operator's word is before the miner's
		own.Fixed = max(opts.fixed, cfg.Min)
		if cfg.Max > 0 {
			own.Fixed = min(own.Fixed, cfg.Max)
		}
	}
	return &own
}

// countChange counts that a miner's difficulty went from one to another.
func (h *Hub) countChange(from, to work.Difficulty) {
	m := &h.deps.Metrics
	switch {
	case to > from && m.Raised != nil:
		m.Raised.Inc()
	case to < from && m.Lowered != nil:
		m.Lowered.Inc()
	}
}
