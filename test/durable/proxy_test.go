package durable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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
	"time"

	"github.com/loka/stratum/internal/view"
)

// patience bounds what takes moments.
const patience = 40 * time.Second

// proxy is where lives of `loka start` are, one after the other, with the same
// files and addresses.
type proxy struct {
	t                       *testing.T
	bin, file, dir          string
	shared, dedicated, http string // addresses
	said                    output

	cmd  *exec.Cmd
	done chan struct{} // closed when the life has ended
	err  error         // how it did; valid after done
}

// output collects what processes write.
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

// newProxy configures a proxy before a pool: a route that shares its connections, one
// that does not, each at an address of its own. No life has begun.
func newProxy(t *testing.T, pool, data, storage string) *proxy {
	t.Helper()
	p := &proxy{t: t, bin: loka(t), dir: data, shared: freePort(t), dedicated: freePort(t), http: freePort(t)}
	p.file = filepath.Join(t.TempDir(), "loka.toml")
	text := fmt.Sprintf(`data_dir = %q
[server]
listen = [%q]
shutdown_timeout = "15s"
[http]
listen = %q
[storage]
url = %q
[vardiff]
min = 1e-10
fixed = %g
[[pool]]
name = "main"
url = %q
username = "ACCOUNT"
password = "x"
[[listener]]
address = %q
[[route]]
name = "each"
mode = "dedicated"
pools = ["main"]
match.listen = %q
[[route]]
name = "farm"
mode = "shared"
pools = ["main"]
`, data, p.shared, p.http, storage, difficulty, pool, p.dedicated, p.dedicated)
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd != nil {
			_ = p.cmd.Process.Kill()
			<-p.done
		}
		if t.Failed() {
			text := p.said.String()
			t.Logf("--- loka\n%s", text[max(0, len(text)-8000):])
		}
	})
	return p
}

// freePort is a loopback address that was free a moment ago, of a host that no
// outgoing connection has its port from.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.7:0")
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// begin begins a life.
func (p *proxy) begin() {
	p.t.Helper()
	_, _ = fmt.Fprintln(&p.said, "--- a life begins")
	p.cmd = exec.Command(p.bin, "start", "-c", p.file)
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LOKA_") })
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, done := p.cmd, make(chan struct{})
	p.done = done
	go func() {
		p.err = cmd.Wait()
		close(done)
	}()
}

// start begins a life and waits until it serves.
func (p *proxy) start() {
	p.t.Helper()
	p.begin()
	await(p.t, "the proxy to be ready", patience, func() bool { return p.ready() || p.ended() })
	if p.ended() {
		p.t.Fatalf("the proxy has ended: %v", p.err)
	}
}

func (p *proxy) ready() bool {
	resp, err := http.Get("http://" + p.http + "/ready")
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

// kill ends the life as a crash does, and says when.
func (p *proxy) kill() time.Time {
	p.t.Helper()
	at := time.Now()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
	p.cmd = nil
	return at
}

// stop ends the life in good order.
func (p *proxy) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
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
	p.cmd = nil
}

// read asks the API for what it has at a path.
func (p *proxy) read(path string) ([]byte, error) {
	resp, err := http.Get("http://" + p.http + path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK && path != "/health" {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, body)
	}
	return body, err
}

// get asks the API for a document.
func (p *proxy) get(path string, to any) {
	p.t.Helper()
	body, err := p.read(path)
	if err == nil {
		err = json.Unmarshal(body, to)
	}
	if err != nil {
		p.t.Fatalf("%s: %v", path, err)
	}
}

// checks are what /health says.
func (p *proxy) checks() view.Health {
	var h view.Health
	if body, err := p.read("/health"); err == nil {
		_ = json.Unmarshal(body, &h)
	}
	return h
}

// says waits until a check of /health has a status.
func (p *proxy) says(check, status string, atMost time.Duration) view.Check {
	p.t.Helper()
	var last view.Check
	await(p.t, fmt.Sprintf("/health to say that %s is %s", check, status), atMost, func() bool {
		last = p.checks().Checks[check]
		return last.Status == status || p.ended()
	})
	if p.ended() {
		p.t.Fatalf("the proxy has ended: %v", p.err)
	}
	return last
}
