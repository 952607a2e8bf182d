package view

import (
	"time"

	"github.com/loka/stratum/internal/profile"
)

// Step is an element of GET /api/v1/profile: how long one step takes of the way
// that a share or a job goes through the program.
type Step struct {
	Walk         string  `json:"walk" enum:"share,job" doc:"Whose way it is a step of"`
	Step         string  `json:"step" doc:"Which step, in the order that they are taken"`
	Says         string  `json:"says" doc:"From what to what the time goes"`
	Count        uint64  `json:"count" doc:"How many were timed in the window"`
	SampledOneIn int     `json:"sampled_one_in" doc:"One of so many is timed; 1: all are"`
	P50          float64 `json:"p50_seconds" doc:"Half of them took at most so long, to 3 %; 0: none was timed"`
	P90          float64 `json:"p90_seconds" doc:"The same, of 9 in 10"`
	P99          float64 `json:"p99_seconds" doc:"The same, of 99 in 100"`
	P999         float64 `json:"p999_seconds" doc:"The same, of 999 in 1000"`
	Max          float64 `json:"max_seconds" doc:"The longest; in a window to 3 %"`
	Mean         float64 `json:"mean_seconds" doc:"The mean"`
}

// Profile returns every step of every walk, in the order that they are taken, and from
// when on it was timed: in about the time of a length until now, of at most ten minutes; 0
// is since the start. Steps that nothing was timed of are there, too.
func (m *Model) Profile(length time.Duration) (steps []Step, from time.Time) {
	p, from := m.deps.Profile, m.deps.Started
	if p == nil {
		return []Step{}, from
	}
	window := p.All()
	if length > 0 {
		window = p.Since(length, m.deps.Now())
	}
	if at, ok := window.From(); ok {
		from = at
	}
	all := profile.Steps()
	steps = make([]Step, 0, len(all))
	for _, s := range all {
		facts, took := s.Facts(), window.Of(s)
		steps = append(steps, Step{
			Walk: string(facts.Walk), Step: facts.Name, Says: facts.Says, Count: took.Count, SampledOneIn: p.OneIn(s),
			P50: took.Quantile(0.5), P90: took.Quantile(0.9), P99: took.Quantile(0.99), P999: took.Quantile(0.999),
			Max: took.Max, Mean: took.Mean(),
		})
	}
	return steps, from
}
