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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
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
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return nil // it was refused before the dial was done
	case err != nil:
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
