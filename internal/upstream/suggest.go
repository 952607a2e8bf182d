package upstream

import (
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// SuggestDifficulty asks the pool for a difficulty. Before the subscribe reply
// it is what will be asked for then, in place of what the configuration says;
// 0 is nothing. It is a wish: whatever the pool answers, or does not, changes
// nothing here but by mining.set_difficulty. Pools are of many minds: ckpool
// takes it for the least, ViaBTC for good, public-pool answers the first with
// a mining.set_difficulty of its id, DATUM with error -3. A pool that owes as
// many answers as it may is not asked.
func (s *V1) SuggestDifficulty(d work.Difficulty, now time.Time, out []byte) []byte {
	switch s.state {
	case Idle, Opening:
		s.suggest = d
	case Steady:
		if !d.Valid() || !s.room(s.cfg.MaxPending, now) {
			return out
		}
		req := sv1.SuggestDifficulty{Difficulty: d}
		return req.Append(out, s.id(s.asks.put(askSuggest, 0, now)))
	case Closed:
	}
	return out
}
