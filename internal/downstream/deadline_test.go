package downstream_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
)

// The times of the defaults: 15 s to the first line, 60 s to a worker, 2 h
// of silence.
func TestDeadlines(t *testing.T) {
	m := newMiner(t)
	tick := func(after time.Duration, reason mining.Reason, next time.Duration) {
		t.Helper()
		want := time.Time{}
		if next > 0 {
			want = epoch.Add(next)
		}
		if r, n := m.s.Tick(epoch.Add(after)); r != reason || !n.Equal(want) {
			t.Errorf("after %v: %q, next %v; want %q, %v", after, r, n, reason, want)
		}
	}
	tick(0, "", 15*time.Second)
	tick(15*time.Second-1, "", 15*time.Second)
	tick(15*time.Second, mining.HandshakeTimeout, 0)

	m.now = epoch.Add(10 * time.Second)
	m.read(" ") // a blank line is none
	tick(15*time.Second, mining.HandshakeTimeout, 0)
	m.read("not json") // a complete line, whatever it says
	tick(15*time.Second, "", 60*time.Second)
	m.read(`{"id":1,"method":"mining.subscribe"}`)
	tick(60*time.Second-1, "", 60*time.Second)
	tick(60*time.Second, mining.AuthorizeTimeout, 0)
	m.refuse = mining.Unauthorized
	m.read(`{"id":2,"method":"mining.authorize","params":["u"]}`)
	tick(60*time.Second, mining.AuthorizeTimeout, 0)
	m.refuse = 0
	m.read(`{"id":2,"method":"mining.authorize","params":["u"]}`)
	tick(60*time.Second, "", 2*time.Hour+10*time.Second)
	tick(2*time.Hour+10*time.Second, mining.IdleTimeout, 0)

	m.now = epoch.Add(2 * time.Hour)
	m.read(`{"id":3,"method":"pong"}`)
	tick(2*time.Hour+10*time.Second, "", 4*time.Hour)
}

func TestNoDeadlines(t *testing.T) {
	m := newMiner(t, func(c *downstream.Config) {
		c.HandshakeTimeout, c.AuthorizeTimeout, c.IdleTimeout = 0, 0, 0
	})
	if r, next := m.s.Tick(epoch.Add(1000 * time.Hour)); r != "" || !next.IsZero() {
		t.Errorf("%q, %v", r, next)
	}
}

func TestTooManyErrors(t *testing.T) {
	few := func(c *downstream.Config) { c.MaxErrors = 3 }
	useless := []string{"", "[]", "{}", `{"id":1,"id":2}`, `{"id":{},"method":"mining.ping"}`, `{"id":1,"method":7}`}
	for _, line := range useless[1:] {
		t.Run(line, func(t *testing.T) {
			m := miningMiner(t, few)
			for range 2 {
				if err := m.try(line); err != nil {
					t.Fatal(err)
				}
			}
			wantReason(t, m.try(line), mining.TooManyErrors)
			if got := m.s.Info().Malformed; got != 3 || len(m.take()) != 3 {
				t.Errorf("%d malformed, want 3, each with its reply", got)
			}
		})
	}
	t.Run("one a minute is forgiven", func(t *testing.T) {
		m := miningMiner(t, few)
		for range 100 {
			if err := m.try("{"); err != nil {
				t.Fatal(err)
			}
			m.now = m.now.Add(time.Minute)
		}
	})
	t.Run("two a minute are not", func(t *testing.T) {
		m := miningMiner(t, few)
		m.read("{", "{")
		m.now = m.now.Add(time.Minute)
		m.read("{")
		wantReason(t, m.try("{"), mining.TooManyErrors)
	})
	t.Run("three within a minute of a long life are not", func(t *testing.T) {
		m := miningMiner(t, few)
		m.now = m.now.Add(1000 * time.Hour)
		m.read("{", "{")
		wantReason(t, m.try("{"), mining.TooManyErrors)
	})
	// A miner of another coin never authorizes and asks for unknown methods.
	const foreign = `{"id":1,"method":"eth_submitLogin","params":[]}`
	t.Run("unknown methods before authorize", func(t *testing.T) {
		m := newMiner(t, few)
		m.read(foreign, foreign)
		wantReason(t, m.try(foreign), mining.TooManyErrors)
		if got := m.s.Info().Unsupported; got != 3 {
			t.Errorf("%d unsupported", got)
		}
	})
	t.Run("unknown methods of a worker", func(t *testing.T) {
		m := miningMiner(t, few)
		for range 100 {
			if err := m.try(foreign); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("refused shares", func(t *testing.T) {
		m := miningMiner(t, few)
		for range 100 {
			if err := m.try(`{"id":1,"method":"mining.submit","params":[]}`); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCloseErrorNamesItsReason(t *testing.T) {
	err := &downstream.CloseError{Reason: mining.TooManyPending}
	if got := err.Error(); got != "miner session ends: too_many_pending" {
		t.Error(got)
	}
}

// A zero Config bounds what must be bounded.
func TestZeroConfig(t *testing.T) {
	m := &miner{t: t, s: downstream.NewV1(&downstream.Config{}, "00000000", epoch), now: epoch, later: true}
	m.read(`{"id":1,"method":"mining.subscribe"}`)
	m.answer(0)
	m.expect(`{"id":1,"result":[[["mining.set_difficulty","00000000"],["mining.notify","00000000"]],"08000002",4],"error":null}`)
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = m.try("x")
	}
	wantReason(t, err, mining.TooManyErrors)
}
