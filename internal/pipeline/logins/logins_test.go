package logins_test

import (
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/logins"
)

// rig is the middleware before a handler that lets all in and notes the password
// that it is given.
type rig struct {
	t        *testing.T
	mw       *logins.Middleware
	chain    *pipeline.Chain
	refused  map[logins.Cause]int
	password string
	reached  int
}

// counter counts a cause.
type counter struct {
	r     *rig
	cause logins.Cause
}

func (c counter) Inc() { c.r.refused[c.cause]++ }

func newRig(t *testing.T, cfg logins.Config, gate logins.Gate) *rig {
	t.Helper()
	r := &rig{t: t, refused: make(map[logins.Cause]int)}
	var err error
	metrics := logins.Metrics{Refused: func(c logins.Cause) pipeline.Counter { return counter{r, c} }}
	r.mw, err = logins.New(cfg, nil, metrics)
	if err != nil {
		t.Fatal(err)
	}
	r.chain = pipeline.Compile(pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		r.password = req.Password.Reveal()
		r.reached++
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	}), logins.NewKeeper(gate, metrics), r.mw)
	return r
}

// login logs a new connection in.
func (r *rig) login(login, password string) mining.Answer {
	m := &mining.Miner{}
	r.chain.Enter(m, time.Unix(0, 0))
	return r.loginOf(m, login, password)
}

func (r *rig) loginOf(m *mining.Miner, login, password string) mining.Answer {
	return r.chain.Handle(m, &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker(login), Password: mining.Secret(password)})
}

// hash is a quick one.
func hash(t *testing.T, secret string) logins.Hash {
	t.Helper()
	h, err := logins.NewHash(secret, 2)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWhoGetsIn(t *testing.T) {
	file := []logins.Entry{
		{Login: "farm.1", Hash: hash(t, "one")}, {Login: "farm.*", Hash: hash(t, "farms")}, {Login: "f?", Hash: hash(t, "short")},
	}
	common := logins.Config{Password: "s3cret"}
	both := logins.Config{Password: mining.Secret(hash(t, "common").String()), HasFile: true, Entries: file}
	for _, c := range []struct {
		name            string
		cfg             logins.Config
		login, password string
		cause           logins.Cause // "" gets in
		options         string
	}{
		{"nothing is asked", logins.Config{}, "anybody", "x,d=5", "", "x,d=5"},
		{"allowed", logins.Config{Allow: []string{"a", "farm.*"}}, "farm.1", "x", "", "x"},
		{"not allowed", logins.Config{Allow: []string{"a", "farm.*"}}, "barn.1", "x", logins.CauseLogin, ""},
		{"the common secret", common, "anybody", "s3cret", "", ""},
		{"with options", common, "anybody", "s3cret,d=1024,group=barn", "", "d=1024,group=barn"},
		{"another secret", common, "anybody", "S3cret", logins.CauseSecret, ""},
		{"none", common, "anybody", "", logins.CauseSecret, ""},
		{"options in its place", common, "anybody", "d=1024,s3cret", logins.CauseSecret, ""},
		{"more than a secret", common, "anybody", "s3cretx", logins.CauseSecret, ""},
		{"a very long one", common, "anybody", string(make([]byte, 300)), logins.CauseSecret, ""},
		{"its own secret", both, "farm.1", "one", "", ""},
		{"that of its glob in place of its own", both, "farm.1", "farms", logins.CauseSecret, ""},
		{"the common one in place of its own", both, "farm.1", "common", logins.CauseSecret, ""},
		{"its glob's", both, "farm.2", "farms,d=8", "", "d=8"},
		{"another glob's", both, "f1", "short", "", ""},
		{"the common one, for who is not in the file", both, "barn.1", "common", "", ""},
		{"who is not in the file", logins.Config{HasFile: true, Entries: file}, "barn.1", "farms", logins.CauseSecret, ""},
		{"an empty file", logins.Config{HasFile: true}, "farm.1", "one", logins.CauseSecret, ""},
		{"allowed, and the secret is wrong", logins.Config{Allow: []string{"*"}, Password: "s3cret"}, "a", "b", logins.CauseSecret, ""},
		{"the secret is right, and not allowed", logins.Config{Allow: []string{"b"}, Password: "s3cret"}, "a", "s3cret", logins.CauseLogin, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.cfg, nil)
			for range 3 { // remembered or not
				a := r.login(c.login, c.password)
				want := mining.Accepted
				if c.cause != "" {
					want = mining.Unauthorized
				}
				if a.Verdict != want || a.Close != "" {
					t.Fatalf("answer %+v, want %v", a, want)
				}
			}
			if c.cause == "" && (r.reached != 3 || r.password != c.options || len(r.refused) != 0) {
				t.Errorf("reached %d with password %q, refused %v", r.reached, r.password, r.refused)
			}
			if c.cause != "" && (r.reached != 0 || r.refused[c.cause] != 3) {
				t.Errorf("reached %d, refused %v", r.reached, r.refused)
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	r := newRig(t, logins.Config{Certificate: true}, nil)
	for _, c := range []struct {
		name, login string
		want        mining.Verdict
	}{
		{"", "farm.rig1", mining.Unauthorized},
		{"farm.rig1", "farm.rig1", mining.Accepted},
		{"farm", "farm.rig1", mining.Accepted},
		{"rig1", "farm.rig1", mining.Accepted},
		{"rig", "farm.rig1", mining.Unauthorized},
		{"FARM", "farm.rig1", mining.Unauthorized},
		{"rig1", "rig1", mining.Accepted},
		{"", ".rig1", mining.Unauthorized}, // an empty half is no name
	} {
		m := &mining.Miner{}
		m.ClientName = c.name
		if a := r.loginOf(m, c.login, "x"); a.Verdict != c.want {
			t.Errorf("certificate %q, login %q: %v", c.name, c.login, a.Verdict)
		}
	}
	if r.refused[logins.CauseCertificate] != 4 {
		t.Errorf("refused %v", r.refused)
	}
}

// After so many refused logins the connection ends, and a good one in between
// forgives nothing.
func TestTooManyRefused(t *testing.T) {
	r := newRig(t, logins.Config{Password: "s3cret", MaxRefused: 3}, nil)
	m := &mining.Miner{}
	r.chain.Enter(m, time.Unix(0, 0))
	for i, password := range []string{"a", "s3cret", "b", "c"} {
		want := mining.Reason("")
		if i == 3 {
			want = mining.LoginRefused
		}
		if a := r.loginOf(m, "x", password); a.Close != want {
			t.Errorf("login %d: %+v, want close %q", i, a, want)
		}
	}
}

// bans is a gate that keeps one login and one address out.
type bans struct{ asked int }

func (b *bans) Refused(addr netip.Addr, login string, now time.Time) (string, bool) {
	b.asked++
	return "Banned until tomorrow", login == "mallory" || addr == netip.MustParseAddr("203.0.113.7") && now.Unix() == 77
}

// The gate is asked first, with address and time, and its words are told.
func TestGate(t *testing.T) {
	gate := &bans{}
	r := newRig(t, logins.Config{Password: "s3cret"}, gate)
	if a := r.login("mallory", "s3cret"); a.Verdict != mining.Unauthorized || a.Text != "Banned until tomorrow" {
		t.Errorf("answer %+v", a)
	}
	if a := r.login("mallory", "s3cret"); !a.Excused {
		t.Errorf("who is kept out is blamed for it: %+v", a)
	}
	m := &mining.Miner{}
	m.Remote = netip.MustParseAddrPort("203.0.113.7:1")
	a := r.chain.Handle(m, &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("alice"), Password: "s3cret", At: time.Unix(77, 0)})
	if a.Verdict != mining.Unauthorized {
		t.Errorf("answer %+v", a)
	}
	if a := r.login("alice", "s3cret"); a.Verdict != mining.Accepted || a.Text != "" {
		t.Errorf("answer %+v", a)
	}
	if r.refused[logins.CauseGate] != 3 || gate.asked != 4 {
		t.Errorf("refused %v, asked %d", r.refused, gate.asked)
	}
}

// Of several workers of a connection one is kept out and tries again for hours: the
// others stay.
func TestGateAmongOthers(t *testing.T) {
	r := newRig(t, logins.Config{Password: "s3cret", MaxRefused: 3}, &bans{})
	m := &mining.Miner{}
	r.chain.Enter(m, time.Unix(0, 0))
	for i := range 100 {
		if a := r.loginOf(m, "mallory", "s3cret"); a.Close != "" || a.Verdict != mining.Unauthorized {
			t.Fatalf("try %d: %+v", i, a)
		}
	}
	for i, want := range []mining.Reason{"", "", mining.LoginRefused} {
		if a := r.loginOf(m, "alice", "guess"); a.Close != want || a.Excused {
			t.Errorf("guess %d: %+v", i, a)
		}
	}
}

// Everything but a login goes on, and so does a login without a worker, which
// is not this package's.
func TestOthersGoOn(t *testing.T) {
	r := newRig(t, logins.Config{Password: "s3cret"}, nil)
	for _, kind := range []mining.RequestKind{mining.Negotiate, mining.Open, mining.Submit, mining.Suggest, mining.Authorize} {
		if a := r.chain.Handle(&mining.Miner{}, &mining.Request{Kind: kind}); a.Verdict != mining.Accepted {
			t.Errorf("%v: %+v", kind, a)
		}
	}
}

// Another secret holds from the next login on; one that is no hash though it
// begins like one changes nothing.
func TestReconfigure(t *testing.T) {
	r := newRig(t, logins.Config{Password: "old"}, nil)
	if r.login("a", "new").Verdict != mining.Unauthorized || r.login("a", "old").Verdict != mining.Accepted {
		t.Fatal("the first secret does not hold")
	}
	if err := r.mw.Reconfigure(logins.Config{Password: "pbkdf2-sha256$1$x"}); err == nil {
		t.Error("a broken hash is taken")
	}
	if r.login("a", "old").Verdict != mining.Accepted {
		t.Error("a mistake changed the secret")
	}
	if err := r.mw.Reconfigure(logins.Config{Password: "new"}); err != nil {
		t.Fatal(err)
	}
	if r.login("a", "new").Verdict != mining.Accepted || r.login("a", "old").Verdict != mining.Unauthorized {
		t.Error("the second secret does not hold")
	}
	if _, err := logins.New(logins.Config{Password: "pbkdf2-sha256$1$x"}, nil, logins.Metrics{}); err == nil {
		t.Error("a broken hash is taken at the start")
	}
}

// Many connections may log in at once.
func TestManyAtOnce(t *testing.T) {
	mw, err := logins.New(logins.Config{Password: "s3cret"}, nil, logins.Metrics{})
	if err != nil {
		t.Fatal(err)
	}
	chain := pipeline.Compile(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer {
		return mining.Answer{Verdict: mining.Accepted}
	}), mw)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j, want := range []mining.Verdict{mining.Accepted, mining.Unauthorized} {
				req := &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("w" + strconv.Itoa(i%5)), Password: mining.Secret([]string{"s3cret", "wrong"}[j])}
				if a := chain.Handle(&mining.Miner{}, req); a.Verdict != want {
					t.Errorf("answer %+v, want %v", a, want)
				}
			}
		})
	}
	wg.Wait()
}

// A share passes without allocation.
func TestShareDoesNotAllocate(t *testing.T) {
	r := newRig(t, logins.Config{Password: "s3cret"}, nil)
	m, req := &mining.Miner{}, &mining.Request{Kind: mining.Submit}
	r.chain.Enter(m, time.Unix(0, 0))
	if n := testing.AllocsPerRun(1000, func() { r.chain.Handle(m, req) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkLogin is of a secret that was not seen yet, and one that was.
func BenchmarkLogin(b *testing.B) {
	mw, err := logins.New(logins.Config{Password: "s3cret"}, nil, logins.Metrics{})
	if err != nil {
		b.Fatal(err)
	}
	chain := pipeline.Compile(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer { return mining.Answer{} }), mw)
	req := &mining.Request{Kind: mining.Authorize, Worker: mining.NewWorker("a.b")}
	b.Run("new", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			req.Password = mining.Secret(strconv.Itoa(i))
			chain.Handle(&mining.Miner{}, req)
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			req.Password = "s3cret"
			chain.Handle(&mining.Miner{}, req)
		}
	})
}
