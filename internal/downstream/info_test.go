package downstream_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func TestInfo(t *testing.T) {
	m := newMiner(t)
	same := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b work.Extranonce) bool { return a == b })}
	if diff := cmp.Diff(downstream.Info{}, m.s.Info(), same); diff != "" {
		t.Errorf("at the start: %s", diff)
	}
	m.now = epoch.Add(time.Second)
	m.read(
		`{"id":1,"method":"mining.configure","params":[["version-rolling"]]}`,
		`{"id":2,"method":"mining.subscribe","params":["bitaxe/BM1370/v2.6.0"]}`,
		`{"id":3,"method":"mining.authorize","params":["u.b"]}`,
		`{"id":3,"method":"mining.authorize","params":["u.a"]}`,
	)
	m.now = epoch.Add(2 * time.Second)
	m.later = true
	m.read(`{"id":4,"method":"mining.submit","params":["u.a","00000001","00000000","504e86ed","b2957c02"]}`)
	m.now = epoch.Add(3 * time.Second)
	m.read("{", `{"id":5,"method":"what"}`)
	en1, _ := work.MakeExtranonce([]byte{8, 0, 0, 2})
	want := downstream.Info{
		State: downstream.Mining, UserAgent: "bitaxe/BM1370/v2.6.0", Workers: []string{"u.a", "u.b"},
		Difficulty: 1024, VersionMask: 0x1fffe000, Extranonce1: en1, Extranonce2Size: 4,
		Pending: 3, Malformed: 1, Unsupported: 1,
		LastLine: epoch.Add(3 * time.Second), LastShare: epoch.Add(2 * time.Second),
	}
	if diff := cmp.Diff(want, m.s.Info(), same); diff != "" {
		t.Error(diff)
	}
}

// What each firmware does not stand, by the user agent it is known by.
func TestWarnings(t *testing.T) {
	const wide, narrow, large = downstream.Extranonce2TooWide, downstream.Extranonce2TooNarrow, downstream.CoinbaseTooLarge
	tests := []struct {
		agent       string
		extranonce2 int
		suffix      int
		want        []downstream.Warning
	}{
		{"cgminer/4.11.1", 8, 6000, nil},
		{"cgminer/4.11.1", 9, 300, []downstream.Warning{wide}},
		{"cgminer/4.11.1", 4, 6300, []downstream.Warning{large}},
		{"bmminer/2.0.0", 9, 5000, []downstream.Warning{wide, large}},
		{"whatsminer/v1.0", 14, 300, []downstream.Warning{wide}},
		{"Antminer S21/Tue", 8, 3000, []downstream.Warning{large}},
		{"NerdMinerV2/V1.7.0", 8, 900, nil},
		{"NerdMinerV2/V1.7.0", 8, 1100, []downstream.Warning{large}},
		{"NiceHash/1.0.0", 3, 200, []downstream.Warning{narrow}},
		{"NiceHash/1.0.0", 4, 200, nil},
		{"xminer-1.2", 8, 16000, nil},
		{"somebody/1", 16, 60000, nil},
		{"", 16, 60000, nil},
	}
	for _, tt := range tests {
		t.Run(tt.agent, func(t *testing.T) {
			m := newMiner(t)
			m.later = true
			m.read(`{"id":2,"method":"mining.subscribe","params":["` + tt.agent + `"]}`)
			if got := m.s.Info().Warnings; got != nil {
				t.Errorf("warnings %v before anything is known", got)
			}
			w := someWork(1)
			w.Job.CoinbaseSuffix = make([]byte, tt.suffix)
			m.s.Answer(mining.Answer{Ticket: m.waiting[0].Ticket, Verdict: mining.Accepted, Extranonce2Size: tt.extranonce2}, &m.out)
			m.give(assigned(w))
			if got := m.s.Info().Warnings; !slices.Equal(got, tt.want) {
				t.Errorf("warnings %v, want %v", got, tt.want)
			}
		})
	}
}
