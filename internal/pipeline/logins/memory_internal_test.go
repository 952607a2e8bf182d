package logins

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// Who is unknown is derived for as who is known is, and neither a second time.
func TestUnknownCostsTheSame(t *testing.T) {
	h, err := NewHash("s3cret", 3)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{HasFile: true, Entries: []Entry{{"alice", h}}}, nil, Metrics{})
	if err != nil {
		t.Fatal(err)
	}
	r := m.rules.Load()
	if got := r.nobody.iterations; got != 3 {
		t.Errorf("nobody has %d iterations", got)
	}
	for i, login := range []string{"alice", "bob"} {
		for range 2 {
			if ok, _ := m.matches(r.hashOf(login), login, "guess"); ok {
				t.Errorf("%s got in", login)
			}
			if n := len(m.memory.wrong); n != i+1 {
				t.Errorf("after %s: %d remembered", login, n)
			}
		}
	}
	if ok, _ := m.matches(r.hashOf("alice"), "alice", "s3cret"); !ok || len(m.memory.right) != 1 {
		t.Errorf("%d remembered as right", len(m.memory.right))
	}
	other, _ := m.matches(r.hashOf("bob"), "bob", "s3cret")
	if none, _ := m.matches(r.hashOf("bob"), "bob", ""); other || none {
		t.Error("bob got in")
	}
}

// A secret that is made right by a reload while it is derived by what was before is
// right from then on: that it was wrong is not remembered of the login alone.
func TestReloadWhileDeriving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := New(Config{Password: "old"}, nil, Metrics{})
		if err != nil {
			t.Fatal(err)
		}
		login := func() mining.Verdict {
			h := m.Wrap(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) (a mining.Answer) {
				a.Verdict = mining.Accepted
				return a
			}), 0)
			return h.Handle(new(mining.Miner), &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("alice"), Password: "new"}).Verdict
		}
		m.deriving = make(chan struct{}, 1) // of this bubble
		m.deriving <- struct{}{}            // all are busy
		var before mining.Verdict
		go func() { before = login() }()
		synctest.Wait()
		if err := m.Reconfigure(Config{Password: "new"}); err != nil {
			t.Fatal(err)
		}
		<-m.deriving
		synctest.Wait()
		if after := login(); before != mining.Unauthorized || after != mining.Accepted {
			t.Errorf("%v during the reload, %v after it", before, after)
		}
	})
}

// The memories are bounded, and hold no secret.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	m.most = 100
	for i := range 1000 {
		one := m.mark("hash", strconv.Itoa(i))
		m.learn(one, one, i%2 == 0)
	}
	for i := range 1000 {
		one := m.mark("hash", strconv.Itoa(i))
		m.learn(one, one, i%2 != 0)
	}
	if len(m.right) != m.most || len(m.wrong) != m.most {
		t.Errorf("%d right and %d wrong are remembered", len(m.right), len(m.wrong))
	}
	if m.mark("a", "bc") == m.mark("ab", "c") {
		t.Error("two pairs of texts are one")
	}
	if newMemory().mark("a", "b") == m.mark("a", "b") {
		t.Error("two processes remember alike")
	}
}
