package hub_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
)

// reconnects is a house with a pool, "first", and a place that it may send its
// connections to, "other".
type reconnects struct {
	*house

	first, other *fakePool
	log          logText

	mu    sync.Mutex
	count map[dial.RedirectOutcome]int
}

// outcome counts one outcome.
type outcome struct {
	r    *reconnects
	what dial.RedirectOutcome
}

func (o outcome) Inc() {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	o.r.count[o.what]++
}

func newReconnects(t *testing.T, change func(*hub.Config)) *reconnects {
	t.Helper()
	r := &reconnects{first: sharedPool("first"), other: sharedPool("other"), count: make(map[dial.RedirectOutcome]int)}
	deps := hub.Deps{
		Logger: slog.New(slog.NewTextHandler(&r.log, nil)),
		Metrics: hub.Metrics{Redirects: func(pool string, what dial.RedirectOutcome) hub.Counter {
			if pool != "first" {
				t.Errorf("%s is counted", pool)
			}
			return outcome{r, what}
		}},
	}
	r.other.en1 = "0badcafe"
	r.house = buildHub(t, []*fakePool{r.first}, deps, func(c *hub.Config) {
		c.Pools[0].Redirects = dial.Redirects{SameDomain: true, Hosts: []string{"other"}}
		if change != nil {
			change(c)
		}
	})
	r.pools["other"] = r.other
	return r
}

// asks has every connection of the pool but the probe's asked to go elsewhere.
func (r *reconnects) asks(p *fakePool, host string, wait int) {
	r.t.Helper()
	p.mu.Lock()
	conns := p.conns
	p.mu.Unlock()
	for i, c := range conns {
		if p != r.first || i > 0 { // the first is the probe's
			c.reconnect(host, wait)
		}
	}
	synctest.Wait()
}

func (c *poolConn) reconnect(host string, wait int) {
	c.say(fmt.Sprintf(`{"id":null,"method":"client.reconnect","params":[%q,0,%d]}`, host, wait) + "\n")
}

func (r *reconnects) counted(want map[dial.RedirectOutcome]int) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if fmt.Sprint(r.count) != fmt.Sprint(want) {
		r.t.Errorf("counted are %v, want %v", r.count, want)
	}
}

// mines has each guest find a share, which a pool takes.
func (r *reconnects) mines(guests []*guest, at *fakePool) {
	r.t.Helper()
	before, _ := at.tally()
	for _, g := range guests {
		if a := g.mine(g.login()); a.Verdict != mining.Accepted {
			r.t.Errorf("the verdict is %v", a.Verdict)
		}
	}
	synctest.Wait()
	if n, refused := at.tally(); n != before+len(guests) || len(refused) > 0 {
		r.t.Errorf("%s took %d and refused %q", at.name, n-before, refused)
	}
}

// The miners of a shared connection that the pool sends elsewhere are served by
// the old one until the new one has work, and nobody notices.
func TestReconnectShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconnects(t, shareAll)
		guests := r.crowd(20)
		r.mines(guests, r.first)
		r.other.change(func() { r.other.noJob = true })
		r.asks(r.first, "other", 5)
		r.asks(r.first, "other", 5) // once is enough
		pass(4 * time.Second)
		if r.other.count() != 0 {
			t.Error("it did not wait")
		}
		r.mines(guests, r.first)
		pass(5 * time.Second)
		if r.other.count() != 1 {
			t.Errorf("%d connections were made there", r.other.count())
		}
		r.mines(guests, r.first) // no work there yet
		r.other.change(func() { r.other.noJob = false })
		r.other.last().setDifficulty(easy)
		r.other.job()
		pass(3 * time.Second)
		r.mines(guests, r.other)
		if at := where(t, guests); at["first"] != 20 {
			t.Errorf("miners are at %v", at)
		}
		if n := r.log.count("outcome=followed"); n != 1 {
			t.Errorf("the log has it %d times", n)
		}
		// The link that it came from goes in time, and a lost one begins anew where
		// the pool is configured.
		lives(5*time.Minute, r.first, r.other)
		if links := r.hub.Pools()[0].Links; links != 1 {
			t.Errorf("%d links are there", links)
		}
		r.other.closeAll()
		pass(3 * time.Second)
		r.mines(guests, r.first)
		if r.other.count() != 1 {
			t.Errorf("%d connections were made there", r.other.count())
		}
	})
}

// Where nobody is there, or the pool ends the connection at once, miners have
// work where the pool is configured.
func TestReconnectInVain(t *testing.T) {
	for name, dedicated := range map[string]bool{"shared": false, "dedicated": true} {
		for what, closes := range map[string]bool{"nobody there": false, "closed at once": true} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newReconnects(t, func(c *hub.Config) {
						if !dedicated {
							shareAll(c)
						}
					})
					guests := r.crowd(10)
					r.other.refuse.Store(true)
					r.asks(r.first, "other", 0)
					if closes {
						r.first.mu.Lock()
						conns := r.first.conns[1:]
						r.first.mu.Unlock()
						for _, c := range conns {
							_ = c.Close()
						}
					}
					pass(5 * time.Second)
					r.mines(guests, r.first)
					if r.other.dials.Load() == 0 || r.hub.Pools()[0].Breaker != link.Closed {
						t.Errorf("%d dials, the breaker is %s", r.other.dials.Load(), r.hub.Pools()[0].Breaker)
					}
					where(t, guests)
				})
			})
		}
	}
}

// A miner with a link of its own goes where its pool sends it, too.
func TestReconnectDedicated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconnects(t, nil)
		guests := r.crowd(10)
		old := guests[0].newest()
		r.asks(r.first, "other", 2)
		r.mines(guests, r.first)
		pass(3 * time.Second)
		r.mines(guests, r.other)
		if guests[0].newest().ID == old.ID || guests[0].assigned().Clean {
			t.Errorf("it has %+v", guests[0].assigned())
		}
		r.counted(map[dial.RedirectOutcome]int{dial.Followed: 10})
		r.other.closeAll()
		pass(3 * time.Second)
		r.mines(guests, r.first)
	})
}

// All miners with links of their own are sent elsewhere at once, and go one after the
// other: nobody is flooded, and each is served meanwhile.
func TestReconnectDedicatedIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconnects(t, nil)
		guests := r.crowd(160)
		r.asks(r.first, "other", 0)
		pass(time.Second)
		if n := r.other.count(); n < 50 || n > 110 {
			t.Errorf("%d connections after a second", n)
		}
		for i, g := range guests {
			if a := g.mine(g.login()); a.Verdict != mining.Accepted {
				t.Errorf("a share of miner %d meanwhile: %v", i, a.Verdict)
			}
		}
		lives(5*time.Second, r.first, r.other)
		if n := r.other.count(); n != 160 {
			t.Errorf("%d connections after 6 s", n)
		}
		r.mines(guests, r.other)
		for _, g := range guests {
			g.leave()
		}
	})
}

// The probe follows without the pool being down for it, and comes back where
// nobody is there.
func TestReconnectOfTheProbe(t *testing.T) {
	for _, there := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newReconnects(t, nil)
			r.other.refuse.Store(!there)
			since := r.hub.Pools()[0].Probe.Since
			pass(time.Minute)
			r.first.last().reconnect("other", 1)
			pass(2 * time.Second)
			s := r.hub.Pools()[0].Probe
			en1 := r.first.en1 + "02"
			if there {
				en1 = r.other.en1 + "01"
			}
			if s.State != link.Active || !s.Since.Equal(since) || s.Facts.Extranonce1 != hex(t, en1) || r.log.count("pool is down") > 0 {
				t.Errorf("there %v: status is %+v", there, s)
			}
			if n := r.other.dials.Load(); n != 1 {
				t.Errorf("%d dials", n)
			}
		})
	}
}

// What is not followed is counted and logged once a minute, and changes nothing.
func TestReconnectRefused(t *testing.T) {
	for name, c := range map[string]struct {
		redirects dial.Redirects
		host      string
		outcome   dial.RedirectOutcome
	}{
		"off":       {dial.Redirects{Hosts: []string{"other"}}, "other", dial.RefusedOff},
		"stranger":  {dial.Redirects{SameDomain: true}, "other", dial.RefusedHost},
		"inside":    {dial.Redirects{SameDomain: true, Hosts: []string{"127.0.0.1"}}, "127.0.0.1", dial.RefusedAddress},
		"malformed": {dial.Redirects{SameDomain: true}, "a b", dial.RefusedMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReconnects(t, func(cfg *hub.Config) {
					shareAll(cfg)
					cfg.Pools[0].Redirects = c.redirects
				})
				guests := r.crowd(3)
				for range 30 {
					r.asks(r.first, c.host, 0)
				}
				pass(10 * time.Second)
				r.mines(guests, r.first)
				if r.other.dials.Load() > 0 || r.log.count("outcome="+string(c.outcome)) != 1 {
					t.Errorf("%d dials, log is %s", r.other.dials.Load(), r.log.text.String())
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				if len(r.count) != 1 || r.count[c.outcome] < 30 {
					t.Errorf("counted are %v", r.count)
				}
			})
		})
	}
}

// That the place is in a private network is found when it is dialled, and told.
func TestReconnectToAPrivateName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconnects(t, shareAll)
		guests := r.crowd(3)
		r.other.failure = &dial.Error{Reason: mining.DialFailed, Problem: dial.NotPublic, Err: errors.New("private")}
		r.other.refuse.Store(true)
		r.asks(r.first, "other", 0)
		pass(5 * time.Second)
		r.mines(guests, r.first)
		r.counted(map[dial.RedirectOutcome]int{dial.Followed: 1, dial.RefusedAddress: 1})
		if r.log.count("outcome=refused_address") != 1 {
			t.Errorf("log is %s", r.log.text.String())
		}
	})
}

// A pool that sends its connections to and fro does so three times in a row.
func TestReconnectLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconnects(t, nil)
		guests := r.crowd(1)
		at := []*fakePool{r.first, r.other, r.first, r.other}
		for i, p := range at {
			to := "other"
			if p == r.other {
				to = "first"
			}
			p.last().reconnect(to, 0)
			pass(time.Second)
			if i < 3 {
				r.mines(guests, at[i+1])
			}
		}
		r.mines(guests, r.other)
		r.counted(map[dial.RedirectOutcome]int{dial.Followed: 3, dial.RefusedTooOften: 1})
		lives(11*time.Minute, r.first, r.other) // that was long ago
		r.other.last().reconnect("first", 0)
		pass(time.Second)
		r.mines(guests, r.first)
	})
}

// A pool that sends every connection on as soon as it is there, and then drops it,
// gets a few more connections for that than one that only drops them, and no more
// and more; and so does one that sends them where nobody is.
func TestReconnectFlood(t *testing.T) {
	for name, dedicated := range map[string]bool{"shared": false, "dedicated": true} {
		for what, there := range map[string]bool{"drops": true, "nobody there": false} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newReconnects(t, func(c *hub.Config) {
						c.Routes[0].OutageGrace = time.Hour
						if !dedicated {
							shareAll(c)
						}
					})
					guests := r.crowd(3)
					r.other.refuse.Store(!there)
					for _, p := range []*fakePool{r.first, r.other} {
						to := "other"
						if p == r.other {
							to = "first"
						}
						p.change(func() {
							p.then = func(c *poolConn) {
								for range 50 {
									c.reconnect(to, 0)
								}
								time.AfterFunc(100*time.Millisecond, func() { _ = c.Close() })
							}
						})
					}
					r.first.closeAll()
					most := int32(0)
					for range 80 {
						pass(3 * time.Second)
						most = max(most, r.first.alive.Load()+r.other.alive.Load())
					}
					r.mu.Lock()
					followed := r.count[dial.Followed]
					r.mu.Unlock()
					if told := r.log.count("asks a connection to reconnect"); followed > 12 || told > 11 || most > 16 {
						t.Errorf("%d wishes were followed, %d told of, %d connections were alive", followed, told, most)
					}
					r.other.refuse.Store(false)
					for _, p := range []*fakePool{r.first, r.other} {
						p.change(func() { p.then = nil })
					}
					pass(time.Minute)
					where(t, guests)
				})
			})
		}
	}
}

// Where there is no room for the miners' extranonces says nothing of the pool.
func TestReconnectToANarrowPlace(t *testing.T) {
	for name, dedicated := range map[string]bool{"shared": false, "dedicated": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReconnects(t, func(c *hub.Config) {
					if !dedicated {
						shareAll(c)
					}
				})
				r.other.en2Size = 3
				guests := r.crowd(3)
				r.asks(r.first, "other", 0)
				pass(5 * time.Second)
				if r.other.dials.Load() == 0 {
					t.Error("nobody went there")
				}
				r.mines(guests, r.first)
				r.first.mu.Lock()
				conns := r.first.conns[1:]
				r.first.mu.Unlock()
				for _, c := range conns {
					_ = c.Close()
				}
				pass(time.Minute)
				where(t, guests)
				r.mines(guests, r.first)
			})
		})
	}
}

// Where a pool has sent its probe before it was disabled is nothing to it later.
func TestReconnectBeforeAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReconnects(t, nil)
		r.first.last().reconnect("other", 30)
		pass(time.Second)
		if _, err := r.hub.DisablePool("first"); err != nil {
			t.Error(err)
		}
		pass(time.Hour)
		if err := r.hub.EnablePool("first"); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
		if s := r.hub.Pools()[0].Probe; s.State != link.Active || r.other.dials.Load() != 0 || r.first.count() != 2 {
			t.Errorf("status is %+v, %d and %d dials", s, r.first.count(), r.other.dials.Load())
		}
		r.counted(map[dial.RedirectOutcome]int{dial.Followed: 1})
	})
}
