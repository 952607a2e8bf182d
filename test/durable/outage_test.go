package durable

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/pg"
	"github.com/loka/stratum/internal/view"
)

const (
	// shipEvery is how often a store is given what there is, noticed how soon after
	// that /health tells of it at the latest.
	shipEvery = 10 * time.Second
	noticed   = shipEvery + 15*time.Second
	// longOutage is how long an outage lasts of a test that takes its time.
	longOutage = time.Minute
)

// site is a proxy with its own pool, miners and data directory, before a database
// that others use, too.
type site struct {
	*proxy

	farm  *farm
	relay *relay
}

func newSite(t *testing.T, database string, random *rand.Rand) *site {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{farm: newFarm(t, random.Uint64()), relay: newRelay(t, u.Host, rand.New(rand.NewPCG(random.Uint64(), 0)))}
	u.Host = s.relay.listener.Addr().String()
	s.proxy = newProxy(t, s.farm.pool.URL(), filepath.Join(t.TempDir(), "data"), u.String())
	return s
}

// server is a PostgreSQL that keeps what it has said it has, until the test ends.
func server(t *testing.T) *pg.Server {
	t.Helper()
	s, err := pg.New(context.WithoutCancel(t.Context()), "synchronous_commit=on")
	if errors.Is(err, pg.ErrNotInstalled) {
		t.Skipf("SKIPPED, NOTHING IS PROVED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestOutage has two proxies keep their shares in one PostgreSQL, which is away when
// they start, crashes, and whose connections are cut and lose its answers, for
// LOKA_OUTAGE at a time. Miners notice nothing of it, /health tells, and in the
// end the database has every share once.
func TestOutage(t *testing.T) {
	t.Parallel()
	outage := wanted(t, "LOKA_OUTAGE", "soak-outage OUTAGE=3m", time.ParseDuration)
	random := chance(t)
	server := server(t)
	database := server.URL("postgres")
	sites := []*site{newSite(t, database, random), newSite(t, database, random)}
	each := func(do func(*site)) {
		for _, s := range sites {
			do(s)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	must(server.Stop())
	each(func(s *site) {
		s.start()
		s.farm.mine(s.proxy, 8, 300)
	})
	each(func(s *site) { s.farm.mining() })
	begun := time.Now()
	var connects uint64
	each(func(s *site) { connects += s.farm.connects() })
	each(func(s *site) { t.Logf("away at the start: %s", s.says("store", view.Degraded, noticed).Detail) })
	must(server.Start(t.Context()))
	each(func(s *site) { s.says("store", view.OK, noticed) })
	well := time.Now()

	must(server.Crash())
	crashed := time.Now()
	each(func(s *site) { t.Logf("crashed: %s", s.says("store", view.Degraded, noticed).Detail) })
	pass(outage-time.Since(crashed), nil)
	must(server.Start(t.Context()))
	each(func(s *site) { s.says("store", view.OK, noticed) })
	back := time.Now()

	sites[0].relay.set(cutting)
	sites[1].relay.set(losing)
	for until := time.Now().Add(max(shipEvery+time.Second, outage/2)); time.Now().Before(until); pass(between(random, time.Millisecond, 700*time.Millisecond), nil) {
		must(server.Terminate(t.Context(), "postgres"))
	}
	await(t, "answers to be lost", noticed, func() bool { _, lost := sites[1].relay.done(); return lost > 0 })
	each(func(s *site) { s.relay.set(faithful) })
	each(func(s *site) { s.says("store", view.OK, noticed) })
	if outage >= longOutage {
		silence(t, sites)
	}
	ended := time.Now()

	for i, s := range sites {
		cuts, lost := s.relay.done()
		t.Logf("proxy %d: %d connections were cut and %d answers to a commit lost", i, cuts, lost)
		usual := s.farm.paceOf(well.Add(-shipEvery/2), well.Add(shipEvery/2))
		for what, times := range map[string][2]time.Time{
			"away at the start": {begun, begun.Add(shipEvery)}, "crashed": {well, back}, "harmed": {back, ended},
		} {
			p := s.farm.paceOf(times[0], times[1])
			t.Logf("%s: %s", what, p)
			// What else the machine does is not the store's doing: these are wide.
			if p.rate < 0.7*usual.rate || p.p50 > 3*usual.p50+100*time.Millisecond || p.longest > 5*time.Second {
				t.Errorf("mining suffered; usually: %s", usual)
			}
		}
		connects -= s.farm.connects()
	}
	if connects != 0 && outage < longOutage {
		t.Error("miners lost their connections")
	}
	each(func(s *site) {
		s.farm.rest()
		b := s.books()
		s.stop()
		s.start()
		if now := s.books(); now.accepted != b.accepted {
			t.Errorf("%d shares are restored of %d", now.accepted, b.accepted)
		}
		s.farm.lost(s.history(b), nil)
		s.stop()
		t.Logf("%d shares acknowledged, %d kept", len(s.farm.heard()), b.accepted)
	})
}

// silence has the database's connections say nothing more, as when its machine has
// lost its power. That is noticed, a proxy ends in good order all the same, and
// what it has goes to the database in its next life.
func silence(t *testing.T, sites []*site) {
	t.Helper()
	begun := time.Now()
	for _, s := range sites {
		s.relay.set(silent)
	}
	for _, s := range sites {
		said := s.says("store", view.Degraded, 2*time.Minute).Detail
		t.Logf("silent for %v: %s", time.Since(begun).Round(time.Second), said)
	}
	s := sites[0]
	s.farm.rest()
	s.stop()
	s.start()
	s.farm.goOn()
	s.farm.mining()
	for _, s := range sites {
		s.relay.set(faithful)
	}
	for _, s := range sites {
		s.says("store", view.OK, 2*time.Minute)
	}
}
