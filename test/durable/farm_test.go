package durable

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/work"
)

const (
	// difficulty is every miner's, and networkBits make one share in a million a
	// block, so that each is expected to earn some hundred satoshi.
	difficulty  = 1e-8
	networkBits = 0x1d63ff9c
	// hashes is how many a share takes.
	hashes = difficulty * (1 << 32)
)

// share is one that a miner found, as it knows it.
type share struct {
	worker string
	// reached is the difficulty of its hash, which no other share has.
	reached float64
}

// told is what a miner heard of a share, when, how long after it was found, and in
// which life of the proxy.
type told struct {
	share

	at   time.Time
	took time.Duration
	life int
}

// farm is a pool and miners, which outlive the proxy between them.
type farm struct {
	t      *testing.T
	pool   *sim.Pool
	miners []*sim.Miners

	mu   sync.Mutex
	life int
	// accepted are shares that miners were told are accepted, in that order;
	// unheard those whose miners' connections ended before, by life.
	accepted []told
	unheard  map[share]int
}

// newFarm runs a pool.
func newFarm(t *testing.T, seed uint64) *farm {
	t.Helper()
	f := &farm{t: t, unheard: map[share]int{}}
	pool, err := sim.NewPool(sim.PoolConfig{
		Seed: seed, Difficulty: 4 * difficulty, JobInterval: 2 * time.Second, NBits: networkBits, Transactions: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.pool = pool
	f.run(pool.Run)
	return f
}

// run runs something until the test ends.
func (f *farm) run(what func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- what(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	})
}

// mine runs some miners that together find so many shares a second, half of them at
// each of a proxy's addresses: three quarters of the shares come by the route that
// shares its connections, a quarter by the other, where the pool asks for more.
func (f *farm) mine(p *proxy, miners int, rate float64) {
	f.t.Helper()
	for i, at := range []struct {
		user, addr string
		rate       float64
	}{{"shared", p.shared, rate * 0.75}, {"own", p.dedicated, rate * 0.25 * 4}} {
		swarm, err := sim.NewMiners(sim.MinersConfig{
			Pool: at.addr, User: at.user, Count: miners / 2, Seed: uint64(i), TimeScale: 0.1,
			Manners:  []sim.Manner{sim.CGMiner, sim.Bitmain, sim.CPUMiner, sim.Whatsminer},
			Hashrate: at.rate * hashes / float64(miners/2), OnShare: f.minerHeard,
		})
		if err != nil {
			f.t.Fatal(err)
		}
		f.miners = append(f.miners, swarm)
		f.run(swarm.Run)
	}
}

func (f *farm) minerHeard(ev sim.ShareEvent) {
	s := share{ev.Worker, reached(ev.Key)}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch ev.Outcome {
	case sim.OutcomeAccepted:
		f.accepted = append(f.accepted, told{s, ev.At, ev.At.Sub(ev.Found), f.life})
	case sim.OutcomeUnanswered:
		f.unheard[s] = f.life
	case sim.OutcomeRejected:
	}
}

// reached is the difficulty of a hash.
func reached(h work.Hash) float64 { return float64(h.Difficulty()) }

// rest has the miners stop, and waits until all has been answered or is known not
// to be.
func (f *farm) rest() {
	f.t.Helper()
	for _, m := range f.miners {
		m.Pause(true)
	}
	await(f.t, "every submit to be answered", patience, func() bool {
		for _, m := range f.miners {
			if !m.Settled() {
				return false
			}
		}
		return true
	})
}

// goOn has them mine again, in another life of the proxy.
func (f *farm) goOn() {
	f.mu.Lock()
	f.life++
	f.mu.Unlock()
	for _, m := range f.miners {
		m.Pause(false)
	}
}

// mining waits until all miners have work.
func (f *farm) mining() {
	f.t.Helper()
	await(f.t, "all to mine", patience, func() bool {
		for _, m := range f.miners {
			if s := m.Stats(); s.Mining < len(s.Miners) {
				return false
			}
		}
		return true
	})
}

// connects is how many connections the miners have made.
func (f *farm) connects() (n uint64) {
	for _, m := range f.miners {
		for _, one := range m.Stats().Miners {
			n += one.Connects
		}
	}
	return n
}

// heard is a copy of what miners were told is accepted.
func (f *farm) heard() []told {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.accepted)
}

// pace is how mining went in some time.
type pace struct {
	// rate is shares a second; least is that of the worst second.
	rate, least float64
	// p50, p99 and longest are how long shares took from when they were found until
	// their miner knew.
	p50, p99, longest time.Duration
}

func (p pace) String() string {
	return fmt.Sprintf("%.0f shares/s, %.0f in the worst second; answered in %v (p50), %v (p99), %v at most",
		p.rate, p.least, p.p50.Round(time.Millisecond), p.p99.Round(time.Millisecond), p.longest.Round(time.Millisecond))
}

// paceOf is how mining went between two times.
func (f *farm) paceOf(from, to time.Time) pace {
	seconds := make([]float64, int(to.Sub(from)/time.Second))
	var took []time.Duration
	for _, s := range f.heard() {
		if s.at.Before(from) || !s.at.Before(to) {
			continue
		}
		took = append(took, s.took)
		if n := int(s.at.Sub(from) / time.Second); n < len(seconds) {
			seconds[n]++
		}
	}
	if len(took) == 0 || len(seconds) == 0 {
		return pace{}
	}
	slices.Sort(took)
	return pace{
		rate: float64(len(took)) / to.Sub(from).Seconds(), least: slices.Min(seconds),
		p50: took[len(took)/2], p99: took[len(took)*99/100], longest: took[len(took)-1],
	}
}
