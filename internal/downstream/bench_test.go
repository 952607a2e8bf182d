package downstream_test

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit/turns"
)

// BenchmarkMemory is allocations: of a session until its miner has work, and of a share
// from its line to its reply. x_json is how many times as long encoding/json takes to
// read the same lines into values and to write the replies.
func BenchmarkMemory(b *testing.B) {
	hello := []string{
		`{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}`,
		`{"id":2,"method":"mining.authorize","params":["u","x"]}`,
	}
	line := `{"id":4,"method":"mining.submit","params":["u","00000001","00000000","504e86ed","b2957c02","00002000"]}`
	byJSON := func(lines ...string) func() {
		return func() {
			in := bufio.NewScanner(strings.NewReader(strings.Join(lines, "\n")))
			for out := json.NewEncoder(io.Discard); in.Scan(); {
				var m struct {
					ID     any    `json:"id"`
					Method string `json:"method"`
					Params []any  `json:"params"`
				}
				if err := json.Unmarshal(in.Bytes(), &m); err != nil {
					b.Fatal(err)
				}
				if err := out.Encode(map[string]any{"id": m.ID, "result": true, "error": nil}); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("connection", func(b *testing.B) {
		turns.Compare(b, func() { miningMiner(b) }, turns.Than("x_json", byJSON(hello...)))
	})
	b.Run("share", func(b *testing.B) {
		m := miningMiner(b)
		raw := []byte(line)
		var out downstream.Out
		turns.Compare(b, func() {
			req, err := m.s.Line(raw, m.now, &out)
			if err != nil {
				b.Fatal(err)
			}
			m.s.Answer(mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}, &out)
			m.s.Flush(&out)
			out.Reset()
		}, turns.Than("x_json", byJSON(line)))
	})
}
