package attack

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"text/template"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/testkit/process"
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

	*process.Process

	t    *testing.T
	said process.Output
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
	bin, err := loka.Path()
	if err != nil {
		t.Fatalf("the binary cannot be built: %v", err)
	}
	dir := t.TempDir()
	p := &proxy{t: t, place: place{
		Data: filepath.Join(dir, "data"), Pool: pool, Plain: process.FreePort(t), TLS: process.FreePort(t), HTTP: process.FreePort(t),
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
	if p.Process, err = process.Start(&p.said, dir, bin, "start", "-c", file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	if in := await(t, "the proxy to be ready", patience, func() bool { return p.ready() || p.Ended() }); !in || p.Ended() {
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

// stop ends the process in good order, and shows what it said if the test has failed.
func (p *proxy) stop() {
	if p.Ended() {
		p.t.Errorf("the proxy has ended by itself: %v", p.Err())
	}
	if err := p.Stop(patience); err != nil {
		p.t.Errorf("the proxy: %v", err)
	}
	fmt.Printf("log of loka: %d bytes\n", p.said.Len())
	if p.t.Failed() {
		p.t.Logf("its end:\n%s", p.said.Tail(6000))
	}
}
