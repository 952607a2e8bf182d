package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/watch"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	cfg := load(t, "[[pool]]\nurl = \"a:1\"\nusername = \"u\"\n", Options{})
	if watch.Config(cfg.Watch) != watch.Defaults() || cfg.Pools[0].OnPayoutChange != PayoutAlert {
		t.Errorf("by default: %+v, %+v", cfg.Watch, cfg.Pools[0])
	}
	cfg = load(t, `
[[pool]]
url = "a:1"
username = "u"
payout = ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"]
pool_tag = "*/ViaBTC/*"
on_payout_change = "failover"
[watch]
tip_lag = "0s"
job_flood = 7
calm = "1m"
`, Options{})
	if p := cfg.Pools[0]; len(p.Payout) != 2 || p.PoolTag != "*/ViaBTC/*" || p.OnPayoutChange != PayoutFailover {
		t.Errorf("%+v", p)
	}
	if w := cfg.Watch; w.TipLag != 0 || w.JobFlood != 7 || w.Calm != time.Minute || w.TipAlone != watch.Defaults().TipAlone {
		t.Errorf("%+v", w)
	}
	cfg = load(t, "[[pool]]\nurl = \"a:1\"\nusername = \"u\"\npool_tag = \"x\"\npayout = [\"00\"]\non_payout_change = \"ignore\"\n", Options{})
	if len(cfg.Notes) != 2 {
		t.Errorf("notes: %v", cfg.Notes)
	}
}

func TestWatchProblems(t *testing.T) {
	t.Parallel()
	text := `[[pool]]
url = "a:1"
username = "u"
payout = ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "00"]
pool_tag = "` + strings.Repeat("x", 101) + `"
on_payout_change = "run"
[watch]
tip_lag = "-1s"
height_back = -1
difficulty_jump = 0.5
credit_short = 1.5
calm = "10000h"
`
	_, problems := Load([]byte(text), "f.toml", Options{})
	got := make([]string, 0, len(problems))
	for _, p := range problems {
		got = append(got, p.String())
	}
	slices.Sort(got)
	for i, want := range []string{
		`f.toml:10:`, `f.toml:11:`, `f.toml:12:`, `f.toml:4:11: pool[0].payout[0]: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5" is neither a Bitcoin address nor an output script in hex; write an address`,
		`f.toml:5:`, `f.toml:6:`, `f.toml:8:`, `f.toml:9:`,
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("problem %d: want %s…, got %q", i, want, got)
			break
		}
	}
	if len(got) != 8 {
		t.Errorf("%d problems:\n%s", len(got), strings.Join(got, "\n"))
	}
}
