package testkit

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// KeyPair makes a certificate that signs itself, for the names and until then, and
// its key, both as PEM: ECDSA, or RSA.
func KeyPair(until time.Time, withRSA bool, names ...string) (cert, key []byte, err error) {
	signer, err := newKey(withRSA)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until, DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	return PairPEM(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: signer})
}

// KeyPairFiles is KeyPair in two files in dir, and returns their paths.
func KeyPairFiles(dir string, until time.Time, withRSA bool, names ...string) (cert, key string, err error) {
	certPEM, keyPEM, err := KeyPair(until, withRSA, names...)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, text := range map[string][]byte{cert: certPEM, key: keyPEM} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return "", "", err //nolint:wrapcheck // it names the file
		}
	}
	return cert, key, nil
}
