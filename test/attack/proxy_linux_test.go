package attack

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
)

// configuration is what is attacked; the fields of place are filled in.
const configuration = "testdata/loka.toml"

// place is where everything of one proxy is.
type place struct {
	Data, Pool, Plain, TLS, HTTP, Cert, Key string
}

// file is the configuration with it filled in.
func (p place) file() ([]byte, error) {
	form, err := template.ParseFiles(configuration)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = form.Execute(&text, p)
	return text.Bytes(), err
}

// proxy is a running loka.
type proxy struct {
	place

	t    *testing.T
	cmd  *exec.Cmd
	said output
	done chan struct{} // closed when it has ended
	err  error         // how it did; valid after done
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

// tail is the end of what was written, and how much that was.
func (o *output) tail() (text string, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.buf.Bytes()
	return string(b[max(0, len(b)-6000):]), len(b)
}

// startPool runs a pool until the test ends. It has a job a second and no new block: a
// real one comes every ten minutes, and the shares that it makes stale would be a tenth
// of all in a phase that lasts a second. How late a job comes is measured with any job.
func startPool(t *testing.T) *sim.Pool {
	t.Helper()
	pool, err := sim.NewPool(sim.PoolConfig{
		Seed: 1, Difficulty: 1e-6, JobInterval: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(t.Context()) }()
	t.Cleanup(func() { // t's context has ended by now
		if err := <-ended; err != nil {
			t.Errorf("the pool ended with: %v", err)
		}
	})
	return pool
}

// startProxy starts loka and waits until it serves. It ends with the test, in good
// order.
func startProxy(t *testing.T, pool string) *proxy {
	t.Helper()
	bin, err := product()
	if err != nil {
		t.Fatalf("the binary cannot be built: %v", err)
	}
	dir := t.TempDir()
	p := &proxy{t: t, done: make(chan struct{}), place: place{
		Data: filepath.Join(dir, "data"), Pool: pool, Plain: freePort(t), TLS: freePort(t), HTTP: freePort(t),
	}}
	if p.Cert, p.Key, err = testkit.KeyPairFiles(dir, time.Now().Add(time.Hour), false, "farm.example"); err != nil {
		t.Fatal(err)
	}
	text, err := p.file()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "loka.toml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(bin, "start", "-c", file)
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LOKA_") })
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.stop)
	if in := await(t, "the proxy to be ready", patience, func() bool { return p.ready() || p.ended() }); !in || p.ended() {
		t.FailNow()
	}
	return p
}

func (p *proxy) ready() bool {
	resp, err := http.Get("http://" + p.HTTP + "/ready")
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode == http.StatusOK
}

func (p *proxy) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process in good order, and shows what it said if the test has failed.
func (p *proxy) stop() {
	if p.ended() {
		p.t.Errorf("the proxy has ended by itself: %v", p.err)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Errorf("the proxy ended with: %v", p.err)
		}
	case <-late.C:
		p.t.Error("the proxy does not end")
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	text, size := p.said.tail()
	fmt.Printf("log of loka: %d bytes\n", size)
	if p.t.Failed() {
		p.t.Logf("its end:\n%s", text)
	}
}

// freePort is a loopback address that was free a moment ago, of a port that no
// outgoing connection has.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
