package downstream_test

import (
	"testing"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
)

// interleaving is one order in which firmware shakes hands. A read is what
// arrives in one segment; in want, "D" and "J" stand for the difficulty and
// the job.
type interleaving struct {
	client string
	reads  [][]string
	want   []string
}

// interleavings are every order that is known. Their sources are listed in
// docs/QUIRKS.md.
func interleavings() []interleaving {
	const (
		authorized    = `,"result":true,"error":null}`
		rolling       = `,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`
		rollingBoost  = `,"result":{"version-rolling":true,"version-rolling.mask":"00c00000"},"error":null}`
		configureFull = `"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`
	)
	return []interleaving{
		{
			client: "cgminer with version rolling",
			reads: [][]string{
				{`{"id": 0, "method": "mining.configure", "params": [["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`},
				{`{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.11.1"]}`},
				{`{"id": 2, "method": "mining.authorize", "params": ["u.w", "x"]}`},
				{`{"id": 3, "method": "mining.suggest_difficulty", "params": [1024]}`},
			},
			want: []string{`{"id":0` + rolling, `{"id":1,` + subscribed, "D", "J", ok("2"), ok("3")},
		},
		{
			client: "ESP-Miner, three pipelined in one segment",
			reads: [][]string{
				{
					`{"id": 1, ` + configureFull,
					`{"id": 2, "method": "mining.subscribe", "params": ["bitaxe/BM1370/v2.6.0"]}`,
					`{"id": 3, "method": "mining.authorize", "params": ["bc1q.bitaxe", "x"]}`,
				},
				{`{"id": 4, "method": "mining.suggest_difficulty", "params": [1000]}`},
				{`{"id": 5, "method": "mining.extranonce.subscribe", "params": []}`},
			},
			want: []string{`{"id":1` + rolling, `{"id":2,` + subscribed, `{"id":3` + authorized, "D", "J", ok("4"), ok("5")},
		},
		{
			client: "ESP-Miner of 2024, four pipelined",
			reads: [][]string{{
				`{"id":1,"method":"mining.subscribe","params":["bitaxe/BM1366/v2.1.8"]}`,
				`{"id":2,` + configureFull,
				`{"id":3,"method":"mining.suggest_difficulty","params":[1000]}`,
				`{"id":4,"method":"mining.authorize","params":["bc1q.bitaxe","x"]}`,
			}},
			want: []string{`{"id":1,` + subscribed, `{"id":2` + rolling, ok("3"), ok("4"), "D", "J"},
		},
		{
			client: "NerdQAxe",
			reads: [][]string{
				{`{"id":1,"method":"mining.subscribe","params":["NerdQAxe++/BM1370/v1.0.36"]}`},
				{`{"id":2,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}`},
				{`{"id":3,"method":"mining.authorize","params":["bc1q.nerd","x"]}`},
				{`{"id":4,"method":"mining.suggest_difficulty","params":[1000]}`},
				{`{"id":5,"method":"mining.extranonce.subscribe","params":[]}`},
			},
			want: []string{`{"id":1,` + subscribed, "D", "J", `{"id":2` + rolling, ok("3"), ok("4"), ok("5")},
		},
		{
			client: "Bitmain stock, configure after authorize",
			reads: [][]string{
				{`{"id": 0, "method": "mining.subscribe", "params": ["bmminer/2.0.0"]}`},
				{`{"id": 1, "method": "mining.extranonce.subscribe", "params": []}`},
				{`{"id": 2, "method": "mining.authorize", "params": ["u.s19", "123"]}`},
				{`{"id": 3, "method": "mining.suggest_difficulty", "params": [8192]}`},
				{`{"id": 4, "method": "mining.multi_version", "params": [4]}`},
				{`{"id": 5, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "00c00000", "version-rolling.min-bit-count": 2}]}`},
			},
			want: []string{`{"id":0,` + subscribed, "D", "J", ok("1"), ok("2"), ok("3"), ok("4"), `{"id":5` + rollingBoost},
		},
		{
			client: "Whatsminer, suggest first, params before the method",
			reads: [][]string{
				{`{"params":[32768],"id":195,"method":"mining.suggest_difficulty"}`},
				{`{"params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}],"id":196,"method":"mining.configure"}`},
				{`{"params":["whatsminer/v1.0"],"id":197,"method":"mining.subscribe"}`},
				{`{"params":["spotbtc1.m30s40x16","123"],"id":198,"method":"mining.authorize"}`},
			},
			want: []string{ok("195"), `{"id":196` + rolling, `{"id":197,` + subscribed, "D", "J", ok("198")},
		},
		{
			client: "Braiins OS, pipelined, host in the subscribe",
			reads: [][]string{{
				`{"id":0,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":16}]}`,
				`{"id":1,"method":"mining.subscribe","params":["bosminer-plus-tuner 0.9.0",null,"stratum.example.com:3333",null]}`,
				`{"id":2,"method":"mining.authorize","params":["u.w","x"]}`,
			}},
			want: []string{`{"id":0` + rolling, `{"id":1,` + subscribed, `{"id":2` + authorized, "D", "J"},
		},
		{
			client: "LuxOS, strictly one after the other",
			reads: [][]string{
				{`{"id":1,` + configureFull},
				{`{"id":2,"method":"mining.subscribe","params":["LUXminer 2025.1.1"]}`},
				{`{"id":3,"method":"mining.authorize","params":["u.lux","x"]}`},
			},
			want: []string{`{"id":1` + rolling, `{"id":2,` + subscribed, "D", "J", ok("3")},
		},
		{
			client: "cpuminer",
			reads: [][]string{
				{`{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}`},
				{`{"id": 2, "method": "mining.authorize", "params": ["u", "p"]}`},
			},
			want: []string{`{"id":1,` + subscribed, "D", "J", ok("2")},
		},
		{
			client: "NerdMiner, its wish repeated",
			reads: [][]string{
				{`{"id": 1, "method": "mining.subscribe", "params": ["NerdMinerV2/V1.7.0"]}`},
				{`{"params": ["bc1q.nerd", "x"], "id": 2, "method": "mining.authorize"}`},
				{`{"id": 3, "method": "mining.suggest_difficulty", "params": [0.00015]}`},
				{`{"id": 4, "method": "mining.suggest_difficulty", "params": [0.00015]}`},
			},
			want: []string{`{"id":1,` + subscribed, "D", "J", ok("2"), ok("3"), ok("4")},
		},
		{
			client: "bfgminer, null ids first and string ids later",
			reads: [][]string{
				{
					`{"params":["00000000ffff0000000000000000000000000000000000000000000000000000"],"id":null,"method":"mining.suggest_target"}`,
					`{"params":[{"notify":[]}],"id":null,"method":"mining.capabilities"}`,
					`{"params":["bfgminer/5.5.0"],"id":0,"method":"mining.subscribe"}`,
				},
				{`{"params":[],"id":"xnsub","method":"mining.extranonce.subscribe"}`},
				{`{"params":["u","x"],"id":"auth","method":"mining.authorize"}`},
				{`{"params":["00000001"],"id":"txlist00000001","method":"mining.get_transactions"}`},
			},
			want: []string{
				`{"id":0,` + subscribed, "D", "J", ok(`"xnsub"`), ok(`"auth"`),
				`{"id":"txlist00000001","result":[],"error":null}`,
			},
		},
		{
			client: "NiceHash with a time and an HMAC for a session",
			reads: [][]string{
				{`{"id":1,"method":"mining.subscribe","params":["NiceHash/1.0.0","1662637786319","3e74784afc"]}`},
				{`{"id":2,"method":"mining.authorize","params":["u","x"]}`},
				{`{"id":3,"method":"mining.extranonce.subscribe","params":[]}`},
			},
			want: []string{`{"id":1,` + subscribed, "D", "J", ok("2"), ok("3")},
		},
		{
			client: "Braiins Hashpower, subscribe without parameters",
			reads:  [][]string{{`{"id":1,"method":"mining.subscribe","params":[]}`}},
			want:   []string{`{"id":1,` + subscribed, "D", "J"},
		},
		{
			client: "a proxy with many workers",
			reads: [][]string{
				{`{"id":1,"method":"mining.subscribe","params":["farm-proxy/1"]}`},
				{
					`{"id":2,"method":"mining.authorize","params":["u.1","x"]}`,
					`{"id":3,"method":"mining.authorize","params":["u.2","x"]}`,
					`{"id":4,"method":"mining.authorize","params":["u.1","x"]}`,
				},
			},
			want: []string{`{"id":1,` + subscribed, "D", "J", ok("2"), ok("3"), ok("4")},
		},
		{
			client: "authorize before subscribe",
			reads: [][]string{
				{`{"id":1,"method":"mining.authorize","params":["u","x"]}`},
				{`{"id":2,"method":"mining.subscribe","params":[]}`},
			},
			want: []string{ok("1"), `{"id":2,` + subscribed, "D", "J"},
		},
		{
			client: "two subscribes, the second without an agent (cgminer's retry)",
			reads: [][]string{
				{`{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1","0000002a"]}`},
				{`{"id":2,"method":"mining.subscribe","params":[]}`},
			},
			want: []string{`{"id":1,` + subscribed, "D", "J", `{"id":2,` + subscribed},
		},
		{
			client: "a Bitaxe that probes its first pool",
			reads: [][]string{{
				`{"id":1,"method":"mining.subscribe","params":["bitaxe/BM1370/v2.6.0"]}`,
				`{"id":2,"method":"mining.authorize","params":["bc1q.bitaxe","x"]}`,
			}},
			want: []string{`{"id":1,` + subscribed, ok("2"), "D", "J"},
		},
	}
}

func TestHandshakeInterleavings(t *testing.T) {
	for _, tt := range interleavings() {
		t.Run(tt.client, func(t *testing.T) {
			// Answered at once, and answered only after the whole read came.
			for _, later := range []bool{false, true} {
				m := newMiner(t)
				m.later = later
				want := make([]string, len(tt.want))
				for i, line := range tt.want {
					switch line {
					case "D":
						line = difficulty
					case "J":
						line = notify(m.work)
					}
					want[i] = line
				}
				for _, lines := range tt.reads {
					readSlowly(m, lines)
				}
				m.expect(want...)
			}
		})
	}
}

// readSlowly is a read during which the house takes its time: while the
// session is blocked, nothing but the answer may come out.
func readSlowly(m *miner, lines []string) {
	m.t.Helper()
	for _, line := range lines {
		req, err := m.s.Line([]byte(line), m.now, &m.out)
		if err != nil {
			m.t.Fatal(err)
		}
		m.collect()
		if req == nil {
			continue
		}
		m.ask(req)
		if !m.later || req.Kind == mining.Suggest {
			continue
		}
		before := len(m.sent)
		m.flush()
		if len(m.sent) != before {
			m.t.Errorf("sent %q between a request and its reply", m.sent[before:])
		}
		m.answer(len(m.waiting) - 1)
	}
	m.flush()
}

// Whatever a request of the handshake is answered with, no work overtakes it.
func TestNothingOvertakesAnAnswerOfTheHandshake(t *testing.T) {
	for _, line := range []string{
		`{"id":1,"method":"mining.configure","params":"no"}`,
		`{"id":1,"method":"mining.configure","params":[["info"]]}`,
		`{"id":1,"method":"mining.configure","params":[["version-rolling"]]}`,
		`{"id":1,"method":"mining.subscribe","params":"no"}`,
		`{"id":1,"method":"mining.subscribe","params":[]}`,
		`{"id":1,"method":"mining.authorize","params":"no"}`,
		`{"id":1,"method":"mining.authorize","params":["u"]}`,
	} {
		m := newMiner(t)
		m.read(line)
		if len(m.frames) == 0 || m.frames[0].Class != downstream.Gate {
			t.Errorf("%s is answered by %+v", line, m.frames)
		}
	}
}
