package app

import (
	"sync"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/serve"
)

// sessionHolds counts how often each miner was held back: what it has said by then and
// was not looked at yet is as good as not read, and work goes out meanwhile.
type sessionHolds struct {
	serve.Watch

	mu    sync.Mutex
	times map[mining.MinerID]int
}

// of is how often a miner was held back.
func (s *sessionHolds) of(id mining.MinerID) int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.times[id]
}

func (s *sessionHolds) note(m *mining.Miner, held bool) {
	if !held {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[m.ID]++
}

// Tell implements [serve.Watch].
func (s *sessionHolds) Tell(m *mining.Miner, e pipeline.Event) pipeline.Reaction {
	r := s.Watch.Tell(m, e)
	s.note(m, r.Hold > 0)
	return r
}

// over is a handler whose holds are counted.
func (s *sessionHolds) over(next pipeline.Handler) pipeline.Handler {
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
		a := next.Handle(m, req)
		s.note(m, a.Hold > 0)
		return a
	})
}
