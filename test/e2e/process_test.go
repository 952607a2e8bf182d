package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
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
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// loka builds the product's binary, once.
var loka = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(buildDir(), "loka")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/loka")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

// process is a started program.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	out  output
	done chan struct{}
	err  error // valid after done
}

// output collects what a process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs a program until the test ends. What it wrote is logged if the test fails.
func start(t *testing.T, bin string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(bin) + " " + strings.Join(args[:min(2, len(args))], " "), done: make(chan struct{})}
	p.cmd = exec.Command(bin, args...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			text := p.out.String()
			t.Logf("--- %s\n%s", p.name, text[max(0, len(text)-6000):])
		}
	})
	return p
}

// stop asks the program to end, and wants it to do so well.
func (p *process) stop() {
	p.t.Helper()
	p.end()
	if p.err != nil {
		p.t.Errorf("%s: %v", p.name, p.err)
	}
}

// end asks the program to end, and kills it if it does not.
func (p *process) end() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.t.Errorf("%s does not end", p.name)
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ended reports whether the program has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// freePort is a loopback address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
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
