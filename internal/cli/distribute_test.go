package cli

import (
	"net/http"
	"strings"
	"testing"
)

const divided = `{"id":7,"pool":"main","reference":"tx\u001b1","from":"2026-01-31T00:00:00Z","to":"2026-02-01T00:00:00Z","amount_sat":1000,"computed":false,"at":"2026-02-01T01:00:00Z",
 "distributions":[{"by":"worker","at":"2026-02-01T01:00:00Z","rule":"largest remainders","parts":[
  {"name":"alice.rig1","work":3000000,"amount_sat":750},{"name":"","work":1000000,"amount_sat":250}]}]}`

func TestDistribute(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"--amount 1000":                    `"amount_sat":1000,"by":"worker"}`,
		"--amount 0.01BTC --by user":       `"amount_sat":1000000,"by":"user"}`,
		"--amount 21000000btc":             `"amount_sat":2100000000000000,"by":"worker"}`,
		"--amount 1.23456789BTC --note hi": `"amount_sat":123456789,"by":"worker","note":"hi"}`,
		"--computed":                       `"computed":true,"by":"worker"}`,
	} {
		addr, asked := ordered(t, http.StatusOK, "application/json", divided)
		b := newBench()
		args := append([]string{"distribute", "--pool", "main", "--reference", "tx 1", "--from", "2026-01-31", "--to", "2026-02-01"}, strings.Fields(line)...)
		code := b.run(append(args, "--http", addr, "--token", "s3cret")...)
		if code != exitOK || *asked != `POST /api/v1/payouts application/json {"pool":"main","reference":"tx 1","from":"2026-01-31","to":"2026-02-01",`+want {
			t.Errorf("%s: exit code %d, asked %q, said %q", line, code, *asked, b.stderr)
		}
		const table = `payout 7 of pool main, reference tx?1: 1000 satoshi paid from 2026-01-31T00:00:00Z to 2026-02-01T00:00:00Z
WORKER      WORK     PERCENT  SATOSHI
alice.rig1  3000000  75.0000  750
(no user)   1000000  25.0000  250
sum         4000000           1000
rounding: largest remainders
`
		if got := b.stdout.String(); got != table {
			t.Errorf("%s: said\n%s", line, got)
		}
	}
}

func TestDistributeJSON(t *testing.T) {
	t.Parallel()
	args := []string{"distribute", "--pool", "main", "--reference", "r", "--from", "a", "--to", "b", "--computed", "--token", "s3cret", "--http"}
	addr, _ := ordered(t, http.StatusOK, "application/json", divided)
	b := newBench()
	if code := b.run(append(args, addr, "--json")...); code != exitOK || b.stdout.String() != divided+"\n" {
		t.Errorf("exit code %d, said %q%q", code, b.stdout, b.stderr)
	}
	addr, _ = ordered(t, http.StatusConflict, "application/problem+json", `{"detail":"says another thing"}`)
	b = newBench()
	if code := b.run(append(args, addr)...); code != exitFailed || b.stderr.String() != "loka: says another thing\n" {
		t.Errorf("exit code %d, said %q", code, b.stderr)
	}
	addr, _ = ordered(t, http.StatusOK, "application/json", `{}`)
	b = newBench()
	if code := b.run(append(args, addr)...); code != exitFailed || !strings.Contains(b.stderr.String(), "is it a loka of this version?") {
		t.Errorf("exit code %d, said %q", code, b.stderr)
	}
}

func TestDistributeRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                              "give either --amount",
		"--amount 5 --computed":         "give either --amount",
		"--amount 0":                    "--amount 0 is no amount; write satoshi such as 1234567, or bitcoin such as 0.01234567BTC",
		"--amount=-5":                   "--amount -5 is no amount",
		"--amount 1.5":                  "--amount 1.5 is no amount",
		"--amount 0.000000001BTC":       "is no amount",
		"--amount BTC":                  "is no amount",
		"--amount 0BTC":                 "is no amount",
		"--amount 1e3":                  "is no amount",
		"--amount 21000001BTC":          "is no amount",
		"--amount 5 --by pool":          "--by must be one of \"worker\",\"user\"",
		"--amount 5 --reference":        "see `loka distribute --help`",
		"--amount 99999999999999999999": "is no amount",
	} {
		b := newBench()
		code := b.run(append([]string{"distribute", "--pool", "main", "--reference", "r", "--from", "a", "--to", "b", "--http", "127.0.0.1:1"}, strings.Fields(line)...)...)
		if code != exitUsage || !strings.Contains(b.stderr.String(), want) {
			t.Errorf("%s: exit code %d, said %q", line, code, b.stderr)
		}
	}
	b := newBench()
	if code := b.run("distribute", "--amount", "5"); code != exitUsage || !strings.Contains(b.stderr.String(), "missing flags: --from=TIME, --pool=NAME, --reference=TEXT, --to=TIME") {
		t.Errorf("without a pool: exit code %d, said %q", code, b.stderr)
	}
}
