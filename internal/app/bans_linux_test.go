package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/view"
)

// visitor is a miner that says what it is told to.
type visitor struct {
	net.Conn

	lines *bufio.Reader
}

// visit connects from an address of this machine; it is nil where the connection is
// not let in.
func (r *rig) visit(from, login string) *visitor {
	r.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(r.t.Context(), "tcp", r.addr)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil // it was refused before it knew that it was connected
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	v := &visitor{c, bufio.NewReader(c)}
	if !v.ask(`{"id":1,"method":"mining.subscribe","params":["test"]}`, `"id":1`) ||
		!v.ask(fmt.Sprintf(`{"id":2,"method":"mining.authorize","params":[%q,"x"]}`, login), `"id":2,"result":true`) {
		return nil
	}
	return v
}

// ask sends a line and reads until one with the answer; false where the connection
// ends first.
func (v *visitor) ask(line, answer string) bool {
	if _, err := io.WriteString(v, line+"\n"); err != nil {
		return false
	}
	for {
		text, err := v.lines.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.Contains(text, answer) {
			return true
		}
	}
}

// closed waits for the end of the connection.
func (v *visitor) closed(t *testing.T) {
	t.Helper()
	if _, err := io.Copy(io.Discard, v.lines); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection is open: %v", err)
	}
}

// api asks the proxy's API for a change, or reads.
func (r *rig) api(method, path, body string) string {
	r.t.Helper()
	token, err := os.ReadFile(filepath.Join(r.dir, "api.token"))
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.app.Addrs().HTTP+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err != nil || res.StatusCode >= 300 {
		r.t.Errorf("%s %s: %s %s %v", method, path, res.Status, text, err)
	}
	return string(text)
}

// TestBans bans an address and pauses a worker of a running proxy, over a restart.
func TestBans(t *testing.T) {
	r := startWith(t, sim.PoolConfig{}, "")
	text := poolText("main", r.pool)
	one, other := r.visit("127.0.0.2", "farm.a"), r.visit("127.0.0.3", "farm.b")
	if one == nil || other == nil {
		t.Fatal("nobody is banned, and not let in")
	}
	if got := r.api("POST", "/api/v1/bans", `{"address":"127.0.0.2","comment":"test"}`); !strings.Contains(got, `"closed":1`) {
		t.Errorf("banned: %s", got)
	}
	one.closed(t)
	if r.visit("127.0.0.2", "farm.c") != nil {
		t.Error("who is banned is let in")
	}
	if !other.ask(`{"id":3,"method":"mining.ping","params":[]}`, `"id":3`) {
		t.Error("who is not banned is closed")
	}

	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.again(text)
	r.await("ready", 10*time.Second, r.model.Ready)
	if r.visit("127.0.0.2", "farm.a") != nil {
		t.Error("after a restart who is banned is let in")
	}
	other = r.visit("127.0.0.3", "farm.b")
	if other == nil {
		t.Fatal("after a restart others are not let in")
	}
	if got := r.api("POST", "/api/v1/workers/farm.b/pause", ``); !strings.Contains(got, `"closed":1`) {
		t.Errorf("paused: %s", got)
	}
	other.closed(t)
	r.api("POST", "/api/v1/workers/farm.b/resume", ``)
	r.api("DELETE", "/api/v1/bans?address=127.0.0.2", ``)
	if r.visit("127.0.0.2", "farm.a") == nil || r.visit("127.0.0.3", "farm.b") == nil {
		t.Error("who was let in again is not")
	}
	metrics := r.api("GET", "/metrics", "")
	for _, want := range []string{
		`loka_bans_added_total{cause="operator",kind="pause"} 1`,
		`loka_connections_closed_total{reason="banned",side="downstream"} 1`,
		`loka_connections_closed_total{reason="paused",side="downstream"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// A route that asks for no secret lets in nobody who is paused or banned.
func TestBansHoldOnEveryRoute(t *testing.T) {
	r := startWith(t, sim.PoolConfig{}, "[logins]\npassword = \"s3cret\"\n[[route]]\nname = \"farm\"\npools = [\"main\"]\nskip = [\"threat\", \"rate_limit\", \"patterns\", \"logins\"]\n")
	r.api("POST", "/api/v1/workers/farm.a/pause", ``)
	if r.visit("127.0.0.2", "farm.b") == nil {
		t.Error("who is not paused is kept out")
	}
	c := r.raw()
	c.ask(1, subscribes)
	if got := c.ask(2, authorizes("farm.a", "x")); got != `"result":false,"error":[24,"Paused by the operator",null]` {
		t.Errorf("who is paused is told %s", got)
	}
	r.expectMetric(`loka_logins_refused_total{cause="gate"} 1`)
	r.expectMetric(`loka_requests_refused_total{kind="authorize",middleware="bans"} 1`)
}

// gated lets connections through to a pool once it is opened, and not before.
func gated(t *testing.T, pool string) (addr string, open func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gate, done := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	pass := func(in net.Conn) {
		defer func() { _ = in.Close() }()
		select {
		case <-gate:
		case <-done:
			return
		}
		out, err := net.Dial("tcp", pool)
		if err != nil {
			return
		}
		wg.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { pass(in) })
		}
	})
	t.Cleanup(func() {
		close(done)
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String(), sync.OnceFunc(func() { close(gate) })
}

// TestPauseWhileLoggingIn pauses a worker while its login waits for a pool: it is granted
// then, and ended all the same.
func TestPauseWhileLoggingIn(t *testing.T) {
	r := &rig{t: t, pool: runPool(t, sim.PoolConfig{})}
	addr, open := gated(t, strings.TrimPrefix(r.pool.URL(), "stratum+tcp://"))
	r.proxy("[[pool]]\nname = \"main\"\nurl = \"stratum+tcp://" + addr + "\"\nusername = \"ACCOUNT\"\npassword = \"x\"\n")
	miners := make(map[string]*raw)
	for _, login := range []string{"farm.paused", "farm.other"} {
		c := r.raw()
		if _, err := fmt.Fprintf(c.conn, "{\"id\":1,%s}\n", authorizes(login, "x")); err != nil {
			t.Fatal(err)
		}
		miners[login] = c
	}
	r.await("both to wait for a pool", 10*time.Second, func() bool {
		all := r.model.Miners()
		return len(all) == 2 && !slices.ContainsFunc(all, func(m view.Miner) bool { return m.BytesIn == 0 })
	})
	if got := r.api("POST", "/api/v1/workers/farm.paused/pause", ``); !strings.Contains(got, `"closed":0`) {
		t.Errorf("paused: %s", got)
	}
	r.await("the book to have looked for whom to end", 10*time.Second, func() bool {
		return slices.Contains(r.metrics("loka_bans{"), `loka_bans{cause="operator",kind="pause"} 1`)
	})
	open()
	for login, c := range miners {
		if line, err := c.in.ReadString('\n'); err != nil || !strings.Contains(line, `"result":true`) {
			t.Fatalf("%s: %q, %v", login, line, err)
		}
	}
	if _, err := io.Copy(io.Discard, miners["farm.paused"].in); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("who was paused mines: %v", err)
	}
	if got := miners["farm.other"].ask(9, `"method":"mining.ping","params":[]`); got == "" {
		t.Error("who was not is closed")
	}
}
