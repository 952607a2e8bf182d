package upstream_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

func (p *pool) suggest(d work.Difficulty) *pool {
	p.out = p.s.SuggestDifficulty(d, p.now, p.out)
	return p
}

// TestSuggestIsAWish has what pools do about a suggestion while a share is
// open: it is that share alone that is answered or not.
func TestSuggestIsAWish(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reply string
		event string
	}{
		"granted":                      {`{"id":3,"result":true,"error":null}`, ""},
		"refused":                      {`{"id":3,"result":false,"error":null}`, ""},
		"DATUM":                        {`{"id":3,"result":null,"error":[-3,"Method not found",null]}`, ""},
		"an error of another form":     {`{"id":3,"error":{"code":-3,"message":"Method not found"}}`, ""},
		"public-pool":                  {`{"id":3,"method":"mining.set_difficulty","params":[512]}`, "difficulty 512"},
		"an ordinary set_difficulty":   {`{"id":null,"method":"mining.set_difficulty","params":[512]}`, "difficulty 512"},
		"silence, but for a keepalive": {``, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, upstream.Config{}).steady().say(job("a", zeroPrev, "true"))
			p.submit(share(p.s.LastJob(), 1)).reset()
			p.suggest(512).wantLines(`{"id":3,"method":"mining.suggest_difficulty","params":[512]}`)
			p.say(tc.reply)
			want := []string{}
			if tc.event != "" {
				want = append(want, tc.event)
			}
			p.wantEvents(want...)
			if reason, _ := p.pass(30 * time.Second); reason != "" {
				t.Errorf("ended with %s", reason)
			}
			p.wantEvents(append(want, "verdict 1 unanswered")...)
			p.reset()
			p.submit(share(p.s.LastJob(), 2)).say(`{"id":2,"result":true}`, `{"id":4,"result":true}`, `{"id":3,"result":true}`)
			p.wantEvents("verdict 1 accepted late", "verdict 2 accepted")
			if info := p.s.Info(); info.Pending != 0 || info.Late != 0 || info.State != upstream.Steady {
				t.Errorf("info is %+v", info)
			}
		})
	}
}

func TestSuggestInEveryState(t *testing.T) {
	t.Parallel()
	for state, want := range map[upstream.State]string{
		upstream.Idle:    "",
		upstream.Opening: "",
		upstream.Steady:  `{"id":3,"method":"mining.suggest_difficulty","params":[0.5]}`,
		upstream.Closed:  "",
	} {
		p := inState(t, state).suggest(0.5)
		if want == "" {
			p.wantLines()
		} else {
			p.wantLines(want)
		}
		p.wantEvents()
	}
}

func TestSuggestBeforeSubscribe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		configured work.Difficulty
		idle       []work.Difficulty
		opening    []work.Difficulty
		want       []string
	}{
		"nothing":                  {0, nil, nil, nil},
		"configured":               {8, nil, nil, []string{`{"id":3,"method":"mining.suggest_difficulty","params":[8]}`}},
		"before the start":         {8, []work.Difficulty{4, 16}, nil, []string{`{"id":3,"method":"mining.suggest_difficulty","params":[16]}`}},
		"during the handshake":     {0, nil, []work.Difficulty{64}, []string{`{"id":3,"method":"mining.suggest_difficulty","params":[64]}`}},
		"taken back":               {8, []work.Difficulty{0}, nil, nil},
		"what cannot be suggested": {8, []work.Difficulty{-1}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := masked()
			cfg.SuggestDifficulty = tc.configured
			p := newPool(t, cfg)
			for _, d := range tc.idle {
				p.suggest(d).wantLines()
			}
			p.start().reset()
			for _, d := range tc.opening {
				p.suggest(d).wantLines()
			}
			p.say(maskGranted, slushSubscribed).wantLines(tc.want...)
		})
	}
}

// A pool that owes too much is not asked for favours, and favours that are
// never answered do not pile up.
func TestSuggestIsBounded(t *testing.T) {
	t.Parallel()
	p := newPool(t, upstream.Config{MaxPending: 4}).steady().say(job("a", zeroPrev, "true"))
	p.reset()
	for range 10 {
		p.suggest(2)
	}
	if n := len(p.lines()); n != 4 {
		t.Errorf("%d suggestions were sent, want 4", n)
	}
	p.pass(30 * time.Second)
	p.wantEvents()
	p.reset()
	for tag := range uint64(4) {
		p.submit(share(p.s.LastJob(), tag))
	}
	if info := p.s.Info(); len(p.lines()) != 4 || info.Pending != 4 || info.Late != 0 {
		t.Errorf("%d shares were sent, info is %+v", len(p.lines()), info)
	}
}
