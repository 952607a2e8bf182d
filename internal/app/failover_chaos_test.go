package app_test

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/work"
)

// chaosFor is how long chaos reigns and among how many miners: a short time,
// or that in LOKA_CHAOS. LOKA_CHAOS_SEED is another order of events.
func chaosFor(t *testing.T) (duration time.Duration, miners int, seed uint64) {
	t.Helper()
	duration, miners, seed = 10*time.Second, 60, 1
	var err error
	if text := os.Getenv("LOKA_CHAOS"); text != "" {
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		miners = 500
	}
	if text := os.Getenv("LOKA_CHAOS_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return duration, miners, seed
}

// mischief is something that befalls a pool.
type mischief struct {
	name string
	// harms says that the pool's miners may have to go: then it waits until
	// another pool is ready for them, for miners without any are closed.
	harms bool
	// lasts says that it has an end.
	lasts bool
	begin func(c *chaos, pool int)
}

// mischiefs are all there are. What has no end takes effect at once.
func mischiefs() []mischief {
	quirk := func(q sim.Quirks, cut, reset bool) func(*chaos, int) {
		return func(c *chaos, pool int) {
			if q.Silent {
				c.r.lives.hears(pool, false)
			}
			c.r.pools[pool].SetQuirks(q)
			if cut {
				c.r.pools[pool].Disconnect(reset)
			}
		}
	}
	return []mischief{
		{"cut by RST", true, false, func(c *chaos, pool int) { c.r.pools[pool].Disconnect(true) }},
		{"cut by FIN", true, false, func(c *chaos, pool int) { c.r.pools[pool].Disconnect(false) }},
		{"some cut", true, false, func(c *chaos, pool int) {
			c.r.pools[pool].DisconnectSome(c.rng.IntN(2) == 0, func(sim.PoolConn) bool { return c.rng.IntN(2) == 0 })
		}},
		{"dead by RST", true, true, quirk(sim.Quirks{RefuseConnections: true, DisconnectReset: true}, true, true)},
		{"dead by FIN", true, true, quirk(sim.Quirks{RefuseConnections: true}, true, false)},
		{"login refused", true, true, quirk(sim.Quirks{Authorize: sim.ReplyRefused}, true, false)},
		{"login unanswered", true, true, quirk(sim.Quirks{Authorize: sim.ReplySilent}, true, true)},
		{"subscribe refused", true, true, quirk(sim.Quirks{Subscribe: sim.ReplyError}, true, false)},
		{"silent after a cut", true, true, quirk(sim.Quirks{Silent: true}, true, false)},
		{"silent", true, true, quirk(sim.Quirks{Silent: true}, false, false)},
		{"drips", true, true, quirk(sim.Quirks{DisconnectEvery: 2 * time.Second, DisconnectReset: true}, false, false)},
		{"slow", false, true, quirk(sim.Quirks{Latency: 200 * time.Millisecond, Jitter: 2 * time.Second}, false, false)},
		{"drained", true, true, func(c *chaos, pool int) { c.r.app.Hub().DrainPool(c.r.names[pool], true) }},
		{"difficulty", false, false, func(c *chaos, pool int) {
			c.r.pools[pool].SetDifficulty(failoverDifficulty * work.Difficulty(int(1)<<c.rng.IntN(3)))
		}},
		{"extranonce", false, false, func(c *chaos, pool int) { c.r.pools[pool].SetExtranonce() }},
		{"block", false, false, func(c *chaos, pool int) { c.r.pools[pool].NewBlock() }},
		{"job", false, false, func(c *chaos, pool int) { c.r.pools[pool].NewJob() }},
	}
}

// chaos is what befalls the pools of a rig.
type chaos struct {
	r      *poolsRig
	rng    *rand.Rand
	ills   []mischief
	counts map[string]int
	// until is when a pool's present ill has its end, zero where it is well.
	until []time.Time
	// seen is whose job each miner had when last looked at: the connection.
	seen []uint64
	// moves counts miners seen with another pool's job, links with one of
	// another connection to the same pool.
	moves, links map[string]int
}

// TestChaos has three pools that die, refuse, are silent or slow, and change
// difficulty, extranonce and block at random, under miners of all manners, for
// ten seconds or the time in LOKA_CHAOS, and at least one of them well. No
// miner loses its connection, each share goes to the pool whose job it is of,
// and what is valid for a pool that is connected is handed to it.
func TestChaos(t *testing.T) {
	duration, miners, seed := chaosFor(t)
	if miners < 100 {
		t.Parallel()
	}
	t.Logf("%v, %d miners, seed %d", duration, miners, seed)
	c := newChaos(t, miners, seed)
	mc := sim.MinersConfig{Seed: seed, Count: miners, Hashrate: failoverHashes / float64(miners), Ramp: time.Second}
	if miners >= 100 {
		mc.Patience = 1
	}
	finish := c.r.mine(mc)
	c.r.awaitAll(0)
	for begin := time.Now(); time.Since(begin) < duration && !t.Failed(); {
		c.step()
		time.Sleep(100 * time.Millisecond)
	}
	c.calm(func(time.Time) bool { return true })
	c.r.awaitBest()
	c.look()
	c.r.unhurt()
	c.rest()
	report := c.r.agree(finish())
	if duration >= 5*time.Minute { // before that it is chance
		c.covered()
	}
	t.Logf("%v\nmoves %v\nother connections to the same pool %v", c.counts, c.moves, c.links)
	t.Logf("%s; %s", &report, c.r.lives.figures())
}

func newChaos(t *testing.T, miners int, seed uint64) *chaos {
	t.Helper()
	r := startPools(t, len(poolNames()), sim.PoolConfig{
		Seed: 1, Difficulty: failoverDifficulty, DifficultyRule: sim.DifficultyStrict, JobInterval: time.Second, BlockInterval: 20 * time.Second,
	}, "[vardiff]\nmin = 1e-9\nstart = 1e-7\nshares_per_minute = 20.0\n", slog.LevelError)
	return &chaos{
		r: r, rng: rand.New(rand.NewPCG(seed, 5)), ills: mischiefs(), counts: map[string]int{},
		until: make([]time.Time, len(r.pools)), seen: make([]uint64, miners), moves: map[string]int{}, links: map[string]int{},
	}
}

// step ends what is over and lets something happen.
func (c *chaos) step() {
	now := time.Now()
	c.look()
	c.calm(now.After)
	pool, ill := c.rng.IntN(len(c.r.pools)), c.ills[c.rng.IntN(len(c.ills))]
	switch {
	case ill.lasts && !c.until[pool].IsZero():
		return
	case ill.harms && !c.spared(pool):
		c.counts["spared, as no other pool was ready"]++
		return
	}
	c.counts[ill.name]++
	if ill.lasts {
		c.until[pool] = now.Add(time.Second + time.Duration(c.rng.Int64N(int64(6*time.Second))))
	}
	ill.begin(c, pool)
}

// spared says that another pool than the given one is well and has a
// connection that is ready for the miners.
func (c *chaos) spared(pool int) bool {
	for i, p := range c.r.app.Hub().Pools() {
		if i != pool && c.until[i].IsZero() && !p.Shunned && p.Probe.State == link.Active && c.r.ready(i) {
			return true
		}
	}
	return false
}

// calm makes the pools well whose ill is over.
func (c *chaos) calm(over func(time.Time) bool) {
	for i, until := range c.until {
		if until.IsZero() || !over(until) {
			continue
		}
		c.until[i] = time.Time{}
		c.r.app.Hub().DrainPool(c.r.names[i], false)
		c.r.pools[i].SetQuirks(sim.Quirks{})
		c.r.lives.hears(i, true)
	}
}

// look sees which miners have gone where.
func (c *chaos) look() {
	for i, m := range c.r.swarm.Stats().Miners {
		before, now := c.seen[i], sim.MarkConn(m.Mark)
		if c.seen[i] = now; before == 0 || before == now {
			continue
		}
		from, to := c.r.names[sim.MarkPool(before<<32)], c.r.names[sim.MarkPool(m.Mark)]
		if from == to {
			c.links[to]++
		} else {
			c.moves[from+" to "+to]++
		}
	}
}

// rest stops the miners and ends the connections of pools that have not heard
// some of their shares: else those would be waited for.
func (c *chaos) rest() {
	c.r.swarm.Pause(true)
	c.r.await("every submit to be answered", 40*time.Second, c.r.swarm.Settled)
	for i, p := range c.r.pools {
		if c.r.lives.wasDeaf(i) {
			p.Disconnect(false)
		}
	}
}

// covered demands that all that can happen has happened.
func (c *chaos) covered() {
	c.r.t.Helper()
	var never []string
	for _, ill := range c.ills {
		if c.counts[ill.name] == 0 {
			never = append(never, ill.name)
		}
	}
	if len(never) > 0 {
		c.r.t.Errorf("it never happened: %s", strings.Join(never, ", "))
	}
}
