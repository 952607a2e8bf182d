package app_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/testkit/process"
)

// simpleJobs is a pool that has work, readyIn how long it may take to be known.
var simpleJobs = sim.PoolConfig{Difficulty: 1e-6, Seed: 1}

const readyIn = 20 * time.Second

// asked is what the API answers.
func (r *rig) asked(path string) string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.app.Addrs().HTTP+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	testkit.Hear(r.t, "GET "+path, text)
	return string(text)
}

func (r *rig) listeners() []httpapi.Listener {
	r.t.Helper()
	var list httpapi.ListenerList
	if err := json.Unmarshal([]byte(r.asked("/api/v1/listeners")), &list); err != nil {
		r.t.Fatal(err)
	}
	return list.Listeners
}

// shownAt is the SHA-256 of the certificate that an RSA or an ECDSA client is shown.
func shownAt(t *testing.T, addr string, cfg *tls.Config) (string, *tls.Conn) {
	t.Helper()
	dialer := tls.Dialer{Config: cfg}
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := conn.(*tls.Conn)
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:]), c
}

// A listener without files has certificates that sign themselves, which API, health
// and metrics know, and which the next start has, too.
func TestOwnCertificates(t *testing.T) {
	t.Parallel()
	r := &rig{t: t}
	text := poolText("main", runPool(t, simpleJobs)) + "[[listener]]\naddress = \"127.0.0.1:0\"\ntls = \"optional\"\n"
	r.proxy(text)
	all := r.listeners()
	if len(all) != 2 || len(all[0].Certificates) != 0 || len(all[1].Certificates) != 2 || all[1].TLS != "optional" {
		t.Fatalf("%+v", all)
	}
	for i, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} {
		got, _ := shownAt(t, r.app.Addrs().Miners[1], &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		c := all[1].Certificates[i]
		if got != c.Fingerprint || !c.SelfSigned || !strings.HasPrefix(c.PEM, "-----BEGIN CERTIFICATE-----") || strings.Contains(c.PEM, "PRIVATE") {
			t.Errorf("is shown %s, listed %+v", got, c)
		}
		want := fmt.Sprintf("loka_tls_certificate_expiry_timestamp_seconds{kind=%q,listener=\"127.0.0.1:0\"} %.6e", c.Kind, float64(c.NotAfter.Unix()))
		if metrics := r.asked("/metrics"); !strings.Contains(metrics, want[:len(want)-6]) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if check := r.model.Health().Checks["tls"]; check.Status != "ok" {
		t.Errorf("%+v", check)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.again(text)
	again := r.listeners()
	for i := range again[1].Certificates {
		if again[1].Certificates[i].Fingerprint != all[1].Certificates[i].Fingerprint {
			t.Error("the next start has other certificates")
		}
	}
}

// What a listener is told of TLS changes with a reload for who connects from then on;
// a pair that cannot be used changes nothing and is told with its place.
func TestReloadTLS(t *testing.T) {
	t.Parallel()
	authority, err := testkit.NewAuthority("farm", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, authority.Cert, 0o600); err != nil {
		t.Fatal(err)
	}
	miner, err := authority.Sign(testkit.Wanted{CommonName: "rig7", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := testkit.KeyPairFiles(dir, time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	pool := poolText("main", runPool(t, simpleJobs))
	port := process.FreePort(t)
	listener := func(more string) string {
		return pool + fmt.Sprintf("[[listener]]\naddress = %q\n%s\n", port, more)
	}
	r := &rig{t: t}
	r.proxy(listener(`tls = "off"`))
	reload := func(more string) error {
		r.file.write(r.dir, listener(more))
		_, err := r.app.Reload(t.Context(), "")
		return err
	}
	subscribe := func(conn *tls.Conn) error {
		_, _ = io.WriteString(conn, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n")
		_, err := bufio.NewReader(conn).ReadString('\n')
		return err
	}
	if err := reload(fmt.Sprintf("tls = \"required\"\ncert = %q\nkey = %q", cert, key)); err != nil {
		t.Fatal(err)
	}
	first, old := shownAt(t, port, &tls.Config{InsecureSkipVerify: true})
	if err := subscribe(old); err != nil {
		t.Error(err)
	}
	// It expires within 14 days.
	if check := r.model.Health().Checks["tls"]; check.Status != "degraded" || !strings.Contains(check.Detail, port) || check.Advice == "" {
		t.Errorf("%+v", check)
	}
	if err := os.WriteFile(key, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reload("tls = \"required\"\ncert = \"" + cert + "\"\nkey = \"" + key + "\""); err == nil || !strings.Contains(err.Error(), "listener[0].key") {
		t.Errorf("a broken key: %v", err)
	}
	if got, conn := shownAt(t, port, &tls.Config{InsecureSkipVerify: true}); got != first || subscribe(conn) != nil {
		t.Error("what is broken has taken the place of what was there")
	}
	if err := reload(fmt.Sprintf("tls = \"required\"\nclient_ca = %q\nclient_certificates = \"required\"", ca)); err != nil {
		t.Fatal(err)
	}
	got, conn := shownAt(t, port, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{miner}})
	if err := subscribe(conn); err != nil || got == first {
		t.Errorf("with a certificate: %v", err)
	}
	r.await("the miner to be shown by its certificate's name", readyIn, func() bool {
		for _, m := range r.model.Miners() {
			if m.ClientName == "rig7" {
				return true
			}
		}
		return false
	})
	if _, conn := shownAt(t, port, &tls.Config{InsecureSkipVerify: true}); subscribe(conn) == nil {
		t.Error("a miner without a certificate is in")
	}
	const refused = `loka_connections_closed_total{reason="tls_client_certificate",side="downstream"} 1`
	r.await("it to be counted", readyIn, func() bool { return strings.Contains(r.asked("/metrics"), refused) }) // it is told before
	if err := old.SetDeadline(time.Now().Add(readyIn)); err != nil {
		t.Fatal(err)
	}
	if err := subscribe(old); err != nil {
		t.Errorf("the miner that was connected: %v", err)
	}
}
