package app_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/testkit/process"
)

// encrypt is an address at which plain connections are taken and go on to another
// one as TLS, asking for a name.
func encrypt(t *testing.T, to, name string) string {
	t.Helper()
	return serveTCP(t, func(plain net.Conn) {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: name}}
		encrypted, err := dialer.DialContext(t.Context(), "tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		join(plain, encrypted)
	})
}

// Miners with TLS and without mine at one port, and the name that one asks for is
// its route's.
func TestMinersByTLS(t *testing.T) {
	t.Parallel()
	cert, key, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t}
	pools := []*sim.Pool{runPool(t, sim.PoolConfig{Difficulty: 1e-6, Seed: 1}), runPool(t, sim.PoolConfig{Difficulty: 1e-6, Seed: 2})}
	r.proxy(poolText("main", pools[0]) + poolText("other", pools[1]) +
		fmt.Sprintf("[[listener]]\naddress = \"127.0.0.1:0\"\ntls = \"optional\"\ncert = %q\nkey = %q\n", cert, key) +
		"[[route]]\nname = \"vip\"\npools = [\"other\"]\nmatch.server_name = \"VIP.*\"\n" +
		"[[route]]\nname = \"main\"\npools = [\"main\"]\n")
	r.await("all routes to be ready", 20*time.Second, r.allReady)
	port := r.app.Addrs().Miners[1]
	other := strings.TrimPrefix(pools[1].URL(), "stratum+tcp://")
	for i, c := range []struct{ addr, name, connect, route string }{
		{port, "", "", "main"},
		{encrypt(t, port, ""), "", "", "main"},
		{encrypt(t, port, "vip.example.com"), "vip.example.com", "", "vip"},
		{encrypt(t, port, "vip.example.com"), "vip.example.com", other, "vip"},
	} {
		user := fmt.Sprintf("m%d", i)
		r.addr = c.addr
		finish := r.mine(sim.MinersConfig{
			Connect: c.connect, User: user, ExactUser: true, Manners: []sim.Manner{sim.CGMiner}, Hashrate: 20_000,
		})
		r.await("a share from "+user, 40*time.Second, func() bool {
			w, ok := r.model.Worker(user)
			return ok && w.PoolAccepted > 0 && w.Route == c.route
		})
		for _, m := range r.model.Miners() {
			if m.TLS != (c.addr != port) || m.ServerName != c.name || m.Connect != c.connect {
				t.Errorf("%s is shown as %+v", user, m)
			}
		}
		finish()
		r.await(user+" to be gone", 20*time.Second, func() bool { return len(r.model.Miners()) == 0 })
	}
}

// A certificate that was renewed in its files is taken with a reload, though no key
// has changed; who is connected stays.
func TestReloadTakesRenewedCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	renew := func() (cert, key string) {
		cert, key, err := testkit.KeyPairFiles(dir, time.Now().Add(time.Hour), false)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	cert, key := renew()
	r := &rig{t: t}
	r.proxy(poolText("main", runPool(t, sim.PoolConfig{Difficulty: 1e-6, Seed: 1})) +
		fmt.Sprintf("[[listener]]\naddress = %q\ntls = \"required\"\ncert = %q\nkey = %q\n", process.FreePort(t), cert, key))
	connect := func() (conn *tls.Conn, certificate string) {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
		c, err := dialer.DialContext(t.Context(), "tcp", r.app.Addrs().Miners[1])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		conn, _ = c.(*tls.Conn)
		return conn, string(conn.ConnectionState().PeerCertificates[0].Raw)
	}
	before, old := connect()
	if _, err := io.WriteString(before, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"); err != nil {
		t.Fatal(err)
	}
	r.await("the miner to be there", 20*time.Second, func() bool { return len(r.model.Miners()) == 1 })
	renew()
	if done, err := r.app.Reload(t.Context(), ""); err != nil || len(done.Changes) != 0 || done.Closed != 0 {
		t.Fatalf("reload: %+v, %v", done, err)
	}
	if _, now := connect(); now == old {
		t.Error("a miner that connects after the reload is still given the old certificate")
	}
	if _, err := before.Read(make([]byte, 1)); err != nil {
		t.Errorf("the miner that was connected: %v", err)
	}
}
