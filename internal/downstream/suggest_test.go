package downstream_test

import (
	"slices"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// A wish is granted in words at once and told to the house, whatever its form
// and its id; one that cannot be read is granted in words alone.
func TestSuggest(t *testing.T) {
	for _, tt := range []struct {
		line, reply string
		want        work.Difficulty
	}{
		{`{"id":4,"method":"mining.suggest_difficulty","params":[1024]}`, `{"id":4,"result":true,"error":null}`, 1024},
		{`{"id":4,"method":"mining.suggest_difficulty","params":[0.00015]}`, `{"id":4,"result":true,"error":null}`, 0.00015},
		{`{"id":4,"method":"mining.suggest_difficulty(512)","params":[]}`, `{"id":4,"result":true,"error":null}`, 512},
		{`{"id":null,"method":"mining.suggest_difficulty","params":["64"]}`, "", 64},
		{`{"id":5,"method":"mining.suggest_target","params":["00000000ffff0000000000000000000000000000000000000000000000000000"]}`, `{"id":5,"result":true,"error":null}`, 1},
		{`{"id":5,"method":"mining.suggest_target","params":["zz"]}`, `{"id":5,"result":true,"error":null}`, 0},
		{`{"id":5,"method":"mining.suggest_difficulty","params":[0]}`, `{"id":5,"result":true,"error":null}`, 0},
		{`{"id":5,"method":"mining.suggest_difficulty","params":[]}`, `{"id":5,"result":true,"error":null}`, 0},
	} {
		m := miningMiner(t)
		m.read(tt.line)
		if tt.reply == "" {
			m.expect()
		} else {
			m.expect(tt.reply)
		}
		var want []work.Difficulty
		if tt.want != 0 {
			want = append(want, tt.want)
		}
		if !slices.Equal(m.wishes, want) {
			t.Errorf("%s: the house was told %v, want %v", tt.line, m.wishes, want)
		}
	}
}

// Firmware that reads whole numbers only has a floor, told with the open.
func TestFloorOfFirmware(t *testing.T) {
	for agent, want := range map[string]work.Difficulty{
		"cgminer/4.11.1": 1, "NiceHash/1.0.0": 524288, "NerdQAxe++/BM1370/v1.0.36": 1, "NerdMinerV2/V1.8": 0, "": 0,
	} {
		m := newMiner(t)
		m.read(`{"id":1,"method":"mining.subscribe","params":["` + agent + `"]}`)
		if len(m.asked) != 1 || m.asked[0].Kind != mining.Open || m.asked[0].Floor != want {
			t.Errorf("%q: asked %+v, want a floor of %v", agent, m.asked, want)
		}
	}
}

// A refusal may have words of its own; an accepted share has none.
func TestRefusalsText(t *testing.T) {
	m := miningMiner(t)
	m.verdict, m.text = mining.Invalid, "Ntime out of range"
	const submit = `{"id":4,"method":"mining.submit","params":["u","00000001","00000000","504e86b9","00000001"]}`
	m.read(submit)
	m.expect(`{"id":4,"result":null,"error":[20,"Ntime out of range",null]}`)
	m.verdict = mining.Accepted
	m.read(submit)
	m.expect(`{"id":4,"result":true,"error":null}`)
}
