package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
)

// builds is where binaries are built; TestMain makes and removes it.
var builds string

func buildDir() string { return builds }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "loka-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	builds = dir
	code := m.Run()
	loka.Remove()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// loka is the product's binary.
var loka = process.Binary{Root: filepath.Join("..", "..")}

// program is a started program.
type program struct {
	*process.Process

	t    *testing.T
	name string
	out  process.Output
}

// start runs a program until the test ends. What it wrote is logged if the test fails.
func start(t *testing.T, bin string, args ...string) *program {
	t.Helper()
	p := &program{t: t, name: filepath.Base(bin) + " " + strings.Join(args[:min(2, len(args))], " ")}
	var err error
	if p.Process, err = process.Start(&p.out, t.TempDir(), bin, args...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("--- %s\n%s", p.name, p.out.Tail(6000))
		}
	})
	return p
}

// stop asks the program to end, and wants it to do so well.
func (p *program) stop() {
	p.t.Helper()
	p.end()
	if err := p.Err(); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

// end asks the program to end, and kills it if it does not.
func (p *program) end() {
	p.t.Helper()
	if err := p.Stop(20 * time.Second); errors.Is(err, process.ErrLate) {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

// within waits for a condition to come true.
func within(t *testing.T, what string, cond func() bool) {
	t.Helper()
	const patience = 90 * time.Second
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
