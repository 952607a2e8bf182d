package e2e

import (
	"os"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// relayDuration is how long TestProxyRelaysEveryShare mines, unless LOKA_E2E_RELAY
// says another duration.
const relayDuration = 10 * time.Second

// TestProxyRelaysEveryShare puts all manners on the proxy at a high share rate,
// before a pool that changes jobs, blocks and difficulties, and compares what
// the pool accepted with what the miners were told. Nobody may complain.
func TestProxyRelaysEveryShare(t *testing.T) {
	bin, err := loka.Path()
	if err != nil {
		t.Fatalf("the binary cannot be built: %v", err)
	}
	duration := relayDuration
	if text := os.Getenv("LOKA_E2E_RELAY"); text != "" {
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	audit := sim.NewAudit()
	pool, err := sim.NewPool(sim.PoolConfig{
		Difficulty: 1e-8, Strict: true, OnShare: audit.Pool, JobInterval: 500 * time.Millisecond, BlockInterval: 3 * time.Second,
		Quirks: sim.Quirks{Jitter: 5 * time.Millisecond, DifficultyEvery: 2 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, pool.Run)
	proxy := startProxy(t, bin, "--pool", pool.URL(), "--user", "e2e", "--mode", "dedicated")

	var mu sync.Mutex
	var complaints []sim.Failure
	miners, err := sim.NewMiners(sim.MinersConfig{
		Pool: proxy.miners, User: "farm", Count: 16, Hashrate: 4000, OnShare: audit.Miner,
		OnFailure: func(f sim.Failure) {
			mu.Lock()
			defer mu.Unlock()
			complaints = append(complaints, f)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, miners.Run)
	within(t, "all mine", func() bool { return miners.Stats().Mining == 16 || proxy.Ended() })
	time.Sleep(duration)
	miners.Pause(true)
	within(t, "all answered", func() bool { return miners.Settled() || proxy.Ended() })
	proxy.stop()

	mu.Lock()
	defer mu.Unlock()
	report, st := audit.Report(), miners.Stats()
	t.Logf("%s; rejected %v", report, st.Rejected)
	if err := report.Err(); err != nil || report.Matched == 0 || report.Unheard > 0 {
		t.Errorf("%s: %v", report, err)
	}
	for i, f := range complaints[:min(len(complaints), 10)] {
		t.Errorf("complaint %d of %d: %s: %s: %s", i+1, len(complaints), f.Manner, f.Text, f.Line)
	}
	if n := st.Rejected[20] + st.Rejected[22] + st.Rejected[23] + st.Rejected[24] + st.Rejected[25]; n > 0 {
		t.Errorf("rejected for other reasons than stale: %v", st.Rejected)
		for _, m := range st.Miners {
			t.Logf("%s: %v", m.Worker, m.Rejected)
		}
	}
	if ps := pool.Stats(); ps.Untidy > 0 {
		t.Errorf("%d untidy lines: %s", ps.Untidy, ps.LastUntidy)
	}
}
