package app

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
)

// What the file says of a pool's certificate is what its connections go by.
func TestTrustOfPools(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	cert := server.Certificate()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	fingerprint := fmt.Sprintf("%X", sha256.Sum256(cert.Raw))
	other := fmt.Sprintf("%x", sha256.Sum256(nil))
	for name, c := range map[string]struct {
		more  string
		taken bool
	}{
		"nothing said":       {"", false},
		"its issuer":         {fmt.Sprintf("ca = %q", ca), true},
		"its fingerprint":    {fmt.Sprintf("fingerprints = [%q, %q]", other, fingerprint), true},
		"another one's":      {fmt.Sprintf("fingerprints = [%q]", other), false},
		"issuer and another": {fmt.Sprintf("ca = %q\nfingerprints = [%q]", ca, other), false},
	} {
		text := fmt.Sprintf("[[pool]]\nurl = \"stratum+ssl://%s\"\nusername = \"a\"\n%s\n", server.Listener.Addr(), c.more)
		cfg, problems := config.Load([]byte(text), "test.toml", config.Options{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		h, err := hubConfig(cfg, "test")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := dial.New(dial.Config{}).Dial(t.Context(), h.Pools[0].Endpoint)
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
}
