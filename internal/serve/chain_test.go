package serve

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
	"github.com/loka/stratum/internal/pipeline/identity"
	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/pipeline/patterns"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
	"github.com/loka/stratum/internal/pipeline/threat"
	"github.com/loka/stratum/internal/pipeline/validate"
)

// chained is a rig with the whole chain of the product before its house.
func chained(t *testing.T, limits ratelimit.Config) *rig {
	t.Helper()
	r := newRig(t)
	who, err := logins.New(logins.Config{Password: password, MaxRefused: 2}, nil, logins.Metrics{})
	if err != nil {
		t.Fatal(err)
	}
	chain := pipeline.Compile(
		r.house,
		threat.New(threat.DefaultConfig(), nil, threat.Metrics{}), ratelimit.New(limits, ratelimit.Metrics{}),
		validate.New(validate.Config{}, validate.Metrics{}), patterns.New(patterns.Config{}, patterns.Metrics{}),
		identity.New(identity.Config{}, identity.Metrics{}), who,
	)
	r.server.deps.Handler, r.server.deps.Watch = chain, chain
	return r
}

// Shares beyond the limit are answered at the rate of the limit, in their order, and
// none is lost.
func TestLimitOverAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := chained(t, ratelimit.Config{Submits: ratelimit.Rate{PerSecond: 2, Burst: 3}})
		m := r.mining()
		asks := make([]string, 0, 7)
		for i := range 7 {
			asks = append(asks, submit(string(rune('1'+i)), uint32(i))+"\n")
		}
		if _, err := m.Write([]byte(strings.Join(asks, ""))); err != nil {
			t.Fatal(err)
		}
		m.expect(ok("1"), ok("2"), ok("3"), ok("4")) // the fourth pays by waiting
		for _, id := range []string{"5", "6", "7"} {
			time.Sleep(500*time.Millisecond - time.Nanosecond)
			m.expect()
			time.Sleep(time.Nanosecond)
			m.expect(ok(id))
		}
		time.Sleep(time.Second)
		m.idle()
	})
}

// What the protocol has a code for is refused with that, each as an array with three
// elements, whoever refuses it.
func TestExactRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := chained(t, ratelimit.DefaultConfig())
		m := r.connect()
		m.say(submit("1", 1))
		m.expect(`{"id":1,"result":null,"error":[25,"Not subscribed",null]}`)
		m.say(subscribe("2"))
		m.heard()
		m.say(authorize("3", "al ice"))
		m.expect(`{"id":3,"result":false,"error":[24,"Unauthorized worker",null]}`)
		m.say(`{"id":4,"method":"mining.authorize","params":["alice","y"]}`)
		m.expect(`{"id":4,"result":false,"error":[24,"Unauthorized worker",null]}`)
		m.say(`{"id":5,"method":"mining.authorize","params":["alice","` + password + `,d=5"]}`)
		m.expect(ok("5"))
		for _, c := range []struct {
			verdict mining.Verdict
			want    string
		}{
			{mining.Invalid, `[20,"Invalid share",null]`},
			{mining.Stale, `[21,"Stale",null]`},
			{mining.JobNotFound, `[21,"Job not found",null]`},
			{mining.Duplicate, `[22,"Duplicate share",null]`},
			{mining.LowDifficulty, `[23,"Low difficulty share",null]`},
			{mining.Unauthorized, `[24,"Unauthorized worker",null]`},
		} {
			r.house.handle = func(*Conn, *mining.Request) mining.Answer { return mining.Answer{Verdict: c.verdict} }
			m.say(submit("6", 6))
			m.expect(`{"id":6,"result":null,"error":` + c.want + `}`)
		}
		m.say(`{"id":7,"method":"mining.submit","params":["alice","00000001","00000001","00000001","00000001","ffffffff"]}`)
		m.expect(`{"id":7,"result":null,"error":[20,"Invalid share",null]}`)
	})
}
