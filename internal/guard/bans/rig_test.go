package bans_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func terms() bans.Config {
	return bans.Config{Automatic: true, First: 10 * time.Minute, Longest: 7 * 24 * time.Hour, Forget: 30 * 24 * time.Hour}
}

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

// subject reads "ADDRESS", "worker LOGIN" or "LOGIN@ADDRESS".
func subject(t interface {
	Helper()
	Fatal(args ...any)
}, address, login string,
) bans.Subject {
	t.Helper()
	s, err := bans.ParseSubject(address, login)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var errAway = errors.New("the store is away")

// shop is a store in memory.
type shop struct {
	mu    sync.Mutex
	kept  map[store.BanKey]store.Ban
	away  bool
	calls int
}

func newShop() *shop { return &shop{kept: make(map[store.BanKey]store.Ban)} }

func (s *shop) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shop) all() map[store.BanKey]store.Ban {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.kept)
}

func (s *shop) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *shop) Bans(context.Context, string) ([]store.Ban, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	return slices.Collect(maps.Values(s.kept)), nil
}

func (s *shop) KeepBans(_ context.Context, _ string, put []store.Ban, forget []store.BanKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.away {
		return errAway
	}
	for _, k := range forget {
		delete(s.kept, k)
	}
	for _, b := range put {
		s.kept[b.BanKey] = b
	}
	return nil
}

// conn is a miner's connection.
type conn struct {
	addr   netip.Addr
	logins []string
	ended  mining.Reason
}

// conns are connections.
type conns struct {
	mu  sync.Mutex
	all []*conn
}

func (c *conns) add(addr string, logins ...string) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := &conn{addr: ip(addr), logins: logins}
	c.all = append(c.all, one)
	return one
}

func (c *conns) endOf(one *conn) mining.Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	return one.ended
}

func (c *conns) End(judge func(netip.Addr, []string) mining.Reason) (ended int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.all {
		if one.ended != "" {
			continue
		}
		if one.ended = judge(one.addr, one.logins); one.ended != "" {
			ended++
		}
	}
	return ended
}

// tally is a counter and a gauge.
type tally struct {
	mu sync.Mutex
	n  float64
}

func (c *tally) Inc() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *tally) Set(v float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = v
}

func (c *tally) value() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
