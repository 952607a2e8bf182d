package serve

import (
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/mining"
)

// exchange is a request and the reply that it must get; an empty reply is
// none, and "S" stands for the reply to a subscribe with the id after it.
type exchange struct{ ask, reply string }

// client is one order in which firmware shakes hands.
type client struct {
	name string
	says []exchange
}

// The parts that many clients share.
const (
	rolling = `,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`
	boost   = `,"result":{"version-rolling":true,"version-rolling.mask":"00c00000"},"error":null}`
	anyMask = `"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`
	wish    = `"method":"mining.suggest_difficulty","params":[1000]}`
	follow  = `"method":"mining.extranonce.subscribe","params":[]}`
)

// clients are every interleaving that is known; docs/QUIRKS.md has their
// sources.
func clients() []client {
	return append(asics(), others()...)
}

func asics() []client {
	return []client{
		{"cgminer with version rolling", []exchange{
			{`{"id":0,` + anyMask, `{"id":0` + rolling},
			{`{"id":1,"method":"mining.subscribe","params":["cgminer/4.11.1"]}`, "S1"},
			{authorize("2", "u.w"), ok("2")},
			{`{"id":3,` + wish, ok("3")},
		}},
		{"ESP-Miner", []exchange{
			{`{"id":1,` + anyMask, `{"id":1` + rolling},
			{`{"id":2,"method":"mining.subscribe","params":["bitaxe/BM1370/v2.6.0"]}`, "S2"},
			{authorize("3", "bc1q.bitaxe"), ok("3")},
			{`{"id":4,` + wish, ok("4")},
			{`{"id":5,` + follow, ok("5")},
		}},
		{"ESP-Miner of 2024", []exchange{
			{`{"id":1,"method":"mining.subscribe","params":["bitaxe/BM1366/v2.1.8"]}`, "S1"},
			{`{"id":2,` + anyMask, `{"id":2` + rolling},
			{`{"id":3,` + wish, ok("3")},
			{authorize("4", "bc1q.bitaxe"), ok("4")},
		}},
		{"NerdQAxe", []exchange{
			{`{"id":1,"method":"mining.subscribe","params":["NerdQAxe++/BM1370/v1.0.36"]}`, "S1"},
			{`{"id":2,` + anyMask, `{"id":2` + rolling},
			{authorize("3", "bc1q.nerd"), ok("3")},
			{`{"id":4,` + wish, ok("4")},
			{`{"id":5,` + follow, ok("5")},
		}},
		{"Bitmain stock", []exchange{
			{`{"id":0,"method":"mining.subscribe","params":["bmminer/2.0.0"]}`, "S0"},
			{`{"id":1,` + follow, ok("1")},
			{authorize("2", "u.s19"), ok("2")},
			{`{"id":3,` + wish, ok("3")},
			{`{"id":4,"method":"mining.multi_version","params":[4]}`, ok("4")},
			{`{"id":5,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"00c00000","version-rolling.min-bit-count":2}]}`, `{"id":5` + boost},
		}},
		{"Whatsminer", []exchange{
			{`{"params":[32768],"id":195,"method":"mining.suggest_difficulty"}`, ok("195")},
			{`{"params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}],"id":196,"method":"mining.configure"}`, `{"id":196` + rolling},
			{`{"params":["whatsminer/v1.0"],"id":197,"method":"mining.subscribe"}`, "S197"},
			{authorize("198", "spotbtc1.m30s40x16"), ok("198")},
		}},
		{"Braiins OS", []exchange{
			{`{"id":0,` + anyMask, `{"id":0` + rolling},
			{`{"id":1,"method":"mining.subscribe","params":["bosminer-plus-tuner 0.9.0",null,"stratum.example.com:3333",null]}`, "S1"},
			{authorize("2", "u.w"), ok("2")},
		}},
		{"LuxOS", []exchange{
			{`{"id":1,` + anyMask, `{"id":1` + rolling},
			{`{"id":2,"method":"mining.subscribe","params":["LUXminer 2025.1.1"]}`, "S2"},
			{authorize("3", "u.lux"), ok("3")},
		}},
	}
}

func others() []client {
	return []client{
		{"cpuminer", []exchange{
			{subscribe("1"), "S1"},
			{authorize("2", "u"), ok("2")},
		}},
		{"NerdMiner", []exchange{
			{`{"id":1,"method":"mining.subscribe","params":["NerdMinerV2/V1.7.0"]}`, "S1"},
			{authorize("2", "bc1q.nerd"), ok("2")},
			{`{"id":3,"method":"mining.suggest_difficulty","params":[0.00015]}`, ok("3")},
			{`{"id":4,"method":"mining.suggest_difficulty","params":[0.00015]}`, ok("4")},
		}},
		{"bfgminer", []exchange{
			{`{"params":["00000000ffff0000000000000000000000000000000000000000000000000000"],"id":null,"method":"mining.suggest_target"}`, ""},
			{`{"params":[{"notify":[]}],"id":null,"method":"mining.capabilities"}`, ""},
			{`{"params":["bfgminer/5.5.0"],"id":0,"method":"mining.subscribe"}`, "S0"},
			{`{"params":[],"id":"xnsub","method":"mining.extranonce.subscribe"}`, ok(`"xnsub"`)},
			{authorize(`"auth"`, "u"), ok(`"auth"`)},
			{`{"params":["00000001"],"id":"txlist00000001","method":"mining.get_transactions"}`, `{"id":"txlist00000001","result":[],"error":null}`},
		}},
		{"NiceHash", []exchange{
			{`{"id":1,"method":"mining.subscribe","params":["NiceHash/1.0.0","1662637786319","3e74784afc"]}`, "S1"},
			{authorize("2", "u"), ok("2")},
			{`{"id":3,` + follow, ok("3")},
		}},
		{"Braiins Hashpower", []exchange{
			{`{"id":1,"method":"mining.subscribe","params":[]}`, "S1"},
		}},
		{"a proxy with many workers", []exchange{
			{`{"id":1,"method":"mining.subscribe","params":["farm-proxy/1"]}`, "S1"},
			{authorize("2", "u.1"), ok("2")},
			{authorize("3", "u.2"), ok("3")},
			{authorize("4", "u.1"), ok("4")},
		}},
		{"authorize before subscribe", []exchange{
			{authorize("1", "u"), ok("1")},
			{subscribe("2"), "S2"},
		}},
		{"two subscribes", []exchange{
			{subscribe("1"), "S1"},
			{`{"id":2,"method":"mining.subscribe","params":[]}`, "S2"},
		}},
	}
}

// want is the reply's line; ok is false for none.
func (e exchange) want(m *miner) (line string, ok bool) {
	if e.reply == "" {
		return "", false
	}
	if e.reply[0] == 'S' {
		return m.subscribed(e.reply[1:]), true
	}
	return e.reply, true
}

// replies are the lines that the client's requests are answered with.
func (c client) replies(m *miner) (lines []string) {
	for _, e := range c.says {
		if line, ok := e.want(m); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

func (c client) requests() (lines []string) {
	for _, e := range c.says {
		lines = append(lines, e.ask)
	}
	return lines
}

// each runs a test for every client in a bubble of its own.
func each(t *testing.T, test func(r *rig, c client)) {
	t.Helper()
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(newRig(t), c) })
		})
	}
}

// One request after the other, each answered at once: work follows the
// subscribe reply, in the same write.
func TestHandshakeOneByOne(t *testing.T) {
	each(t, func(r *rig, c client) {
		m, given := r.connect(), false
		for _, e := range c.says {
			var want []string
			if line, ok := e.want(m); ok {
				want = append(want, line)
			}
			if !given && len(e.reply) > 0 && e.reply[0] == 'S' {
				want, given = append(want, difficulty, notify(1)), true
			}
			before := m.near.Writes()
			m.say(e.ask)
			m.expect(want...)
			if got := m.near.Writes() - before; got != min(1, len(want)) {
				t.Errorf("%d writes for %d lines", got, len(want))
			}
		}
	})
}

// Everything in one segment, answered at once: all replies, then the work,
// in one write.
func TestHandshakeInOneSegment(t *testing.T) {
	each(t, func(r *rig, c client) {
		m := r.connect()
		m.say(c.requests()...)
		m.expect(append(c.replies(m), difficulty, notify(1))...)
		if got := m.near.Writes(); got != 1 {
			t.Errorf("%d writes", got)
		}
	})
}

// Everything in one segment, but each handshake request is answered only
// after work upon work has come from elsewhere: until the last request is
// answered nothing leaves but replies, and then the newest work alone.
func TestHandshakeInOneSegmentAnsweredLate(t *testing.T) {
	each(t, func(r *rig, c client) {
		r.house.handle = r.house.pend
		r.house.silent = true
		m := r.connect()
		m.say(c.requests()...)
		replies := c.replies(m)
		var heard []string
		id := mining.JobID(1)
		for r.house.pending() > 0 {
			if n := r.house.pending(); n != 1 {
				t.Fatalf("%d requests of the handshake wait at once", n)
			}
			work := make(chan struct{})
			go func() {
				m.conn.Work(assigned(someWork(id)))
				close(work)
			}()
			<-work
			m.idle()
			heard = append(heard, m.heard()...)
			expectPrefix(t, replies, heard)
			r.house.answer(m.conn, 0)
			id++
			m.idle()
		}
		heard = append(heard, m.heard()...)
		want := append(replies, difficulty, notify(id-1))
		expectPrefix(t, want, heard)
		if len(heard) != len(want) {
			t.Errorf("heard %d lines, want %d: %q", len(heard), len(want), heard)
		}
	})
}

func expectPrefix(t *testing.T, want, got []string) {
	t.Helper()
	for i, line := range got {
		if i >= len(want) || line != want[i] {
			t.Fatalf("line %d is %s\nwant the first of %q", i, line, want[i:])
		}
	}
}

// The segment comes in pieces of any size: replies keep their order, and work
// comes once, after the subscribe reply.
func TestHandshakeInPieces(t *testing.T) {
	for _, size := range []int{1, 7, 100} {
		each(t, func(r *rig, c client) {
			m := r.connect()
			m.near.Chunk(size)
			m.say(c.requests()...)
			var replies, told []string
			subscribed := false
			for _, line := range m.heard() {
				switch line {
				case difficulty, notify(1):
					told = append(told, line)
					if !subscribed {
						t.Errorf("%s before the subscribe reply", line)
					}
				default:
					replies = append(replies, line)
					subscribed = subscribed || line == m.subscribed("0") || line == m.subscribed("1") || line == m.subscribed("2") || line == m.subscribed("197")
				}
			}
			want := c.replies(m)
			expectPrefix(t, want, replies)
			if len(replies) != len(want) || len(told) != 2 || told[0] != difficulty {
				t.Errorf("replies %q, told %q", replies, told)
			}
		})
	}
}
