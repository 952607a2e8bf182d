package sim

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// easy is a difficulty of 43 hashes a share, so that tests are about shares and
// not about hashing.
const easy = 1e-8

// startPool runs a pool until the test ends.
func startPool(t *testing.T, cfg PoolConfig) *Pool {
	t.Helper()
	if cfg.Difficulty == 0 {
		cfg.Difficulty = easy
	}
	p, err := NewPool(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	background(t, p.Run)
	return p
}

// startMiners runs a swarm until the test ends. Failures are logged.
func startMiners(t *testing.T, cfg MinersConfig) *Miners {
	t.Helper()
	if cfg.Hashrate == 0 {
		cfg.Hashrate = 2000 // about 46 shares a second
	}
	w, err := NewMiners(cfg)
	if err != nil {
		t.Fatal(err)
	}
	background(t, w.Run)
	return w
}

func background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// within waits for a condition to come true.
func within(t *testing.T, what string, cond func() bool) {
	t.Helper()
	const patience = 20 * time.Second
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// failures collects what miners complain of.
type failures struct {
	mu  sync.Mutex
	all []Failure
}

func (f *failures) add(one Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, one)
}

func (f *failures) list() []Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Failure(nil), f.all...)
}
