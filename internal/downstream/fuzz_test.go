package downstream_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// Lines that are seeds besides the handshakes: shares as captured from cgminer,
// Bitaxe, Whatsminer and NerdMiner, and what trips servers over.
var fuzzLines = []string{
	`{"id":4,"method":"mining.submit","params":["slush.miner1","bf","00000001","504e86ed","b2957c02"]}`,
	`{"id":5,"method":"mining.submit","params":["bc1q.bitaxe","1b4c3d9041","00000001","640ae2ce","14b0a2b4","006a0000"]}`,
	`{"params":["spotbtc1.m30s40x16","2","147a3f0000000000","6436eddf","41d5deb0","00000000"],"id":2196,"method":"mining.submit"}`,
	`{"id":5,"method":"mining.submit","params":["u","00000001","00000000","0","2"]}`,
	`{"id":6,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"zz"}]}`,
	`{"id":7,"method":"pong","params":[]}`,
	`{"id":9,"method":"mining.suggest_difficulty(1024)","params":[]}`,
	`[{"id":1}]`, `{"id":1,"id":2}`, `{"id":1,"method":"\ud800"}`, "GET / HTTP/1.1", `{"id":{},"method":"mining.ping"}`,
}

// FuzzLines feeds a session any lines. It must not panic, must say nothing
// but JSON lines, at most one reply a line, and nothing while it is blocked;
// what is handed to the house must be whole.
func FuzzLines(f *testing.F) {
	for _, h := range interleavings() {
		var all []string
		for _, lines := range h.reads {
			all = append(all, lines...)
		}
		f.Add([]byte(strings.Join(append(all, fuzzLines...), "\n")), uint64(0x5a))
	}
	f.Fuzz(func(t *testing.T, data []byte, when uint64) {
		cfg := downstream.DefaultConfig()
		s := downstream.NewV1(&cfg, "0000002a", epoch)
		var out downstream.Out
		var waiting []mining.Request
		lines, replies := 0, 0
		answer := func() {
			for _, req := range waiting {
				a := mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted, VersionMask: work.MaskBIP320, Extranonce2Size: 4}
				a.Extranonce1, _ = work.MakeExtranonce([]byte{1, 2, 3, 4})
				s.Answer(a, &out)
			}
			waiting = nil
		}
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if s.Blocked() {
				answer()
			}
			lines++
			req, err := s.Line(line, epoch.Add(time.Duration(lines)*time.Second), &out)
			if err != nil {
				break
			}
			if req != nil {
				checkRequest(t, req)
				waiting = append(waiting, *req)
			}
			s.Work(assigned(someWork(mining.JobID(lines))))
			if when>>(lines%64)&1 != 0 {
				answer()
			}
			s.Flush(&out)
		}
		answer()
		for _, frame := range out.Frames() {
			if !json.Valid(frame.Data) || bytes.IndexByte(frame.Data, '\n') != len(frame.Data)-1 {
				t.Errorf("sent %q", frame.Data)
			}
			if frame.Class == downstream.Reply || frame.Class == downstream.Gate {
				replies++
			}
		}
		if replies > lines {
			t.Errorf("%d replies to %d lines", replies, lines)
		}
	})
}

func checkRequest(t *testing.T, req *mining.Request) {
	t.Helper()
	switch req.Kind {
	case mining.Submit:
		if !req.Share.Known || req.Worker == nil && req.Ticket != math.MaxUint64 || req.Share.Extranonce2.Len() != 4 {
			t.Errorf("submit %+v", req)
		}
	case mining.Authorize:
		if req.Worker == nil || req.Worker.Login == "" {
			t.Errorf("authorize %+v", req)
		}
	case mining.Negotiate:
		if req.VersionMask == 0 {
			t.Errorf("negotiate %+v", req)
		}
	case mining.Open:
		if len(req.UserAgent) > 128 {
			t.Errorf("open %+v", req)
		}
	case mining.Suggest:
		if !req.Difficulty.Valid() {
			t.Errorf("suggest %+v", req)
		}
	default:
		t.Errorf("request of kind %d", req.Kind)
	}
}
