package patterns_test

import (
	"net/netip"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/patterns"
)

type counter int

func (c *counter) Inc() { *c++ }

func accept(_ *mining.Miner, req *mining.Request) mining.Answer {
	return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
}

func open(agent string) *mining.Request { return &mining.Request{Kind: mining.Open, UserAgent: agent} }

func login(name string) *mining.Request {
	return &mining.Request{Kind: mining.Authorize, Worker: &mining.Worker{Login: name}}
}

// from is a miner at an address.
func from(addr string) *mining.Miner {
	m := &mining.Miner{}
	m.Remote = netip.MustParseAddrPort(addr)
	return m
}

func TestLists(t *testing.T) {
	farm := patterns.Config{
		UserAgent: patterns.List{Deny: []string{"*xmrig*", ""}, Close: true},
		Worker:    patterns.List{Allow: []string{"farm.*"}, Deny: []string{"farm.test*"}},
		Address:   patterns.List{Deny: []string{"203.0.113.*", "2001:db8:*"}, Close: true},
	}
	for _, c := range []struct {
		name    string
		cfg     patterns.Config
		miner   *mining.Miner
		req     *mining.Request
		verdict mining.Verdict
		closed  mining.Reason
	}{
		{"nothing is configured", patterns.Config{}, from("203.0.113.7:1"), login("anybody"), mining.Accepted, ""},
		{"agent let in", farm, from("192.0.2.1:1"), open("cgminer/4.11.1"), mining.Accepted, ""},
		{"agent denied", farm, from("192.0.2.1:1"), open("a xmrig b"), mining.Invalid, mining.UserAgentDenied},
		{"no agent denied", farm, from("192.0.2.1:1"), open(""), mining.Invalid, mining.UserAgentDenied},
		{"login allowed", farm, from("192.0.2.1:1"), login("farm.1"), mining.Accepted, ""},
		{"login denied", farm, from("192.0.2.1:1"), login("farm.test1"), mining.Unauthorized, ""},
		{"login not allowed", farm, from("192.0.2.1:1"), login("other.1"), mining.Unauthorized, ""},
		{"address denied at the subscribe", farm, from("203.0.113.7:1"), open("cgminer"), mining.Invalid, mining.AddressDenied},
		{"address denied at the login", farm, from("203.0.113.7:1"), login("farm.1"), mining.Unauthorized, mining.AddressDenied},
		{"address in IPv6 clothes", farm, from("[::ffff:203.0.113.7]:1"), login("farm.1"), mining.Unauthorized, mining.AddressDenied},
		{"IPv6 address", farm, from("[2001:db8::1]:1"), login("farm.1"), mining.Unauthorized, mining.AddressDenied},
		{"a share is not looked at", farm, from("203.0.113.7:1"), &mining.Request{Kind: mining.Submit, Worker: mining.NewWorker("x")}, mining.Accepted, ""},
		{"nor a configure", farm, from("203.0.113.7:1"), &mining.Request{Kind: mining.Negotiate}, mining.Accepted, ""},
		{"without an address", farm, &mining.Miner{}, login("farm.1"), mining.Accepted, ""},
		{"without a worker", farm, from("192.0.2.1:1"), &mining.Request{Kind: mining.Authorize}, mining.Accepted, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var opens, logins counter
			chain := pipeline.Compile(pipeline.HandlerFunc(accept), patterns.New(c.cfg, patterns.Metrics{Opens: &opens, Logins: &logins}))
			c.req.Ticket = 7
			want := mining.Answer{Ticket: 7, Verdict: c.verdict, Close: c.closed}
			if got := chain.Handle(c.miner, c.req); got != want {
				t.Errorf("answer %+v, want %+v", got, want)
			}
			refused := c.verdict != mining.Accepted
			if isOpen := c.req.Kind == mining.Open; opens == 1 != (refused && isOpen) || logins == 1 != (refused && !isOpen) {
				t.Errorf("counted %d opens, %d logins", opens, logins)
			}
		})
	}
}

// Other lists hold from the next request on.
func TestReconfigure(t *testing.T) {
	mw := patterns.New(patterns.Config{}, patterns.Metrics{})
	chain := pipeline.Compile(pipeline.HandlerFunc(accept), mw)
	if a := chain.Handle(from("192.0.2.1:1"), login("bob")); a.Verdict != mining.Accepted {
		t.Fatalf("answer %+v", a)
	}
	mw.Reconfigure(patterns.Config{Worker: patterns.List{Deny: []string{"bob"}, Close: true}})
	if a := chain.Handle(from("192.0.2.1:1"), login("bob")); a.Verdict != mining.Unauthorized || a.Close != mining.WorkerDenied {
		t.Errorf("answer %+v", a)
	}
}
