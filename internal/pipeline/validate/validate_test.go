package validate_test

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/validate"
	"github.com/loka/stratum/work"
)

type counter int

func (c *counter) Inc() { *c++ }

// chain is the middleware before a handler that accepts and counts.
func chain(cfg validate.Config, metrics validate.Metrics) (h pipeline.Handler, reached *int) {
	reached = new(int)
	last := pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		*reached++
		return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	})
	return pipeline.Compile(last, validate.New(cfg, metrics)), reached
}

// check hands a request in and looks where it got to.
func check(t *testing.T, req *mining.Request, want mining.Verdict) {
	t.Helper()
	var logins, shares counter
	h, reached := chain(validate.Config{}, validate.Metrics{Logins: &logins, Shares: &shares})
	req.Ticket = 9
	got := h.Handle(&mining.Miner{}, req)
	if got.Ticket != 9 || got.Verdict != want {
		t.Errorf("answer %+v, want %v", got, want)
	}
	if passed := *reached == 1; passed != (want == mining.Accepted) {
		t.Errorf("reached the next handler %d times", *reached)
	}
	refused := int(logins) + int(shares)
	if (refused == 1) != (want != mining.Accepted) {
		t.Errorf("counted %d logins and %d shares", logins, shares)
	}
}

func TestLogins(t *testing.T) {
	tests := []struct {
		login    string
		password mining.Secret
		want     mining.Verdict
	}{
		{"u", "", mining.Accepted},
		{"bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh.rig-1_a/b", "x", mining.Accepted},
		{`~!"#$%&'()*+,-./:;<=>?@[\]^_{|}`, "x", mining.Accepted},
		{strings.Repeat("a", 128), "d=1024", mining.Accepted},
		{"u", mining.Secret(strings.Repeat("x", 256)), mining.Accepted},
		{strings.Repeat("a", 129), "x", mining.Unauthorized},
		{"u", mining.Secret(strings.Repeat("x", 257)), mining.Unauthorized},
		{"", "x", mining.Unauthorized},
		{" u", "x", mining.Unauthorized},
		{"u\n", "x", mining.Unauthorized},
		{"u\x00", "x", mining.Unauthorized},
		{"u\x7f", "x", mining.Unauthorized},
		{"\x1b[31mu", "x", mining.Unauthorized},
		{"ü", "x", mining.Unauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.login, func(t *testing.T) {
			check(t, &mining.Request{Kind: mining.Authorize, Worker: &mining.Worker{Login: tt.login}, Password: tt.password}, tt.want)
		})
	}
	t.Run("no worker at all", func(t *testing.T) {
		check(t, &mining.Request{Kind: mining.Authorize}, mining.Unauthorized)
	})
}

func TestShares(t *testing.T) {
	good := mining.Share{Job: 1, Known: true, NTime: 1}
	good.Extranonce2, _ = work.MakeExtranonce([]byte{0, 0, 0, 0})
	tests := []struct {
		name   string
		change func(*mining.Share)
		want   mining.Verdict
	}{
		{"good", func(*mining.Share) {}, mining.Accepted},
		{"nonce and job 0", func(s *mining.Share) { s.Nonce, s.Job = 0, 0 }, mining.Accepted},
		{"BIP320", func(s *mining.Share) { s.HasVersionBits, s.VersionBits = true, work.MaskBIP320 }, mining.Accepted},
		{"BIP323", func(s *mining.Share) { s.HasVersionBits, s.VersionBits = true, work.MaskBIP323 }, mining.Accepted},
		{"no bits rolled", func(s *mining.Share) { s.HasVersionBits = true }, mining.Accepted},
		{"bits that count as not given", func(s *mining.Share) { s.VersionBits = 0xffffffff }, mining.Accepted},
		{"bits below", func(s *mining.Share) { s.HasVersionBits, s.VersionBits = true, 0x10 }, mining.Invalid},
		{"bits above", func(s *mining.Share) { s.HasVersionBits, s.VersionBits = true, 0x20000000 }, mining.Invalid},
		{"no extranonce2", func(s *mining.Share) { s.Extranonce2 = work.Extranonce{} }, mining.Invalid},
		{"ntime 0, which is the job's", func(s *mining.Share) { s.NTime = 0 }, mining.Accepted},
		{"job of nobody", func(s *mining.Share) { s.Known = false }, mining.JobNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := good
			tt.change(&s)
			check(t, &mining.Request{Kind: mining.Submit, Worker: mining.NewWorker("u"), Share: s}, tt.want)
		})
	}
}

func TestOthersGoOnUnchanged(t *testing.T) {
	for _, req := range []mining.Request{
		{Kind: mining.Open, UserAgent: "x"},
		{Kind: mining.Negotiate, VersionMask: 0xffffffff},
	} {
		before := req
		check(t, &req, mining.Accepted)
		before.Ticket = req.Ticket
		if req != before {
			t.Errorf("changed to %+v", req)
		}
	}
}

func TestConfig(t *testing.T) {
	h, _ := chain(validate.Config{MaxLogin: 3, MaxPassword: 2, VersionBits: 1}, validate.Metrics{})
	login := func(login, password string) mining.Verdict {
		return h.Handle(nil, &mining.Request{Kind: mining.Authorize, Worker: &mining.Worker{Login: login}, Password: mining.Secret(password)}).Verdict
	}
	if login("abc", "xy") != mining.Accepted || login("abcd", "") != mining.Unauthorized || login("abc", "xyz") != mining.Unauthorized {
		t.Error("the limits of the configuration do not hold")
	}
	s := mining.Share{Known: true, NTime: 1, HasVersionBits: true, VersionBits: 2}
	s.Extranonce2, _ = work.MakeExtranonce([]byte{1})
	if v := h.Handle(nil, &mining.Request{Kind: mining.Submit, Worker: mining.NewWorker("u"), Share: s}).Verdict; v != mining.Invalid {
		t.Errorf("bits outside: %v", v)
	}
	if v := h.Handle(nil, &mining.Request{Kind: mining.Submit, Share: s}).Verdict; v != mining.Unauthorized {
		t.Errorf("bits outside, of nobody: %v", v)
	}
}

func TestName(t *testing.T) {
	if got := validate.New(validate.Config{}, validate.Metrics{}).Name(); got != "validate" {
		t.Error(got)
	}
}
