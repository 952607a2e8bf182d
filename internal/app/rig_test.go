package app_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/view"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		beChild(role)
	}
	goleak.VerifyTestMain(m)
}

// childVariable makes a test binary something else: a process that a benchmark needs
// beside its own. Its value says what.
const childVariable = "LOKA_BENCH_CHILD"

// dedicated is the route that these tests are about.
const dedicated = "[[route]]\nname = \"farm\"\nmode = \"dedicated\"\npools = [\"main\"]\n"

// rig is a pool, the proxy and whoever mines there, on loopback.
type rig struct {
	t     *testing.T
	pool  *sim.Pool
	audit *sim.Audit
	told  func(sim.ShareEvent) // hears what miners are told of their shares
	level slog.Level           // of the proxy's log
	dir   string               // the proxy's data_dir
	file  *fileText            // what it was configured by
	app   *app.App
	addr  string
	model *view.Model
	stop  func() error
	swarm *sim.Miners
}

// start runs a pool and a proxy before it, a connection for each miner.
func start(t *testing.T, pc sim.PoolConfig) *rig {
	t.Helper()
	return startWith(t, pc, dedicated)
}

// startWith runs a pool and a proxy before it, configured further by text.
func startWith(t *testing.T, pc sim.PoolConfig, text string) *rig {
	t.Helper()
	r := &rig{t: t, audit: sim.NewAudit()}
	r.told, pc.OnShare = r.audit.Miner, r.audit.Pool
	r.serve(pc, text)
	return r
}

// serve runs the pool and the proxy until the test ends.
func (r *rig) serve(pc sim.PoolConfig, text string) {
	r.t.Helper()
	r.pool = runPool(r.t, pc)
	r.proxy(poolText("main", r.pool) + text)
	r.await("ready", 10*time.Second, r.model.Ready)
}

// poolText is the configuration of a pool.
func poolText(name string, p *sim.Pool) string {
	return fmt.Sprintf("[[pool]]\nname = %q\nurl = %q\nusername = \"ACCOUNT\"\npassword = %q\n", name, p.URL(), testkit.Planted("pool"))
}

// runPool runs a pool until the test ends.
func runPool(t *testing.T, pc sim.PoolConfig) *sim.Pool {
	t.Helper()
	pool, err := sim.NewPool(pc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := pool.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	poolDone := make(chan error, 1)
	go func() { poolDone <- pool.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-poolDone; err != nil {
			t.Errorf("pool: %v", err)
		}
	})
	return pool
}

// proxy runs a proxy with the given configuration.
func (r *rig) proxy(text string) {
	r.t.Helper()
	r.dir = filepath.Join(r.t.TempDir(), "data")
	// The admin token is one that is known here, so that it is heard if anybody says it.
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "api.token"), []byte(testkit.Planted("admin-token-0123456789")+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.again(text)
}

// again runs a proxy in the directory of the one before.
func (r *rig) again(text string) {
	r.t.Helper()
	r.file = &fileText{}
	r.file.write(r.dir, text)
	whole, _ := r.file.Read()
	cfg, err := r.file.Load(whole)
	if err != nil {
		r.t.Fatal(err)
	}
	a, err := app.New(cfg, app.Deps{Version: "test", Source: r.file, Text: whole, Logger: slog.New(slog.NewTextHandler(testkit.Overhear(r.t, "the log", testWriter{r.t}), &slog.HandlerOptions{Level: r.level}))})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case <-a.Started():
	case err := <-done:
		cancel()
		r.t.Fatalf("the proxy did not start: %v", err)
	}
	r.app, r.model, r.addr = a, a.Model(), a.Addrs().Miners[0]
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	r.t.Cleanup(func() {
		if err := r.stop(); err != nil {
			r.t.Errorf("the proxy ended with: %v", err)
		}
	})
}

// fileText is a configuration file.
type fileText struct {
	mu   sync.Mutex
	text []byte
}

// write puts a text into it, after what a proxy of a test needs.
func (f *fileText) write(dir, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = fmt.Appendf(nil, "data_dir = %q\n[server]\nlisten = [\"127.0.0.1:0\"]\nshutdown_timeout = \"10s\"\n[http]\nlisten = \"127.0.0.1:0\"\n%s", dir, text)
}

func (*fileText) Name() string { return "test.toml" }

func (f *fileText) Read() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.text), nil
}

func (f *fileText) LoadSent(text []byte, _ []string) (*config.Config, error) { return f.Load(text) }

func (f *fileText) Load(text []byte) (*config.Config, error) {
	cfg, problems := config.Load(text, f.Name(), config.Options{})
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// patient miners do not leave because the machine is busy; soaks have those that do.
const patient = 10

// mine runs a swarm until the returned function is called, which lets what
// is on its way arrive first and returns the swarm's figures. Its miners are patient
// unless it is said how much.
func (r *rig) mine(mc sim.MinersConfig) (finish func() sim.MinersStats) {
	r.t.Helper()
	mc.Password = cmp.Or(mc.Password, testkit.Planted("miner"))
	mc.Pool, mc.OnShare, mc.Patience = r.addr, r.told, cmp.Or(mc.Patience, patient)
	miners, err := sim.NewMiners(mc)
	if err != nil {
		r.t.Fatal(err)
	}
	r.swarm = miners
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- miners.Run(ctx) }()
	finished := false
	finish = func() sim.MinersStats {
		if finished {
			return miners.Stats()
		}
		finished = true
		miners.Pause(true)
		r.await("every submit to be answered", 40*time.Second, miners.Settled)
		stats := miners.Stats()
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("miners: %v", err)
		}
		return stats
	}
	r.t.Cleanup(func() { finish() })
	return finish
}

// earn waits until each miner of the swarm has so many accepted shares.
func (r *rig) earn(shares uint64) {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			for _, m := range r.swarm.Stats().Miners {
				r.t.Logf("%s: %+v", m.Manner, m)
			}
		}
	}()
	r.await("every miner to earn", 40*time.Second, func() bool {
		workers := r.model.Workers(view.WorkerQuery{}).Workers
		for _, w := range workers {
			if w.Accepted < shares {
				return false
			}
		}
		return len(workers) == len(r.swarm.Stats().Miners)
	})
}

// await polls until cond holds; at most is a bound against hanging, not a
// measurement.
func (r *rig) await(what string, atMost time.Duration, cond func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(atMost)
	for !cond() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited %v for %s in vain", atMost, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// agree demands that pool, miners and our books tell the same.
func (r *rig) agree(stats sim.MinersStats) {
	r.t.Helper()
	if err := r.audit.Report().Err(); err != nil {
		r.t.Errorf("shares: %v", err)
	}
	theirs, ours := r.pool.Ledger().Total(), r.model.Summary().Shares
	if ours.Accepted != theirs.Accepted || ours.PoolAccepted != theirs.Accepted {
		r.t.Errorf("accepted: %d by our word, %d by the pool's in our book, %d in the pool's", ours.Accepted, ours.PoolAccepted, theirs.Accepted)
	}
	if got := theirs.RejectedTotal(); ours.PoolRejected != got {
		r.t.Errorf("rejected by the pool: %d in our book, %d in its own", ours.PoolRejected, got)
	}
	if stats.Accepted != theirs.Accepted {
		r.t.Errorf("miners were told of %d accepted shares, the pool accepted %d", stats.Accepted, theirs.Accepted)
	}
	if diff := ours.PoolWorkAccepted - theirs.Work; diff > 1e-9*theirs.Work || -diff > 1e-9*theirs.Work {
		r.t.Errorf("work accepted by the pool: %g in our book, %g in its own", ours.PoolWorkAccepted, theirs.Work)
	}
}

// testWriter logs into the test's output.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
