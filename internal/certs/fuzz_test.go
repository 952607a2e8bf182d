package certs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/loka/stratum/internal/certs"
)

// Files of certificates and keys are read or refused, whatever is in them, and an
// error never repeats what is in the key's.
func FuzzKeyPair(f *testing.F) {
	dir := f.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"), []byte(""))
	f.Add([]byte(""), []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, chain, private []byte) {
		for path, text := range map[string][]byte{cert: chain, key: private} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if read, err := certs.ReadChain(cert); err == nil {
			if pair, err := certs.ReadKey(read, key); err == nil && len(pair.Certificate) == 0 {
				t.Error("a pair without a certificate")
			}
		}
		if pool, err := certs.ReadCA(cert); err == nil && pool.Equal(nil) {
			t.Error("no pool and no error")
		}
	})
}
