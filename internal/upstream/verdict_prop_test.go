package upstream_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// TestEachTagGetsOneFirstVerdict submits shares and lets the pool answer them
// in any order, twice, late or never, with the bounds small enough to be met.
func TestEachTagGetsOneFirstVerdict(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		p := newPool(t, upstream.Config{
			MaxPending:     rapid.IntRange(1, 40).Draw(r, "max pending"),
			SilenceTimeout: 24 * time.Hour,
		}).steady().say(job("a", zeroPrev, "true"))
		p.reset()
		firstID := 2
		sent := 0
		taken := map[uint64]bool{}
		r.Repeat(map[string]func(*rapid.T){
			"submit": func(r *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(r, "n") {
					tag := uint64(len(taken) + 1)
					if taken[tag] = p.s.CanSubmit(); !taken[tag] {
						delete(taken, tag)
						return
					}
					sub := share(p.s.LastJob(), tag)
					if rapid.IntRange(0, 9).Draw(r, "unsendable") == 0 {
						sub.Job = nil
					}
					before := len(p.out)
					if p.submit(sub); len(p.out) > before {
						sent++
					}
				}
			},
			"reply": func(r *rapid.T) {
				if sent == 0 {
					r.Skip("nothing sent")
				}
				for range rapid.IntRange(1, 20).Draw(r, "n") {
					line := accepts(firstID + rapid.IntRange(0, sent-1).Draw(r, "which"))
					if rapid.Bool().Draw(r, "refused") {
						line = strings.Replace(line, `true,"error":null`, `null,"error":[22,"Duplicate",null]`, 1)
					}
					p.say(line)
				}
			},
			"wait": func(r *rapid.T) {
				p.pass(time.Duration(rapid.IntRange(0, 400).Draw(r, "seconds")) * time.Second)
			},
			"": func(r *rapid.T) { // invariants
				info := p.s.Info()
				if info.Pending < 0 || info.Late < 0 || p.err != nil {
					r.Fatalf("info %+v, error %v", info, p.err)
				}
			},
		})
		p.events = p.s.Abandon(p.now, p.events)
		first, late := map[uint64]mining.Verdict{}, map[uint64]int{}
		said := map[uint64]mining.Verdict{} // by the pool
		for _, ev := range p.events {
			if ev.Kind == upstream.AnsweredTwice {
				if said[ev.Tag] == mining.Pending || said[ev.Tag] != ev.First {
					r.Fatalf("tag %d: %v again after %v, which was %v", ev.Tag, ev.Verdict, ev.First, said[ev.Tag])
				}
				continue
			}
			if !ev.Local && ev.Verdict != mining.Unanswered {
				said[ev.Tag] = ev.Verdict
			}
			if ev.Late {
				if late[ev.Tag]++; late[ev.Tag] > 1 || first[ev.Tag] != mining.Unanswered {
					r.Fatalf("tag %d: late verdict after %v", ev.Tag, first[ev.Tag])
				}
				continue
			}
			if _, again := first[ev.Tag]; again || !taken[ev.Tag] {
				r.Fatalf("tag %d: a second first verdict, or one unasked: %+v", ev.Tag, ev)
			}
			first[ev.Tag] = ev.Verdict
		}
		if len(first) != len(taken) {
			r.Fatalf("%d of %d tags got a verdict", len(first), len(taken))
		}
	})
}
