package logins

import (
	"strconv"
	"testing"
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
			if m.matches(r.hashOf(login), login, "guess") {
				t.Errorf("%s got in", login)
			}
			if n := len(m.memory.wrong); n != i+1 {
				t.Errorf("after %s: %d remembered", login, n)
			}
		}
	}
	if !m.matches(r.hashOf("alice"), "alice", "s3cret") || len(m.memory.right) != 1 {
		t.Errorf("%d remembered as right", len(m.memory.right))
	}
	if m.matches(r.hashOf("bob"), "bob", "s3cret") || m.matches(r.hashOf("bob"), "bob", "") {
		t.Error("bob got in")
	}
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
	m.forgetWrong()
	if len(m.wrong) != 0 || len(m.right) == 0 {
		t.Error("what is right was forgotten, or not what was wrong")
	}
}
