package link_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// A suggestion waits for the pool, may be made again at any time, and is never
// answered to anybody.
func TestSuggestDifficulty(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.SuggestDifficulty = 512
		r := newRig(t, cfg)
		r.link.SuggestDifficulty(1024)
		r.pool.want(subscribe1)
		r.pool.say(ckpool1, notify)
		r.pool.want(`{"id":2,"method":"mining.suggest_difficulty","params":[1024]}`)
		r.link.SuggestDifficulty(2048)
		r.pool.want(`{"id":3,"method":"mining.suggest_difficulty","params":[2048]}`)
		r.pool.say(`{"id":2,"method":"mining.set_difficulty","params":[1024]}`, `{"id":3,"result":null,"error":[-3,"",null]}`)
		time.Sleep(time.Minute)
		if got := len(r.all()); got != 3 { // subscribed, job, difficulty
			t.Errorf("%d events: %+v", got, r.all())
		}
		if r.count.unanswered.n != 0 || r.link.Info().Session.Difficulty != 1024 {
			t.Errorf("%d unanswered, info is %+v", r.count.unanswered.n, r.link.Info())
		}
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
		r.pool.wantEnd()
		r.link.SuggestDifficulty(1) // and this panics not
	})
}

// A pool's malformed jobs are counted and go no further; the fifth within a
// minute ends the link.
func TestMalformedJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		r.steady()
		odd := strings.Replace(notify, `"01"`, `"010"`, 1)
		nbits := strings.Replace(notify, `"1d00ffff"`, `"ff00ffff"`, 1)
		large := strings.Replace(notify, `"ff"`, `"`+strings.Repeat("00", 8<<10+1)+`"`, 1)
		hash := `"` + strings.Repeat("11", 32) + `"`
		branches := strings.Replace(notify, `[]`, `[`+strings.Repeat(hash+",", 32)+hash+`]`, 1)
		r.pool.say(odd, nbits, large, branches, notify)
		if jobs := len(r.of(upstream.Job)); jobs != 2 || r.count.bad.n != 4 {
			t.Errorf("%d jobs came, %d bad lines are counted", jobs, r.count.bad.n)
		}
		r.pool.say(odd)
		r.wantEnd(mining.TooManyErrors)
		if jobs := len(r.of(upstream.Job)); jobs != 2 || r.count.bad.n != 5 {
			t.Errorf("%d jobs came, %d bad lines are counted", jobs, r.count.bad.n)
		}
		r.pool.wantEnd()
	})
}
