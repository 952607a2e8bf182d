package identity_test

import (
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/identity"
)

type counter int

func (c *counter) Inc() { *c++ }

func accept(_ *mining.Miner, req *mining.Request) mining.Answer {
	return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
}

func TestAuthorizeMakesTheWorker(t *testing.T) {
	tests := []struct{ login, user, name string }{
		{"alice.rig1", "alice", "rig1"},
		{"rig1", "", "rig1"},
		{"sub.user.worker", "sub", "user.worker"},
		{"alice.", "alice", ""},
		{".rig1", "", "rig1"},
	}
	for _, tt := range tests {
		t.Run(tt.login, func(t *testing.T) {
			var seen *mining.Worker
			h := pipeline.Compile(pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
				seen = req.Worker
				return accept(m, req)
			}), identity.New(identity.Config{}, identity.Metrics{}))
			sent := &mining.Worker{Login: tt.login}
			req := &mining.Request{Kind: mining.Authorize, Ticket: 4, Worker: sent, Password: "x"}
			if got := h.Handle(&mining.Miner{}, req); got != (mining.Answer{Ticket: 4, Verdict: mining.Accepted}) {
				t.Fatalf("answer %+v", got)
			}
			if seen == sent || *seen != (mining.Worker{Login: tt.login, User: tt.user, Name: tt.name}) {
				t.Errorf("worker %+v", seen)
			}
			if req.Worker != seen {
				t.Error("the request does not carry the worker back to the session")
			}
			if *sent != (mining.Worker{Login: tt.login}) {
				t.Errorf("the session's worker was changed: %+v", sent)
			}
		})
	}
}

func TestWithoutWorker(t *testing.T) {
	var unknown counter
	h := pipeline.Compile(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer {
		t.Error("the next handler was asked")
		return mining.Answer{}
	}), identity.New(identity.Config{}, identity.Metrics{Unknown: &unknown}))
	for _, req := range []*mining.Request{
		{Kind: mining.Authorize, Ticket: 1},
		{Kind: mining.Authorize, Ticket: 1, Worker: &mining.Worker{}},
	} {
		if got := h.Handle(nil, req); got != (mining.Answer{Ticket: 1, Verdict: mining.Unauthorized}) {
			t.Errorf("%v: answer %+v", req.Kind, got)
		}
	}
	if unknown != 2 {
		t.Errorf("counted %d", unknown)
	}
	// Without metrics nothing is counted, and nothing breaks.
	quiet := pipeline.Compile(pipeline.HandlerFunc(accept), identity.New(identity.Config{}, identity.Metrics{}))
	if got := quiet.Handle(nil, &mining.Request{Kind: mining.Authorize}); got.Verdict != mining.Unauthorized {
		t.Errorf("answer %+v", got)
	}
}

func TestOthersGoOn(t *testing.T) {
	h := pipeline.Compile(pipeline.HandlerFunc(accept), identity.New(identity.Config{}, identity.Metrics{}))
	worker := mining.NewWorker("u.w")
	for _, req := range []mining.Request{
		{Kind: mining.Open}, {Kind: mining.Negotiate}, {Kind: mining.Submit, Worker: worker},
	} {
		before := req
		if got := h.Handle(nil, &req); got.Verdict != mining.Accepted {
			t.Errorf("%v: answer %+v", req.Kind, got)
		}
		if req != before {
			t.Errorf("changed to %+v", req)
		}
	}
}

func TestName(t *testing.T) {
	if got := identity.New(identity.Config{}, identity.Metrics{}).Name(); got != "identity" {
		t.Error(got)
	}
}
