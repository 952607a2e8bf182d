package downstream_test

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// The lines that servers are known to trip over, each with its exact
// reaction. The miner is subscribed and has authorized "u"; its job is
// 00000001 and its extranonce2 has 4 bytes.
func TestTortureLines(t *testing.T) {
	const malformed = `{"id":null,"result":null,"error":[20,"Malformed JSON",null]}`
	welcome := func(id string) string { return `{"id":` + id + `,` + subscribed }
	share := func(change func(*mining.Share)) *mining.Share {
		s := &mining.Share{Job: 1, Known: true, NTime: 0x504e86ed, Nonce: 0xb2957c02}
		s.Extranonce2, _ = work.MakeExtranonce(make([]byte, 4))
		change(s)
		return s
	}
	tests := []struct {
		name, line, want string
		// share is what must reach the house; nil is nothing.
		share *mining.Share
	}{
		{"no params", `{"id":1,"method":"mining.subscribe"}`, welcome("1"), nil},
		{"null params", `{"id":1,"method":"mining.subscribe","params":null}`, welcome("1"), nil},
		{"string id, one parameter", `{"id":"auth","method":"mining.authorize","params":["u"]}`, ok(`"auth"`), nil},
		{"null id", `{"id":null,"method":"mining.suggest_target","params":["0000000000000000000000000000000000000000000000000000000000000001"]}`, "", nil},
		{"float id", `{"id":1.0,"method":"mining.subscribe","params":[]}`, welcome("1.0"), nil},
		{"exponent id", `{"id":1e0,"method":"mining.ping"}`, `{"id":1e0,"result":"pong","error":null}`, nil},
		{"negative id", `{"id":-7,"method":"mining.multi_version","params":[1]}`, ok("-7"), nil},
		{"huge id", `{"id":18446744073709551616,"method":"mining.multi_version"}`, ok("18446744073709551616"), nil},
		{"id with an escape", `{"id":"a\u0041\"","method":"mining.multi_version"}`, ok(`"a\u0041\""`), nil},
		{
			"params first, nonce unpadded", `{"params":["u","00000001","00000000","504e86ed","2"],"id":9,"method":"mining.submit"}`,
			ok("9"), share(func(s *mining.Share) { s.Nonce = 2 }),
		},
		{"blanks around and CR", " \t" + `{"id":2,"method":"mining.authorize","params":["u","x"]} ` + "\r", ok("2"), nil},
		{
			"upper case, null version bits", `{"id":3,"method":"mining.submit","params":["u","00000001","00000000","504E86ED","B2957C02",null]}`,
			ok("3"), share(func(*mining.Share) {}),
		},
		{
			"upper case, empty version bits", `{"id":3,"method":"mining.submit","params":["u","00000001","00000000","504E86ED","B2957C02",""]}`,
			ok("3"), share(func(*mining.Share) {}),
		},
		{
			"numeric ntime and nonce", `{"id":4,"method":"mining.submit","params":["u","00000001","00000000",1347323629,2996141058]}`,
			ok("4"), share(func(*mining.Share) {}),
		},
		{"numeric job that is not ours", `{"id":4,"method":"mining.submit","params":["u",1,"00000000",1347323629,2996139010]}`, failed("4", "21", "Job not found"), nil},
		{
			"0x and seven parameters", `{"id":4,"method":"mining.submit","params":["u","00000001","0x00000000","0x504e86ed","0xb2957c02","0x1fffe000","extra"]}`,
			ok("4"), share(func(s *mining.Share) { s.VersionBits, s.HasVersionBits = 0x1fffe000, true }),
		},
		{"extranonce2 too short", `{"id":3,"method":"mining.submit","params":["u","00000001","0000","504E86ED","B2957C02",null]}`, failed("3", "20", "Invalid extranonce2 size"), nil},
		{"extranonce2 too long", `{"id":3,"method":"mining.submit","params":["u","00000001","0000000000","504e86ed","b2957c02"]}`, failed("3", "20", "Invalid extranonce2 size"), nil},
		{
			"ntime 0 is the job's", `{"id":3,"method":"mining.submit","params":["u","00000001","00000000","0","b2957c02"]}`,
			ok("3"), share(func(s *mining.Share) { s.NTime = 0 }), // for the house, which knows the job
		},
		{"params an object", `{"id":5,"method":"mining.submit","params":{"0":"u"}}`, "20", nil},
		{"no params to submit", `{"id":5,"method":"mining.submit"}`, "20", nil},
		{"nonce not hex", `{"id":5,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","zz"]}`, "20", nil},
		{"odd extranonce2", `{"id":5,"method":"mining.submit","params":["u","00000001","000","504e86ed","b2957c02"]}`, "20", nil},
		{"method a number", `{"id":5,"method":5,"params":[]}`, failed("5", "20", "Invalid request"), nil},
		{"method null", `{"id":5,"method":null,"params":[]}`, failed("5", "20", "Invalid request"), nil},
		{"no method", `{"id":5,"params":[]}`, failed("5", "20", "Invalid request"), nil},
		{"nothing", `{}`, malformed, nil},
		{"a batch", `[{"id":1,"method":"mining.subscribe","params":[]}]`, malformed, nil},
		{"two ids", `{"id":1,"id":2,"method":"mining.subscribe"}`, malformed, nil},
		{"an escaped key", `{"i\u0064":1,"method":"mining.subscribe"}`, malformed, nil},
		{"id true", `{"id":true,"method":"mining.subscribe"}`, failed("null", "20", "Invalid request"), nil},
		{"id an array", `{"id":[1],"method":"mining.subscribe"}`, failed("null", "20", "Invalid request"), nil},
		{"mask zz", `{"id":6,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"zz"}]}`, `{"id":6,"result":{"version-rolling":false},"error":null}`, nil},
		{"one extension", `{"id":6,"method":"mining.configure","params":[["minimum-difficulty"]]}`, `{"id":6,"result":{"minimum-difficulty":false},"error":null}`, nil},
		{
			"bit count a string", `{"id":6,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff","version-rolling.min-bit-count":"02"}]}`,
			`{"id":6,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`, nil,
		},
		{"pong", `{"id":7,"method":"pong","params":[]}`, "", nil},
		{"pong to null", `{"id":-1,"method":"pong","params":[]}`, "", nil},
		{"a version", `{"id":8,"result":"cgminer/4.11.1","error":null}`, "", nil},
		{"argument in the method", `{"id":9,"method":"mining.suggest_difficulty(1024)","params":[]}`, ok("9"), nil},
		{"NaN", `{"id":1,"method":"mining.suggest_difficulty","params":[NaN]}`, malformed, nil},
		{"Infinity", `{"id":1,"method":"mining.suggest_difficulty","params":[Infinity]}`, malformed, nil},
		{"1e999", `{"id":1,"method":"mining.suggest_difficulty","params":[1e999]}`, ok("1"), nil},
		{"minus zero", `{"id":1,"method":"mining.suggest_difficulty","params":[-0]}`, ok("1"), nil},
		{"10,000 brackets", strings.Repeat("[", 10_000), malformed, nil},
		{"10,000 brackets in params", `{"id":1,"method":"mining.ping","params":` + strings.Repeat("[", 10_000), malformed, nil},
		{"a zero byte", "{\"id\":1,\x00\"method\":\"mining.ping\"}", malformed, nil},
		{"lone surrogate", `{"id":1,"method":"mining.authorize","params":["\ud800"]}`, malformed, nil},
		{"not UTF-8", "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"\xff\"]}", malformed, nil},
		{"two objects", `{"id":1,"method":"mining.ping"}{"id":2,"method":"mining.ping"}`, malformed, nil},
		{"trailing comma", `{"id":1,"method":"mining.ping",}`, malformed, nil},
		{"cut short", `{"id":1,"method":"mining.pi`, malformed, nil},
		{"keys in capitals", `{"ID":1,"Method":"mining.ping"}`, malformed, nil},
		{"a browser", "GET / HTTP/1.1", malformed, nil},
		{"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", malformed, nil},
		{"a PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 1234 3333", malformed, nil},
		{"a blank line", " \t\r", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := miningMiner(t)
			if err := m.try(tt.line); err != nil {
				t.Fatalf("ended: %v", err)
			}
			checkShare(t, m, tt.share)
			switch got := strings.Join(m.take(), "\n"); {
			case tt.want == "20":
				// The codec's own words.
				if !strings.HasPrefix(got, `{"id":5,"result":null,"error":[20,"`) {
					t.Errorf("reply = %s, want an error 20", got)
				}
			case got != tt.want:
				t.Errorf("reply = %s\nwant    %s", got, tt.want)
			}
		})
	}
}

func checkShare(t *testing.T, m *miner, want *mining.Share) {
	t.Helper()
	if want == nil {
		for _, req := range m.asked {
			if req.Kind == mining.Submit {
				t.Errorf("share %+v reached the house", req.Share)
			}
		}
		return
	}
	if len(m.asked) != 1 || m.asked[0].Kind != mining.Submit {
		t.Fatalf("the house was asked %+v, want one share", m.asked)
	}
	if got := m.asked[0].Share; got != *want {
		t.Errorf("share = %+v\nwant    %+v", got, *want)
	}
	if w := m.asked[0].Worker; w == nil || w.Login != "u" {
		t.Errorf("worker = %+v, want u", w)
	}
}
