package e2e

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit/process"
	"github.com/loka/stratum/work"
)

const (
	// wantBlocks is how many blocks the node must take.
	wantBlocks = 3
	// shareDifficulty makes a miner of 50 kH/s find about one share a second.
	// Simnet's own difficulty is far lower, so every share is a block.
	shareDifficulty = "0.00001"
)

// TestSimMinesBlocks is the stage without the product: simulated miners on the
// simulated pool, in this process, mine blocks that btcd takes.
func TestSimMinesBlocks(t *testing.T) {
	n := startNode(t)
	audit := sim.NewAudit()
	pool, err := sim.NewPool(sim.PoolConfig{
		Node: sim.NewNode(n.url, rpcUser, rpcPassword), Difficulty: 1e-5, OnShare: audit.Pool,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, pool.Run)
	miners, err := sim.NewMiners(sim.MinersConfig{Pool: pool.URL(), OnShare: audit.Miner})
	if err != nil {
		t.Fatal(err)
	}
	run(t, miners.Run)
	within(t, "three blocks", func() bool { return n.height() >= wantBlocks })
	miners.Pause(true)
	within(t, "all answered", miners.Settled)
	within(t, "the pool has heard of the last block", func() bool { return pool.Stats().BestBlock == n.best() })
	st := pool.Stats()
	if st.BlocksRejected != 0 || st.BlocksAccepted != uint64(n.height()) {
		t.Errorf("height %d, accepted %d, rejected %d (%s)", n.height(), st.BlocksAccepted, st.BlocksRejected, st.LastReject)
	}
	if err := audit.Report().Err(); err != nil {
		t.Error(err)
	}
	if f := miners.Stats().Failures; f != 0 {
		t.Errorf("%d failures: %+v", f, miners.Stats().Miners)
	}
	ours(t, n)
}

// TestProxyMinesBlocks is the whole way with the real binary: node, pool,
// proxy, miners; without and with version rolling.
func TestProxyMinesBlocks(t *testing.T) {
	bin, err := loka.Path()
	if err != nil {
		t.Fatalf("the binary cannot be built: %v", err)
	}
	for _, rolling := range []bool{false, true} {
		t.Run(fmt.Sprintf("rolling=%t", rolling), func(t *testing.T) { mineThroughProxy(t, bin, rolling) })
	}
}

func mineThroughProxy(t *testing.T, bin string, rolling bool) {
	t.Helper()
	n := startNode(t)
	pool, poolAddr := startPool(t, bin, n)
	proxy := startProxy(t, bin, "--pool", "stratum+tcp://"+poolAddr, "--user", "e2e", "--mode", "dedicated")
	args := []string{"sim", "miners", "--pool", proxy.miners, "--user", "farm", "--every", "0", "--json"}
	if !rolling {
		args = append(args, "--no-version-rolling")
	}
	miners := start(t, bin, args...)
	within(t, "blocks through the proxy", func() bool {
		return n.height() >= wantBlocks && (!rolling || rolledVersions(t, n) > 0) || miners.Ended() || proxy.Ended()
	})
	miners.stop()
	checkBlocks(t, n, proxy)
	proxy.stop()
	pool.stop()
	mined := checkMiners(t, miners.out.String())
	credited := checkPool(t, n, pool.out.String())
	if credited < mined.Accepted || credited > mined.Accepted+mined.Unanswered {
		t.Errorf("the pool accepted %d shares, the miners heard of %d and not of %d", credited, mined.Accepted, mined.Unanswered)
	}
	ours(t, n)
	rolled := rolledVersions(t, n)
	t.Logf("%d blocks, %d of them with rolled versions", n.height(), rolled)
	if rolling != (rolled > 0) {
		t.Errorf("%d blocks with rolled versions, rolling is %t", rolled, rolling)
	}
}

// checkBlocks demands that every block of the chain is kept with its height, what it
// pays and who found it, once the store has it.
func checkBlocks(t *testing.T, n *node, proxy *proxyProcess) {
	t.Helper()
	within(t, "the blocks are kept", func() bool {
		var kept struct {
			Blocks []struct {
				Hash, Worker, Pool string
				Height             int
				Reward             int64  `json:"reward_sat"`
				Verdict            string `json:"pool_verdict"`
			}
		}
		proxy.get("/api/v1/blocks", &kept)
		found := make(map[int]string)
		for _, b := range kept.Blocks {
			if b.Verdict == "accepted" {
				found[b.Height] = b.Hash
			}
			if b.Reward < 50e8 || b.Pool != "main" || !strings.HasPrefix(b.Worker, "farm.") {
				t.Fatalf("a block is kept as %+v", b)
			}
		}
		for height := 1; height <= n.height(); height++ {
			var hash string
			n.call("getblockhash", &hash, height)
			if found[height] != hash {
				return false
			}
		}
		return true
	})
}

// startPool runs a strict simulated pool before the node until the test ends.
func startPool(t *testing.T, bin string, n *node, flags ...string) (pool *program, addr string) {
	t.Helper()
	addr = process.FreePort(t)
	pool = start(t, bin, append([]string{
		"sim", "pool", "--listen", addr, "--node", n.url, "--node-user", rpcUser,
		"--node-password", rpcPassword, "--difficulty", shareDifficulty, "--every", "0", "--strict", "--json",
	}, flags...)...)
	within(t, "the pool listens", func() bool { return strings.Contains(pool.out.String(), "pool at ") || pool.Ended() })
	return pool, addr
}

// proxyProcess is a started `loka start`.
type proxyProcess struct {
	*program

	miners, http string // its addresses
}

// startProxy runs the proxy until the test ends.
func startProxy(t *testing.T, bin string, flags ...string) *proxyProcess {
	t.Helper()
	p := &proxyProcess{miners: process.FreePort(t), http: process.FreePort(t)}
	p.program = start(t, bin, append([]string{"start", "--listen", p.miners, "--http", p.http, "--data", t.TempDir()}, flags...)...)
	within(t, "the proxy is ready", func() bool { return ready(p.http) || p.Ended() })
	if p.Ended() {
		t.Fatalf("the proxy has ended: %v", p.Err())
	}
	return p
}

// get asks the proxy's API for a document.
func (p *proxyProcess) get(path string, v any) {
	p.t.Helper()
	resp, err := http.Get("http://" + p.http + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
}

// checkMiners wants the miners' final figures to be free of trouble.
func checkMiners(t *testing.T, out string) (st sim.MinersStats) {
	t.Helper()
	decodeTail(t, out, &st)
	if st.Accepted == 0 || st.Failures != 0 {
		t.Errorf("miners: %d accepted, %d failures", st.Accepted, st.Failures)
		for _, m := range st.Miners {
			t.Logf("%s: accepted %d, last failure %q, last end %q", m.Worker, m.Accepted, m.LastFailure, m.LastEnd)
		}
	}
	return st
}

// checkPool wants the strict pool to have found no fault with the proxy, and
// returns how many shares it accepted.
func checkPool(t *testing.T, n *node, out string) (accepted uint64) {
	t.Helper()
	var final struct {
		Stats  sim.PoolStats `json:"stats"`
		Shares sim.Tally     `json:"shares"`
	}
	decodeTail(t, out, &final)
	st := final.Stats
	if st.Untidy != 0 || st.BadLines != 0 {
		t.Errorf("the pool had to put up with %d untidy and %d bad lines: %s", st.Untidy, st.BadLines, st.LastUntidy)
	}
	if st.BlocksRejected != 0 {
		t.Errorf("btcd refused %d blocks: %s", st.BlocksRejected, st.LastReject)
	}
	if best := n.best(); st.BestBlock != best && st.BlocksAccepted >= uint64(n.height()) {
		t.Errorf("best block is %s, the pool's %s", best, st.BestBlock)
	}
	return final.Shares.Accepted
}

// decodeTail reads the JSON object that ends a program's output.
func decodeTail(t *testing.T, out string, v any) {
	t.Helper()
	at := strings.Index(out, "\n{\n")
	if strings.HasPrefix(out, "{\n") {
		at = 0
	}
	if at < 0 {
		t.Errorf("no JSON in the output: %s", out)
		return
	}
	if err := json.NewDecoder(strings.NewReader(out[at:])).Decode(v); err != nil {
		t.Errorf("final figures: %v", err)
	}
}

// ours checks that every block of the chain carries the simulated pool's tag.
func ours(t *testing.T, n *node) {
	t.Helper()
	height := n.height()
	if height < wantBlocks {
		t.Errorf("height %d, want at least %d", height, wantBlocks)
	}
	tag := hex.EncodeToString([]byte("/loka sim/"))
	for h := 1; h <= height; h++ {
		if !strings.Contains(n.block(h), tag) {
			t.Errorf("block %d is not ours", h)
		}
	}
}

// rolledVersions counts the blocks whose version has bits of BIP320's mask.
func rolledVersions(t *testing.T, n *node) (count int) {
	t.Helper()
	for h := 1; h <= n.height(); h++ {
		head, err := hex.DecodeString(n.block(h)[:8])
		if err != nil {
			t.Fatal(err)
		}
		if work.VersionMask(binary.LittleEndian.Uint32(head))&work.MaskBIP320 != 0 {
			count++
		}
	}
	return count
}

func ready(addr string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/ready", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// run runs something in the background until the test ends.
func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}
