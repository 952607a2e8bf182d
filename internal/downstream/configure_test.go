package downstream_test

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// Only what was asked for is answered, and always.
func TestConfigureAnswersWhatWasAsked(t *testing.T) {
	tests := []struct {
		name, params, want string
		mask               work.VersionMask
		// asked is the mask that the house is asked for; 0 is no question.
		asked work.VersionMask
	}{
		{"default mask", `[["version-rolling"]]`, `"version-rolling":true,"version-rolling.mask":"1fffe000"`, work.MaskBIP320, 0xffffffff},
		{"default mask with options", `[["version-rolling"],{}]`, `"version-rolling":true,"version-rolling.mask":"1fffe000"`, work.MaskBIP320, 0xffffffff},
		{"narrower request", `[["version-rolling"],{"version-rolling.mask":"00c00000","version-rolling.min-bit-count":2}]`, `"version-rolling":true,"version-rolling.mask":"00c00000"`, work.MaskBIP320, 0x00c00000},
		{"narrower house", `[["version-rolling"],{"version-rolling.mask":"1fffe000"}]`, `"version-rolling":true,"version-rolling.mask":"18000000"`, 0x18000000, work.MaskBIP320},
		{"nothing left", `[["version-rolling"],{"version-rolling.mask":"000000ff"}]`, `"version-rolling":false`, work.MaskBIP320, 0xff},
		{"house rolls nothing", `[["version-rolling"],{"version-rolling.mask":"ffffffff"}]`, `"version-rolling":false`, 0, 0xffffffff},
		{"mask of no bits", `[["version-rolling"],{"version-rolling.mask":"00000000"}]`, `"version-rolling":false`, work.MaskBIP320, 0},
		{"mask that is no hex", `[["version-rolling"],{"version-rolling.mask":"zz"}]`, `"version-rolling":false`, work.MaskBIP320, 0},
		{"mask unpadded", `[["version-rolling"],{"version-rolling.mask":"c00000"}]`, `"version-rolling":true,"version-rolling.mask":"00c00000"`, work.MaskBIP320, 0x00c00000},
		{"minimum difficulty is not enforced", `[["minimum-difficulty"],{"minimum-difficulty.value":2048}]`, `"minimum-difficulty":false`, work.MaskBIP320, 0},
		{"extranonce", `[["subscribe-extranonce"],{}]`, `"subscribe-extranonce":true`, work.MaskBIP320, 0},
		{"info", `[["info"],{"info.connection-url":"u","info.hw-id":"1"}]`, `"info":true`, work.MaskBIP320, 0},
		{"unknown", `[["coffee"],{}]`, `"coffee":false`, work.MaskBIP320, 0},
		{
			"all at once", `[["coffee","version-rolling","minimum-difficulty","subscribe-extranonce","info"],{"version-rolling.mask":"ffffffff"}]`,
			`"version-rolling":true,"version-rolling.mask":"1fffe000","minimum-difficulty":false,"subscribe-extranonce":true,"info":true,"coffee":false`, work.MaskBIP320, 0xffffffff,
		},
		{
			"an unknown one waits with the mask", `[["version-rolling","coffee"]]`,
			`"version-rolling":true,"version-rolling.mask":"1fffe000","coffee":false`, work.MaskBIP320, 0xffffffff,
		},
		{"nothing", `[[],{}]`, ``, work.MaskBIP320, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMiner(t)
			m.mask = tt.mask
			m.later = true
			line := []byte(`{"id":"c","method":"mining.configure","params":` + tt.params + `}`)
			if req, err := m.s.Line(line, m.now, &m.out); err != nil {
				t.Fatal(err)
			} else if req != nil {
				m.ask(req)
			}
			m.collect()
			if tt.asked == 0 != (len(m.asked) == 0) {
				t.Fatalf("the house was asked %v", m.asked)
			}
			if tt.asked != 0 {
				if req := m.asked[0]; req.Kind != mining.Negotiate || req.VersionMask != tt.asked {
					t.Errorf("asked %v for %v, want %v", req.Kind, req.VersionMask, tt.asked)
				}
				clear(line) // the answer must not need the line
				m.answer(0)
			}
			m.expect(`{"id":"c","result":{` + tt.want + `},"error":null}`)
		})
	}
}

// A house that grants more than was asked for is cut down to it.
func TestConfigureNeverExceedsTheRequest(t *testing.T) {
	m := newMiner(t)
	m.later = true
	m.read(`{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"00c00000"}]}`)
	m.s.Answer(mining.Answer{Ticket: m.waiting[0].Ticket, Verdict: mining.Accepted, VersionMask: 0xffffffff}, &m.out)
	m.collect()
	m.expect(`{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"00c00000"},"error":null}`)
	if got := m.s.Info().VersionMask; got != 0x00c00000 {
		t.Errorf("mask = %v", got)
	}
}

func TestConfigureRefusedByTheHouse(t *testing.T) {
	m := newMiner(t)
	m.later = true
	m.read(`{"id":1,"method":"mining.configure","params":[["version-rolling"]]}`)
	m.s.Answer(mining.Answer{Ticket: m.waiting[0].Ticket, Verdict: mining.Invalid, VersionMask: 0x1fffe000}, &m.out)
	m.collect()
	m.expect(`{"id":1,"result":{"version-rolling":false},"error":null}`)
}

// The latest configure counts; one that does not speak of rolling leaves it.
func TestConfigureRepeated(t *testing.T) {
	m := miningMiner(t)
	steps := []struct {
		params string
		want   work.VersionMask
	}{
		{`[["version-rolling"],{"version-rolling.mask":"ffffffff"}]`, 0x1fffe000},
		{`[["info"]]`, 0x1fffe000},
		{`[["version-rolling"],{"version-rolling.mask":"00c00000"}]`, 0x00c00000},
		{`[["version-rolling"],{"version-rolling.mask":"zz"}]`, 0},
		{`[["version-rolling"],{"version-rolling.mask":"1fffe000"}]`, 0x1fffe000},
		{`[["version-rolling"],{"version-rolling.mask":"00000001"}]`, 0},
	}
	for _, step := range steps {
		m.read(`{"id":1,"method":"mining.configure","params":` + step.params + `}`)
		if got := m.s.Info().VersionMask; got != step.want {
			t.Errorf("after %s the mask is %v, want %v", step.params, got, step.want)
		}
	}
}

// The wire form of a later narrowing stands before the job that it is for,
// and only for miners that negotiated.
func TestLaterMasks(t *testing.T) {
	configure := `{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"00ffe000"}]}`
	narrow := someWork(2)
	narrow.VersionMask = 0x00c00000
	wide := someWork(3)
	wide.VersionMask = work.MaskBIP323
	none := someWork(4)
	none.VersionMask = 0
	setMask := func(mask string) string {
		return `{"id":null,"method":"mining.set_version_mask","params":["` + mask + `"]}`
	}

	t.Run("negotiated", func(t *testing.T) {
		m := miningMiner(t)
		m.read(configure)
		m.take()
		m.give(assigned(narrow))
		m.expect(setMask("00c00000"), notify(narrow))
		again := someWork(5)
		again.VersionMask = narrow.VersionMask
		m.give(assigned(again))
		m.expect(notify(again))
		m.give(assigned(wide)) // never beyond what the miner asked for
		m.expect(setMask("00ffe000"), notify(wide))
		m.give(assigned(none))
		m.expect(setMask("00000000"), notify(none))
	})
	t.Run("not negotiated", func(t *testing.T) {
		m := miningMiner(t)
		m.give(assigned(narrow))
		m.give(assigned(none))
		m.expect(notify(narrow), notify(none))
	})
	t.Run("refused", func(t *testing.T) {
		m := miningMiner(t)
		m.mask = 0
		m.read(configure)
		m.take()
		m.give(assigned(narrow))
		m.expect(notify(narrow))
	})
	// Bitmain's firmware takes a mask that comes before its first job for a job.
	t.Run("never before the first job", func(t *testing.T) {
		m := newMiner(t)
		m.work = narrow
		m.read(configure, `{"id":2,"method":"mining.subscribe","params":["bmminer/2.0.0"]}`)
		m.expect(
			`{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"00ffe000"},"error":null}`,
			`{"id":2,`+subscribed, difficulty, notify(narrow), setMask("00c00000"),
		)
	})
}

// Parameters that are none are refused with error 20, and the miner may try
// again.
func TestHandshakeParametersThatAreNone(t *testing.T) {
	tests := []string{
		`"mining.configure","params":{"0":["version-rolling"]}`,
		`"mining.configure","params":["version-rolling"]`,
		`"mining.configure","params":[["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]]`,
		`"mining.configure"`,
		`"mining.subscribe","params":{"0":"cgminer/4.11.1"}`,
		`"mining.subscribe","params":"cgminer/4.11.1"`,
	}
	for _, tt := range tests {
		m := newMiner(t)
		m.read(`{"id":1,"method":` + tt + `}`)
		if got := m.take(); len(got) != 1 || !strings.HasPrefix(got[0], `{"id":1,"result":null,"error":[20,"`) {
			t.Errorf("%s: %q, want an error 20", tt, got)
		}
		m.read(`{"id":2,"method":"mining.subscribe"}`)
		m.expect(`{"id":2,`+subscribed, difficulty, notify(m.work))
	}
}
