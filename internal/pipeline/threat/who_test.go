package threat_test

import (
	"slices"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// A connection may have the workers of many machines: what becomes of it is put down to
// the one that has done it, and not to who was let in last.
func TestWhoOfSeveral(t *testing.T) {
	bob := mining.NewWorker("bob.rig")
	for name, offend := range map[string]func(*rig){
		"shares that the session refused": func(r *rig) {
			r.tell(pipeline.Event{Kind: pipeline.Refused, Of: mining.Submit, Verdict: mining.Invalid, Worker: alice})
		},
		"shares that a pool refuses": func(r *rig) {
			r.share(mining.Pending)
			r.tell(pipeline.Event{Kind: pipeline.Late, Of: mining.Submit, Verdict: mining.Invalid})
		},
	} {
		r := grown(t)
		r.answer = mining.Answer{Verdict: mining.Accepted}
		r.chain.Handle(r.miner, &mining.Request{Kind: mining.Authorize, Worker: bob, At: r.now})
		for n := 0; r.closed == "" && n < 300; n++ {
			offend(r)
		}
		if !slices.Equal(r.standing.offended, []string{"alice.rig"}) {
			t.Errorf("%s: offended %q", name, r.standing.offended)
		}
	}
	r := grown(t)
	r.answer = mining.Answer{Verdict: mining.Accepted}
	r.chain.Handle(r.miner, &mining.Request{Kind: mining.Authorize, Worker: bob, At: r.now})
	r.share(mining.Accepted)
	if r.standing.by != "alice.rig" {
		t.Errorf("%q has earned, and not who has mined", r.standing.by)
	}
}
