package sim

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/work"
)

func TestStatsJSON(t *testing.T) {
	t.Parallel()
	en, err := work.ParseExtranonce([]byte("00ff0102"))
	if err != nil {
		t.Fatal(err)
	}
	tally := Tally{Submitted: 3, Accepted: 1, Work: 0.5, Rejected: Rejections{21: 2}}
	pool := PoolStats{
		Connections: 1, Connects: 2, BadLines: 3, BlocksAccepted: 1, BestBlock: "00",
		Conns: []PoolConn{{
			ID: 1, Remote: "h:1", UserAgent: "ua", Workers: []string{"w"}, Extranonce1: en,
			Difficulty: 1, VersionMask: work.MaskBIP320, Since: time.Unix(1e9, 0).UTC(),
		}},
	}
	miners := MinersStats{Tally: tally, Connected: 1, Miners: []MinerStats{{
		Tally: tally, Index: 0, Manner: CGMiner, Worker: "w", Connected: true, Extranonce1: en, Extranonce2Size: 8,
		VersionMask: work.MaskBIP320, JobAge: 1500 * time.Millisecond, Difficulty: 2,
	}}}
	wantJSON(t, tally, `{"submitted":3,"accepted":1,"work":0.5,"rejected":{"21":2}}`)
	wantJSON(t, Tally{}, `{"submitted":0,"accepted":0,"work":0,"rejected":{}}`)
	wantJSON(t, pool, `{"connections":1,"connects":2,"authorized":0,"lines":0,"bad_lines":3,"untidy":0,"last_untidy":"",`+
		`"unanswered":0,"height":0,"jobs":0,"blocks":0,"blocks_accepted":1,"blocks_rejected":0,"last_reject":"",`+
		`"best_block":"00","node_error":"","conns":[{"id":1,"remote":"h:1","user_agent":"ua","workers":["w"],`+
		`"difficulty":1,"since":"2001-09-09T01:46:40Z","version_mask":"1fffe000","extranonce1":"00ff0102"}]}`)
	wantJSON(t, miners, `{"submitted":3,"accepted":1,"work":0.5,"rejected":{"21":2},"miners":[`+
		`{"submitted":3,"accepted":1,"work":0.5,"rejected":{"21":2},"index":0,"manner":"cgminer","worker":"w",`+
		`"connected":true,"mining":false,"connects":0,"pending":0,"unanswered":0,"withheld":0,"failures":0,`+
		`"last_failure":"","lines":0,"chatter":0,"jobs":0,"hashes":0,"difficulty":2,"extranonce2_size":8,"last_end":"",`+
		`"version_mask":"1fffe000","extranonce1":"00ff0102","job_age_seconds":1.5}],`+
		`"connected":1,"mining":0,"pending":0,"unanswered":0,"withheld":0,"failures":0,"chatter":0,"hashes":0}`)
	for _, bad := range []string{`{"version_mask":"x"}`, `{"version_mask":"0","extranonce1":"x"}`, `[]`} {
		if json.Unmarshal([]byte(bad), new(MinerStats)) == nil || json.Unmarshal([]byte(bad), new(PoolConn)) == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// wantJSON checks a value's text, and that it can be read back.
func wantJSON[T any](t *testing.T, v T, want string) {
	t.Helper()
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%T: -want +got:\n%s", v, diff)
	}
	var back T
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != want {
		t.Errorf("%T read back, %v: %s", v, err, again)
	}
}
