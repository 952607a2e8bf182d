package durable

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
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
	said                    process.Output

	// life is the one there is, or was last; nil before the first.
	life *process.Process
}

// newProxy configures a proxy before a pool: a route that shares its connections, one
// that does not, each at an address of its own. No life has begun.
func newProxy(t *testing.T, pool, data, storage string) *proxy {
	t.Helper()
	p := &proxy{t: t, bin: loka(t), dir: data, shared: process.FreePort(t), dedicated: process.FreePort(t), http: process.FreePort(t)}
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
		if p.life != nil {
			p.life.Kill()
		}
		if t.Failed() {
			t.Logf("--- loka\n%s", p.said.Tail(8000))
		}
	})
	return p
}

// begin begins a life.
func (p *proxy) begin() {
	p.t.Helper()
	_, _ = fmt.Fprintln(&p.said, "--- a life begins")
	var err error
	if p.life, err = process.Start(&p.said, "", p.bin, "start", "-c", p.file); err != nil {
		p.t.Fatal(err)
	}
}

// start begins a life and waits until it serves.
func (p *proxy) start() {
	p.t.Helper()
	p.begin()
	await(p.t, "the proxy to be ready", patience, func() bool { return p.ready() || p.ended() })
	if p.ended() {
		p.t.Fatalf("the proxy has ended: %v", p.life.Err())
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

func (p *proxy) ended() bool { return p.life.Ended() }

// kill ends the life as a crash does, and says when.
func (p *proxy) kill() time.Time {
	p.t.Helper()
	if p.life.Ended() {
		p.t.Fatalf("the proxy has ended by itself: %v", p.life.Err())
	}
	at := time.Now()
	p.life.Kill()
	return at
}

// stop ends the life in good order.
func (p *proxy) stop() {
	p.t.Helper()
	if p.life.Ended() {
		p.t.Errorf("the proxy has ended by itself: %v", p.life.Err())
	}
	if err := p.life.Stop(patience); err != nil {
		p.t.Errorf("the proxy: %v", err)
	}
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
		p.t.Fatalf("the proxy has ended: %v", p.life.Err())
	}
	return last
}
