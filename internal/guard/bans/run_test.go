package bans_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
)

// running runs a book until it is stopped.
func running(t *testing.T, deps bans.Deps) (b *bans.Book, stop func()) {
	t.Helper()
	deps.Now = time.Now
	b = bans.New(terms(), deps)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return b, func() {
		cancel()
		wg.Wait()
	}
}

// add has an operator ban or pause ADDRESS, "worker LOGIN" or LOGIN@ADDRESS.
func add(t *testing.T, b *bans.Book, who string, kind bans.Kind, term time.Duration) bans.Entry {
	t.Helper()
	login, address, at := strings.Cut(who, "@")
	if !at && !strings.HasPrefix(who, "worker ") {
		login, address = "", who
	}
	e, err := b.Add(bans.Order{Subject: subject(t, address, strings.TrimPrefix(login, "worker ")), Kind: kind, For: term, By: "ops", Comment: "why"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestRestart has the next book be as the last one was.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop()
		b, stop := running(t, bans.Deps{Store: s})
		add(t, b, "192.0.2.0/24", bans.Ban, 0)
		add(t, b, "a.b@2001:db8::7", bans.Ban, time.Hour)
		add(t, b, "worker a.*", bans.Pause, 0)
		if _, ok := b.Threat(bans.SiteOf(ip("198.51.100.1")), "test", time.Now()); !ok {
			t.Fatal("no ban")
		}
		synctest.Wait()
		lifted := add(t, b, "192.0.2.99", bans.Ban, 0)
		b.Lift(lifted.Subject, time.Now())
		was := b.List(bans.Filter{}, time.Now())
		stop()

		again, stop := running(t, bans.Deps{Store: s})
		synctest.Wait()
		if diff := cmp.Diff(was, again.List(bans.Filter{}, time.Now()), cmpopts.EquateComparable(bans.Entry{}, bans.Subject{})); diff != "" || len(was) != 4 {
			t.Errorf("after a restart (-before +after):\n%s", diff)
		}
		// The threat's history lives on, too.
		time.Sleep(10 * time.Minute)
		if e, ok := again.Threat(bans.SiteOf(ip("198.51.100.1")), "test", time.Now()); !ok || e.Times != 2 {
			t.Errorf("%+v", e)
		}
		stop()
	})
}

// TestForgets has what is over leave the store, a threat's after good conduct.
func TestForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop()
		gauge := map[bans.Cause]*tally{bans.Operator: {}, bans.Threat: {}}
		b, stop := running(t, bans.Deps{Store: s, Metrics: bans.Metrics{InForce: func(k bans.Kind, c bans.Cause) bans.Gauge {
			if k == bans.Pause {
				return new(tally)
			}
			return gauge[c]
		}}})
		cfg := terms()
		cfg.Forget = 6 * time.Hour
		b.Reconfigure(cfg)
		add(t, b, "192.0.2.7", bans.Ban, time.Minute)
		b.Threat(bans.SiteOf(ip("198.51.100.1")), "test", time.Now())
		// It may be looking already, for the configuration's sake, and looks again in a while.
		for _, c := range []struct {
			after            time.Duration
			kept             int
			operator, threat float64
		}{{5 * time.Second, 2, 1, 1}, {2 * time.Minute, 1, 0, 1}, {15 * time.Minute, 1, 0, 0}, {6 * time.Hour, 0, 0, 0}} {
			time.Sleep(c.after)
			synctest.Wait()
			if n := len(s.all()); n != c.kept || gauge[bans.Operator].value() != c.operator || gauge[bans.Threat].value() != c.threat {
				t.Errorf("after another %s: %d are kept, in force %v and %v", c.after, n, gauge[bans.Operator].value(), gauge[bans.Threat].value())
			}
		}
		stop()
	})
}

// TestStoreAway has the store be away at the start and later: bans hold, and it is
// told when it is back.
func TestStoreAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop()
		before, stop := running(t, bans.Deps{Store: s})
		add(t, before, "192.0.2.7", bans.Ban, 0)
		add(t, before, "192.0.2.8", bans.Ban, 0)
		before.Threat(bans.SiteOf(ip("192.0.2.9")), "test", time.Now())
		synctest.Wait()
		stop()
		time.Sleep(10 * time.Minute) // the threat's is over

		s.setAway(true)
		var all conns
		first := all.add("192.0.2.7")
		b, stop := running(t, bans.Deps{Store: s, Conns: &all})
		add(t, b, "203.0.113.1", bans.Ban, 0)
		b.Lift(subject(t, "192.0.2.8", ""), time.Now())
		b.Threat(bans.SiteOf(ip("192.0.2.9")), "test", time.Now())
		time.Sleep(time.Minute)
		if !b.Banned(ip("203.0.113.1"), time.Now()) || b.Banned(ip("192.0.2.7"), time.Now()) || len(s.all()) != 3 {
			t.Error("it is otherwise than it can be without the store")
		}
		s.setAway(false)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		now := time.Now()
		if !b.Banned(ip("192.0.2.7"), now) || b.Banned(ip("192.0.2.8"), now) || !b.Banned(ip("203.0.113.1"), now) {
			t.Error("the store is back, and the book lacks something")
		}
		if end := all.endOf(first); end != mining.Banned {
			t.Errorf("a connection of who was banned before goes on: %q", end)
		}
		if e, _ := b.Address(ip("192.0.2.9"), now); e.Times != 2 {
			t.Errorf("a threat that came before the store was back: %+v", e)
		}
		if n := len(s.all()); n != 3 {
			t.Errorf("%d are kept", n)
		}

		s.setAway(true)
		add(t, b, "203.0.113.2", bans.Ban, 0)
		time.Sleep(time.Hour)
		calls := s.asked()
		s.setAway(false)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := len(s.all()); n != 4 || calls > 150 {
			t.Errorf("%d are kept; it was asked %d times in an hour", n, calls)
		}
		s.setAway(true)
		add(t, b, "203.0.113.3", bans.Ban, 0)
		stop() // does not wait for a store that is away
	})
}

// TestThreatEndsConnections: they end by themselves, not all walks at once.
func TestThreatEndsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all conns
		one, other := all.add("192.0.2.7"), all.add("192.0.2.8")
		b, stop := running(t, bans.Deps{Conns: &all})
		synctest.Wait()
		b.Threat(bans.SiteOf(ip("192.0.2.7")), "test", time.Now())
		time.Sleep(time.Second)
		if all.endOf(one) != mining.Banned || all.endOf(other) != "" {
			t.Errorf("%q %q", all.endOf(one), all.endOf(other))
		}
		stop()
	})
}

// dropper keeps what it was told last.
type dropper struct {
	mu    sync.Mutex
	all   []bans.Dropped
	calls int
	deaf  bool
}

func (d *dropper) Drop(_ time.Time, all []bans.Dropped) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls++; d.deaf {
		return errAway
	}
	d.all = all
	return nil
}

func (d *dropper) setDeaf(deaf bool) (calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls, d.deaf, d.calls = d.calls, deaf, 0
	return calls
}

func (d *dropper) prefixes() (all []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.all {
		all = append(all, one.Prefix.String())
	}
	slices.Sort(all)
	return all
}

// TestDrops has banned networks dropped, and no one else.
func TestDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := new(dropper)
		b, stop := running(t, bans.Deps{Drop: d})
		add(t, b, "192.0.2.0/24", bans.Ban, time.Minute)
		add(t, b, "198.51.100.1", bans.Ban, 0)
		add(t, b, "198.51.100.2", bans.Pause, 0)
		add(t, b, "a@198.51.100.3", bans.Ban, 0)
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{"192.0.2.0/24", "198.51.100.1/32"}, d.prefixes()); diff != "" {
			t.Error(diff)
		}
		time.Sleep(70 * time.Second)
		if diff := cmp.Diff([]string{"198.51.100.1/32"}, d.prefixes()); diff != "" {
			t.Error(diff)
		}
		b.Lift(subject(t, "198.51.100.1", ""), time.Now())
		time.Sleep(time.Second)
		if got := d.prefixes(); len(got) != 0 {
			t.Error(got)
		}
		stop()
	})
}

// TestDropsAgain has the dropper not take what it is told: it is told again, not all the
// time, so that who was lifted is let through, and no more than that once it has taken it.
func TestDropsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := new(dropper)
		b, stop := running(t, bans.Deps{Drop: d})
		add(t, b, "192.0.2.7", bans.Ban, 0)
		time.Sleep(time.Second)
		d.setDeaf(true)
		b.Lift(subject(t, "192.0.2.7", ""), time.Now())
		time.Sleep(time.Hour)
		if calls := d.setDeaf(false); calls < 10 || calls > 30 {
			t.Errorf("told %d times in an hour", calls)
		}
		time.Sleep(6 * time.Minute)
		if got := d.prefixes(); len(got) != 0 {
			t.Errorf("%v is dropped, and not banned any more", got)
		}
		d.setDeaf(false)
		time.Sleep(time.Hour)
		if calls := d.setDeaf(false); calls != 0 {
			t.Errorf("told %d times of nothing new", calls)
		}
		stop()
	})
}

// TestStoreKnowsMore has a threat come while the store is away that has an operator's
// ban of the same, or a longer one: that holds. What no threat may ban any more is
// forgotten.
func TestStoreKnowsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop()
		before, stop := running(t, bans.Deps{Store: s})
		add(t, before, "192.0.2.7", bans.Ban, 0)
		add(t, before, "192.0.2.8", bans.Ban, time.Hour)
		add(t, before, "192.0.2.9", bans.Ban, time.Minute)
		before.Threat(bans.SiteOf(ip("198.51.100.1")), "test", time.Now())
		before.Threat(bans.SiteOf(ip("203.0.113.1")), "test", time.Now())
		before.Threat(bans.Subject{Prefix: netip.MustParsePrefix("203.0.113.2/32"), Login: "farm.a"}, "test", time.Now())
		stop()

		s.setAway(true)
		cfg := terms()
		cfg.Exempt = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
		b := bans.New(cfg, bans.Deps{Store: s, Now: time.Now})
		began := time.Now()
		for _, addr := range []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"} {
			if _, ok := b.Threat(bans.SiteOf(ip(addr)), "test", began); !ok {
				t.Fatal(addr, "is not banned")
			}
		}
		s.setAway(false)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = b.Run(ctx) })
		synctest.Wait()
		for addr, want := range map[string]bans.Entry{
			"192.0.2.7": {Cause: bans.Operator, Times: 2},
			"192.0.2.8": {Cause: bans.Operator, Times: 2, Until: began.Add(time.Hour)},
			"192.0.2.9": {Cause: bans.Threat, Times: 2, Until: began.Add(10 * time.Minute)},
		} {
			if e, _ := b.Address(ip(addr), time.Now()); e.Cause != want.Cause || e.Times != want.Times || !e.Until.Equal(want.Until) {
				t.Errorf("%s: %+v, want %+v", addr, e, want)
			}
		}
		_, worker := b.Refused(ip("203.0.113.2"), "farm.a", time.Now())
		if b.Banned(ip("203.0.113.1"), time.Now()) || !b.Banned(ip("198.51.100.1"), time.Now()) || !worker {
			t.Error("who is exempt now is banned, or somebody else is not")
		}
		cancel()
		wg.Wait()
		if n := len(s.all()); n != 5 {
			t.Errorf("%d are kept", n)
		}
	})
}
