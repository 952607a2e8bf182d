package watch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// chain is several pools and what they tell.
type chain struct {
	pools  []*watch.Pool
	probes []*watch.Stream
	tips   watch.Tips
	now    time.Time
}

func newChain(pools int) *chain {
	c := &chain{now: start}
	for range pools {
		p := watch.NewPool(watch.Defaults(), watch.PoolConfig{}, watch.Known{})
		c.pools, c.probes = append(c.pools, p), append(c.probes, p.Stream(watch.Probe, true))
	}
	return c
}

// at puts a pool on a block of a chain.
func (c *chain) at(pool int, on byte, height uint32, nbits work.NBits) {
	c.probes[pool].Job(&mining.Job{PrevHash: work.Hash{on, byte(height)}, Height: height, NBits: nbits, Branches: []work.Hash{{1}}}, c.now)
}

func (c *chain) pass(d time.Duration) {
	step := time.Second
	if d >= 10*time.Minute {
		step = 10 * time.Second
	}
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(step)
		c.tips.Judge(c.pools, c.now)
		for _, p := range c.pools {
			p.Tick(nil, c.now)
		}
	}
}

func (c *chain) signals() []string {
	var all []string
	for i, p := range c.pools {
		for _, s := range p.Report().Signals {
			all = append(all, fmt.Sprintf("%d:%s", i, s.Kind))
		}
	}
	return all
}

const (
	btc work.NBits = 0x1703a30c
	bch work.NBits = 0x18021fdb
)

func TestTips(t *testing.T) {
	for name, c := range map[string]struct {
		pools int
		do    func(c *chain)
		want  []string
	}{
		"all at once": {3, func(c *chain) {
			for h := range uint32(5) {
				for p := range 3 {
					c.at(p, 1, 100+h, btc)
					c.pass(2 * time.Second)
				}
				c.pass(10 * time.Minute)
			}
		}, nil},
		"one lags": {3, func(c *chain) { c.all(100); c.at(0, 1, 101, btc); c.at(1, 1, 101, btc); c.pass(40 * time.Second) }, []string{"2:tip_lag"}},
		"one is late": {3, func(c *chain) {
			c.all(100)
			c.at(0, 1, 101, btc)
			c.at(1, 1, 101, btc)
			c.pass(20 * time.Second)
			c.at(2, 1, 101, btc)
			c.pass(time.Hour)
		}, nil},
		"one is first": {3, func(c *chain) {
			c.all(100)
			c.at(0, 1, 101, btc)
			c.pass(5 * time.Minute)
			c.all(101)
			c.pass(time.Hour)
		}, nil},
		"of two one lags": {2, func(c *chain) { c.all(100); c.at(0, 1, 101, btc); c.pass(time.Hour) }, []string{"1:tip_lag"}},
		"heights unknown": {2, func(c *chain) {
			for _, p := range []int{0, 1, 0} {
				c.probes[p].Job(&mining.Job{PrevHash: work.Hash{byte(len(c.pools) + p)}, NBits: btc}, c.now)
				c.pass(time.Second)
			}
			c.probes[0].Job(&mining.Job{PrevHash: work.Hash{3}, NBits: btc}, c.now) // where the other is
			c.pass(time.Second)
			c.probes[0].Job(&mining.Job{PrevHash: work.Hash{9}, NBits: btc}, c.now)
			c.pass(40 * time.Second)
		}, []string{"1:tip_lag"}},
		"one stays on a block that others gave up": {3, func(c *chain) {
			c.all(100)
			c.at(0, 2, 100, btc)
			c.at(1, 2, 100, btc)
			c.pass(40 * time.Second)
		}, []string{"2:tip_lag"}},
		"it goes on behind": {3, func(c *chain) {
			c.all(100)
			for h := uint32(101); h < 120; h++ {
				c.at(0, 1, h, btc)
				c.at(1, 1, h, btc)
				c.pass(10 * time.Second)
				c.at(2, 1, h-1, btc)
			}
		}, []string{"2:tip_lag"}},
		"one alone": {3, func(c *chain) {
			c.all(100)
			for h := uint32(101); h < 103; h++ {
				c.at(0, 2, h, btc)
				c.at(1, 1, h, btc)
				c.at(2, 1, h, btc)
				c.pass(8 * time.Minute)
			}
		}, []string{"0:tip_alone"}},
		"one alone and ahead": {3, func(c *chain) {
			c.all(100)
			c.all(101)
			c.at(0, 2, 500, btc)
			c.at(1, 1, 102, btc)
			c.at(2, 1, 102, btc)
			c.pass(12 * time.Minute)
		}, []string{"0:tip_alone"}},
		"two that part": {2, func(c *chain) {
			c.all(100)
			c.at(0, 2, 101, btc)
			c.at(1, 1, 101, btc)
			c.pass(12 * time.Minute)
		}, []string{"0:tip_alone", "1:tip_alone"}},
		"two coins on purpose": {2, func(c *chain) { c.at(0, 1, 900, btc); c.at(1, 2, 880, bch); c.pass(3 * time.Hour) }, nil},
		"another coin than two others": {3, func(c *chain) {
			c.at(0, 1, 900, btc)
			c.at(1, 1, 900, btc)
			c.at(2, 2, 880, bch)
			c.pass(12 * time.Minute)
		}, []string{"2:tip_alone"}},
		"another difficulty at one height": {3, func(c *chain) {
			c.at(0, 1, 900, btc)
			c.at(1, 1, 900, btc)
			c.at(2, 2, 900, bch)
			c.pass(2 * time.Minute)
		}, []string{"2:other_coin"}},
		"a retarget": {3, func(c *chain) {
			c.all(100)
			for p := range 3 {
				c.at(p, 1, 101, bch)
				c.pass(5 * time.Second)
			}
			c.pass(time.Hour)
		}, nil},
		"one is away": {3, func(c *chain) {
			c.all(100)
			c.at(0, 1, 101, btc)
			c.at(1, 1, 101, btc)
			c.pass(20 * time.Second)
			c.pools[2].Connected(false)
			c.pass(time.Hour)
		}, nil},
		"one comes back": {2, func(c *chain) {
			c.all(100)
			c.pools[1].Connected(false)
			c.pass(time.Minute)
			c.at(0, 1, 101, btc)
			c.pools[1].Connected(true)
			c.at(1, 2, 101, btc) // it was taken over meanwhile
			c.pass(12 * time.Minute)
		}, []string{"0:tip_alone", "1:tip_alone"}},
		"one pool": {1, func(c *chain) { c.at(0, 1, 100, btc); c.pass(time.Hour); c.at(0, 1, 101, btc); c.pass(time.Hour) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ch := newChain(c.pools)
			c.do(ch)
			if got := ch.signals(); !slices.Equal(got, c.want) {
				t.Errorf("signals %v, want %v", got, c.want)
			}
		})
	}
}

// all puts all pools on the next block.
func (c *chain) all(height uint32) {
	for p := range c.pools {
		c.at(p, 1, height, btc)
	}
	c.pass(time.Second)
}

// How long a pool was astray is told for a while after it is over, the longest time
// alone, and of nobody else.
func TestAstray(t *testing.T) {
	c := newChain(3)
	expect := func(what string, behind, alone time.Duration) {
		t.Helper()
		for i, p := range c.pools {
			want := [2]time.Duration{}
			if i == 2 {
				want = [2]time.Duration{behind, alone}
			}
			if b, a := p.Astray(c.now); [2]time.Duration{b, a} != want {
				t.Errorf("%s: pool %d was behind for %v and alone for %v, want %v", what, i, b, a, want)
			}
		}
	}
	c.all(100)
	expect("in step", 0, 0)
	c.at(0, 1, 101, btc)
	c.at(1, 1, 101, btc)
	c.pass(46 * time.Second)
	expect("behind", 45*time.Second, 0)
	c.at(2, 1, 101, btc)
	c.pass(9 * time.Minute)
	expect("in step again", 45*time.Second, 0)
	c.all(102)
	for p, on := range []byte{1, 1, 2} {
		c.at(p, on, 103, btc)
	}
	c.pass(3*time.Minute + time.Second)
	expect("alone", 45*time.Second, 3*time.Minute)
	c.all(104)
	c.pass(20 * time.Minute)
	expect("long ago", 0, 0)

	c.at(0, 1, 105, btc)
	c.at(1, 1, 105, btc)
	c.pass(time.Minute + time.Second)
	expect("behind again", time.Minute, 0)
	c.pools[2].Rest(c.now)
	expect("nobody is connected to it", 0, 0)
}

// Pools that come with the same blocks within half a minute have no signal, in whatever
// order, and one that does not is found among them.
func TestWhoLagsIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "pools")
		c := newChain(n)
		c.all(100)
		for h := uint32(101); h < 104; h++ {
			order := rapid.Permutation([]int{0, 1, 2, 3, 4, 5}[:n]).Draw(t, "order")
			for _, p := range order {
				c.at(p, 1, h, btc)
				c.pass(time.Duration(rapid.IntRange(0, 28/n).Draw(t, "later")) * time.Second)
			}
			c.pass(time.Duration(rapid.IntRange(0, 60).Draw(t, "wait")) * time.Second)
		}
		if got := c.signals(); len(got) != 0 {
			t.Fatalf("all is well: %v", got)
		}
		lazy := rapid.IntRange(0, n-1).Draw(t, "lazy")
		for p := range n {
			if p != lazy {
				c.at(p, 1, 104, btc)
			}
		}
		c.pass(time.Minute)
		if got, want := c.signals(), []string{fmt.Sprintf("%d:tip_lag", lazy)}; !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
