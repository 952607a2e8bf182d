package validate_test

import (
	"slices"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/validate"
	"github.com/loka/stratum/work"
)

// ruled is the middleware with policies, for a miner of some routes, before a handler
// that accepts and keeps what came.
type ruled struct {
	pipeline.Handler

	of      *validate.Middleware
	routes  []string
	asked   int
	reached []mining.Request
	metrics struct{ logins, shares, negotiations counter }
}

func newRuled(policies map[string]validate.Policy) *ruled {
	r := &ruled{routes: []string{"farm"}}
	cfg := validate.Config{Routes: policies, RoutesFor: r.routesFor}
	r.of = validate.New(cfg, validate.Metrics{Logins: &r.metrics.logins, Shares: &r.metrics.shares, Negotiations: &r.metrics.negotiations})
	r.Handler = pipeline.Compile(pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		r.reached = append(r.reached, *req)
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	}), r.of)
	return r
}

func (r *ruled) routesFor(*mining.Miner, *mining.Request) []string {
	r.asked++
	return r.routes
}

func login(name string) *mining.Request {
	return &mining.Request{Kind: mining.Authorize, Ticket: 5, Worker: &mining.Worker{Login: name}, Password: "d=8"}
}

func share() *mining.Request {
	s := mining.Share{Known: true}
	s.Extranonce2, _ = work.MakeExtranonce([]byte{1})
	return &mining.Request{Kind: mining.Submit, Worker: mining.NewWorker("u"), Share: s}
}

func TestPolicyOfLogins(t *testing.T) {
	tests := []struct {
		name     string
		policy   validate.Policy
		miner    mining.Miner
		login    string
		want     mining.Verdict
		wantText string
	}{
		{"nothing is refused", validate.Policy{}, mining.Miner{}, "a.b", mining.Accepted, ""},
		{"without TLS", validate.Policy{TLS: true}, mining.Miner{}, "a.b", mining.Unauthorized, "TLS required"},
		{"by TLS", validate.Policy{TLS: true}, mining.Miner{Arrival: mining.Arrival{TLS: true}}, "a.b", mining.Accepted, ""},
		{"one of the names", validate.Policy{Workers: []string{"z*", "a.?*"}}, mining.Miner{}, "a.b", mining.Accepted, ""},
		{"none of the names", validate.Policy{Workers: []string{"z*", "a.?*"}}, mining.Miner{}, "a.", mining.Unauthorized, ""},
		{"no name of a worker", validate.Policy{Workers: []string{"*.?*"}}, mining.Miner{}, "a", mining.Unauthorized, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRuled(map[string]validate.Policy{"farm": tt.policy})
			a := r.Handle(&tt.miner, login(tt.login))
			if a.Verdict != tt.want || a.Text != tt.wantText || a.Ticket != 5 || a.Close != "" {
				t.Errorf("answer %+v", a)
			}
			if refused := tt.want != mining.Accepted; (r.metrics.logins == 1) != refused || (len(r.reached) == 0) != refused {
				t.Errorf("counted %d, %d went on", r.metrics.logins, len(r.reached))
			}
		})
	}
}

// What a password asks for is passed over, and the password is still there for who looks
// whether it is the right one.
func TestPolicyOfOptions(t *testing.T) {
	r := newRuled(map[string]validate.Policy{"farm": {NoOptions: true}})
	r.Handle(&mining.Miner{}, login("a"))
	r.routes = []string{"other"}
	r.Handle(&mining.Miner{}, login("a"))
	if len(r.reached) != 2 || !r.reached[0].NoOptions || r.reached[1].NoOptions || r.reached[0].Password != "d=8" {
		t.Errorf("there came %+v", r.reached)
	}
}

func TestPolicyOfWishes(t *testing.T) {
	r := newRuled(map[string]validate.Policy{"farm": {NoVersionRolling: true, NoSuggestions: true}})
	roll := &mining.Request{Kind: mining.Negotiate, Ticket: 3, VersionMask: work.MaskBIP320}
	if a := r.Handle(&mining.Miner{}, roll); a.Verdict != mining.Invalid || a.Ticket != 3 || r.metrics.negotiations != 1 {
		t.Errorf("answer %+v, %d counted", a, r.metrics.negotiations)
	}
	r.Handle(&mining.Miner{}, &mining.Request{Kind: mining.Suggest, Difficulty: 8})
	r.Handle(&mining.Miner{}, &mining.Request{Kind: mining.Open})
	if len(r.reached) != 1 || r.reached[0].Kind != mining.Open {
		t.Errorf("there came %+v", r.reached)
	}
}

// Before it is settled which route a miner comes to any of those that are left may refuse a
// login, for it holds for whichever it is; to refuse all else they have to be of one mind.
func TestPolicyOfSeveralRoutes(t *testing.T) {
	r := newRuled(map[string]validate.Policy{
		"farm": {NoVersionRolling: true, NoOptions: true}, "barn": {NoVersionRolling: true, NoOptions: true},
		"lax": {NoOptions: true}, "tls": {TLS: true}, "named": {Workers: []string{"b"}},
	})
	for _, tt := range []struct {
		routes []string
		// rolls and logsIn are the answers; optionless says that options have no effect.
		rolls, logsIn mining.Verdict
		optionless    bool
	}{
		{[]string{"farm", "barn"}, mining.Invalid, mining.Accepted, true},
		{[]string{"farm", "lax"}, mining.Accepted, mining.Accepted, true},
		{[]string{"farm", "of no policy"}, mining.Accepted, mining.Accepted, false},
		{[]string{"of no policy", "tls"}, mining.Accepted, mining.Unauthorized, false},
		{[]string{"named", "farm"}, mining.Accepted, mining.Unauthorized, false},
		{nil, mining.Accepted, mining.Accepted, false},
	} {
		r.routes = tt.routes
		if a := r.Handle(&mining.Miner{}, &mining.Request{Kind: mining.Negotiate}); a.Verdict != tt.rolls {
			t.Errorf("%v: version bits are %v, want %v", tt.routes, a.Verdict, tt.rolls)
		}
		req := login("a")
		if a := r.Handle(&mining.Miner{}, req); a.Verdict != tt.logsIn || req.NoOptions != tt.optionless {
			t.Errorf("%v: a login is %v, without options: %t", tt.routes, a.Verdict, req.NoOptions)
		}
	}
}

// Another policy holds for what is asked from then on, and shares are nobody's
// business here: they cost nothing.
func TestPolicyIsReplaced(t *testing.T) {
	r := newRuled(nil)
	m := &mining.Miner{}
	verdicts := func() (all []mining.Verdict) {
		for _, req := range []*mining.Request{login("a"), share()} {
			all = append(all, r.Handle(m, req).Verdict)
		}
		return all
	}
	if got := verdicts(); !slices.Equal(got, []mining.Verdict{mining.Accepted, mining.Accepted}) || r.asked != 0 {
		t.Errorf("without policies: %v, %d questions", got, r.asked)
	}
	r.of.Reconfigure(map[string]validate.Policy{"farm": {TLS: true}})
	if got := verdicts(); !slices.Equal(got, []mining.Verdict{mining.Unauthorized, mining.Accepted}) {
		t.Errorf("with one: %v", got)
	}
	asked, req := r.asked, share()
	last := validate.New(validate.Config{Routes: map[string]validate.Policy{"farm": {TLS: true}}, RoutesFor: r.routesFor}, validate.Metrics{}).
		Wrap(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer { return mining.Answer{} }), 0)
	if n := testing.AllocsPerRun(100, func() { last.Handle(m, req) }); n != 0 || r.asked != asked {
		t.Errorf("a share takes %v allocations and %d questions", n, r.asked-asked)
	}
	r.of.Reconfigure(nil)
	if got := verdicts(); !slices.Equal(got, []mining.Verdict{mining.Accepted, mining.Accepted}) {
		t.Errorf("without again: %v", got)
	}
}
