package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit"
)

// authority has signed the certificates of all servers here. This process trusts it, for
// package shoutrrr's mail verifies by what the system trusts and by nothing else.
var authority *testkit.Authority

func TestMain(m *testing.M) {
	code, err := trusting(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func trusting(run func() int) (code int, err error) {
	if authority, err = testkit.NewAuthority("the tests of sinks", time.Now()); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "sinks")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(file, authority.Cert, 0o600); err != nil {
		return 0, err
	}
	if err := os.Setenv("SSL_CERT_FILE", file); err != nil {
		return 0, err
	}
	return run(), nil
}

// served is the TLS of a server of these names.
func served(t *testing.T, names ...string) *tls.Config {
	t.Helper()
	pair, err := authority.Sign(testkit.Wanted{CommonName: names[0], Names: names, From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// internet has the chats' hosts in this process: whatever is dialled is the handler, by
// TLS, and by a certificate that is verified.
func internet(t *testing.T, handler http.Handler) *http.Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = served(t, "slack.com", "hooks.slack.com", "api.telegram.org", "discord.com")
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.Cert) {
		t.Fatal("its own certificate is none")
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
