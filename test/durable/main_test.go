package durable

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/pg"
	"github.com/loka/stratum/internal/testkit/process"
)

// built is the product's binary, built once.
var built = process.Binary{Root: filepath.Join("..", "..")}

// servers has the PostgreSQL of these tests. Who stops it starts it again.
var servers pg.Lazy

func TestMain(m *testing.M) {
	code := m.Run()
	if err := servers.Close(os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	built.Remove()
	os.Exit(code)
}

// loka is the product's binary.
func loka(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("LOKA_BINARY"); path != "" {
		return path // by the process that has started this one
	}
	path, err := built.Path()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// wanted is a variable that says for how long, or how often, a test runs; without
// it the test is skipped.
func wanted[T any](t *testing.T, variable, target string, parse func(string) (T, error)) T {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		t.Skip("takes its time: make " + target)
	}
	n, err := parse(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// chance is what a test draws from: LOKA_SEED, or another each time, which is said.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) % 1e9
	if text := os.Getenv("LOKA_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("LOKA_SEED: %v", err)
		}
	}
	t.Logf("LOKA_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// between draws a time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

// await polls until something is so; atMost is a bound against hanging, not a
// measurement.
func await(t *testing.T, what string, atMost time.Duration, so func() bool) {
	t.Helper()
	late := time.NewTimer(atMost)
	defer late.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			if !so() {
				t.Fatalf("waited %v for %s in vain", atMost, what)
			}
			return
		}
	}
}

// pass lets time pass while whatever runs does; it returns early, false, if over
// is closed.
func pass(d time.Duration, over <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-over:
		return false
	}
}
