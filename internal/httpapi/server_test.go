package httpapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server on loopback; stop ends it and waits.
func start(t *testing.T, cfg Config, deps Deps) (url string, stop func() error) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	s := New(cfg, deps)
	if s.Addr() != nil {
		t.Error("an address before Listen")
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return "http://" + s.Addr().String(), func() error { cancel(); return <-done }
}

func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func TestServerServesAndStops(t *testing.T) {
	deps, _ := newDeps()
	url, stop := start(t, Config{}, deps)
	c := client(t)
	resp, err := c.Get(url + "/api/v1/summary")
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(data), "1.2.3") {
		t.Errorf("%d %v %s", resp.StatusCode, err, data)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if resp, err := c.Get(url + "/live"); err == nil {
		_ = resp.Body.Close()
		t.Error("still there after the stop")
	}
}

func TestServerFinishesWhatIsInFlight(t *testing.T) {
	deps, _ := newDeps()
	began, release := make(chan struct{}), make(chan struct{})
	deps.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-release
		_, _ = w.Write([]byte("finished"))
	})
	url, stop := start(t, Config{}, deps)
	got := make(chan string, 1)
	c := client(t)
	go func() {
		resp, err := c.Get(url + "/")
		if err != nil {
			got <- err.Error()
			return
		}
		data, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		got <- string(data)
	}()
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(release)
	if s := <-got; s != "finished" {
		t.Errorf("the request in flight got %q", s)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestServerCutsOffTheSlow: a client that does not let go is cut off, and what was done for
// it has ended when the server has.
func TestServerCutsOffTheSlow(t *testing.T) {
	deps, _ := newDeps()
	began, cut, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ended := false
	deps.Page = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(cut)
		<-release
		ended = true
	})
	url, stop := start(t, Config{ShutdownTimeout: time.Millisecond}, deps)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	<-cut
	select {
	case err := <-stopped:
		t.Fatalf("it has stopped (%v), and a request goes on", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-stopped; err != nil || !ended {
		t.Errorf("%v; the request has ended: %t", err, ended)
	}
}

func TestServerBoundsConnections(t *testing.T) {
	deps, _ := newDeps()
	url, stop := start(t, Config{MaxConnections: 1}, deps)
	first, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Write([]byte("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(make([]byte, 1)); err != nil { // it is served, so it holds the place
		t.Fatal(err)
	}
	second, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Error("the second connection was served")
	}
	_ = second.Close()
	_ = first.Close()
	c := client(t)
	for try := 0; ; try++ { // the place is free again as soon as the server has seen the close
		resp, err := c.Get(url + "/live")
		if err == nil {
			_ = resp.Body.Close()
			break
		}
		if try > 1000 {
			t.Fatalf("the place was not given back: %v", err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestServerWithoutAnAddress(t *testing.T) {
	deps, _ := newDeps()
	if err := New(Config{}, deps).Run(t.Context()); err == nil {
		t.Error("Run before Listen is no error")
	}
	if err := New(Config{Listen: "256.0.0.1:1"}, deps).Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "256.0.0.1:1") {
		t.Errorf("an address that cannot be: %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "0.0.0.0:1": false, "[::]:1": false, "192.0.2.1:1": false} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil || Loopback(tcp) != want {
			t.Errorf("%s: %v, %v", addr, !want, err)
		}
	}
	if Loopback(&net.UnixAddr{}) {
		t.Error("not TCP")
	}
}
