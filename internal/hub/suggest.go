package hub

import (
	"time"

	"github.com/loka/stratum/work"
)

const (
	// poolSharesPerMinute is what a pool's difficulty for a link should come
	// to.
	poolSharesPerMinute = 20
	// suggestEvery is the least time between two suggestions, and suggestions
	// how many the pool may leave without effect.
	suggestEvery = time.Minute
	suggestions  = 3
)

// suggestion is what we asked a link's pool for by mining.suggest_difficulty.
type suggestion struct {
	difficulty work.Difficulty
	at         time.Time
	vain       int
}

// needed is the difficulty at which a hashrate, in H/s, is as many shares a
// minute as a pool should have of a link.
func needed(hashrate float64) work.Difficulty {
	return tidy(work.Difficulty(work.Done(hashrate, time.Minute) / poolSharesPerMinute))
}

// atStart is what a new link asks for, 0 for nothing: before anything is known
// of the miners, a small number would only hold the pool down.
func (s *suggestion) atStart(hashrate float64) work.Difficulty {
	*s = suggestion{}
	if d := needed(hashrate); d > 1 {
		s.difficulty = d
		return d
	}
	return 0
}

// due says whether to ask a pool whose difficulty is far below what is needed.
func (s *suggestion) due(needs, has work.Difficulty, now time.Time) bool {
	if needs < 2*has || s.vain >= suggestions && needs < 2*s.difficulty || now.Sub(s.at) < suggestEvery {
		return false
	}
	if needs < 2*s.difficulty {
		s.vain++
	} else {
		s.vain = 1
	}
	s.difficulty, s.at = needs, now
	return true
}

// suggest asks the pool for what the group needs. g.mu is held.
func (g *group) suggest(now time.Time) {
	p := g.pool
	if !p.SuggestAuto || g.load() == 0 {
		return
	}
	if g.asked.due(needed(g.load()), g.climb.difficulty, now) {
		g.link.SuggestDifficulty(g.asked.difficulty)
	}
}
