package certs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/testkit"
)

// Files of certificates and keys are read or refused, whatever is in them, and an
// error never repeats what is in the key's.
func FuzzKeyPair(f *testing.F) {
	dir := f.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	whole, _, err := testkit.KeyPair(time.Unix(4_000_000_000, 0), false, "farm.example.com")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"), []byte(""))
	f.Add(whole, []byte("-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5LCBidXQgYXMgbG9uZyBhcyBvbmU=\n-----END PRIVATE KEY-----\n"))
	f.Add(whole, []byte("bm90IGEga2V5LCBidXQgYXMgbG9uZyBhcyBvbmU=\n"))
	f.Add([]byte(""), []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, chain, private []byte) {
		for path, text := range map[string][]byte{cert: chain, key: private} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if read, err := certs.ReadChain(cert); err == nil {
			pair, err := certs.ReadKey(read, key)
			switch {
			case err == nil && len(pair.Certificate) == 0:
				t.Error("a pair without a certificate")
			case err != nil && repeats(err.Error(), string(private)):
				t.Errorf("the error has a line of the key: %v", err)
			}
		}
		if pool, err := certs.ReadCA(cert); err == nil && pool.Equal(nil) {
			t.Error("no pool and no error")
		}
	})
}

// repeats says that a text has a line of a key, too long to be there by chance. The
// names of a PEM file's blocks are none, and may be told.
func repeats(text, key string) bool {
	const telling = 24
	var names, lines []string
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-----") {
			names = append(names, line)
		} else if len(line) >= telling {
			lines = append(lines, line)
		}
	}
	for _, line := range lines {
		if strings.Contains(text, line) && !strings.Contains(strings.Join(names, "\n"), line) {
			return true
		}
	}
	return false
}
