package bans_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
)

// crowd are n connections of an address, of which the oldest ends every so often and
// another one comes.
type crowd struct {
	*yard

	all   []*mining.Miner
	every time.Duration
}

func newCrowd(n int, every time.Duration) *crowd {
	c := &crowd{yard: newYard(), every: every}
	for range n {
		c.all = append(c.all, c.come(nat))
	}
	return c
}

// turn ends n connections, one after the other, until the address is banned, and says
// whether it is.
func (c *crowd) turn(n int, end func(m *mining.Miner)) bool {
	for range n {
		c.now = c.now.Add(c.every)
		end(c.all[0])
		c.all = append(c.all[1:], c.come(nat))
		if c.banned(nat) {
			return true
		}
	}
	return false
}

// TestAttacksAtOnce: who attacks by several connections at once, or keeps others open
// that do nothing, is banned as who attacks by one after the other.
func TestAttacksAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		at, idle int
		do       func(y *yard, m *mining.Miner)
	}{
		"guesses of secrets":      {16, 0, func(y *yard, m *mining.Miner) { y.leave(m, mining.LoginRefused, false) }},
		"guesses beside an idler": {1, 1, func(y *yard, m *mining.Miner) { y.leave(m, mining.LoginRefused, false) }},
		"garbage beside 20":       {1, 20, func(y *yard, m *mining.Miner) { y.leave(m, mining.UnknownProtocol, false) }},
		"a few guesses of each": {4, 0, func(y *yard, m *mining.Miner) {
			for range 3 {
				y.Guessed(m, y.now)
			}
			y.leave(m, mining.PeerClosed, false)
		}},
		"shares of nobody": {8, 0, func(y *yard, m *mining.Miner) {
			y.Offended(m, "", y.now)
			y.leave(m, mining.Misbehaved, false)
		}},
	} {
		crowd := newCrowd(c.at, 20*time.Millisecond)
		for range c.idle {
			crowd.come(nat)
		}
		if !crowd.turn(10_000, func(m *mining.Miner) { c.do(crowd.yard, m) }) {
			t.Errorf("%s: no ban", name)
		}
	}
}

// TestNoAttackAtOnce: a whole site whose secret is wrong is not banned, nor is one where
// somebody is logged in, though no share of it has been accepted yet, until that is gone.
func TestNoAttackAtOnce(t *testing.T) {
	site := newCrowd(500, 5*time.Second/500)
	if site.turn(100_000, func(m *mining.Miner) { site.leave(m, mining.LoginRefused, false) }) {
		t.Errorf("a site of 500 with a wrong secret is banned: %v", site.book.List(bans.Filter{}, site.now))
	}

	site = newCrowd(1, time.Millisecond)
	if site.turn(2000, func(m *mining.Miner) { site.Guessed(m, site.now); site.leave(m, mining.PeerClosed, false) }) {
		t.Errorf("a site of 2,000 with a wrong secret is banned: %v", site.book.List(bans.Filter{}, site.now))
	}

	c := newCrowd(1, 20*time.Millisecond)
	miner := c.come(nat)
	c.Settled(miner, c.now)
	c.Settled(miner, c.now)
	guess := func(m *mining.Miner) { c.leave(m, mining.LoginRefused, false) }
	if c.turn(10_000, guess) {
		t.Errorf("a miner is banned for what another one guesses: %v", c.book.List(bans.Filter{}, c.now))
	}
	c.leave(miner, mining.PeerClosed, true)
	if !c.turn(1000, guess) {
		t.Error("it guesses on for who is gone")
	}

	c = newCrowd(1, 20*time.Millisecond)
	miner = c.come(nat)
	c.Settled(miner, c.now)
	c.Offended(miner, "", c.now)
	if c.leave(miner, mining.Misbehaved, true); !c.turn(1000, guess) {
		t.Error("who has offended vouches for guesses")
	}
}
