package config

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// ReadCA reads a PEM file of certificates that may sign others.
func ReadCA(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate; it begins with -----BEGIN CERTIFICATE-----", path)
	}
	return pool, nil
}

// ReadKeyPair reads the PEM files of a certificate, with those of its issuers
// after it, and of its private key.
func ReadKeyPair(certFile, keyFile string) (tls.Certificate, error) {
	chain, err := readChain(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return readKey(chain, keyFile)
}

func readChain(path string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("%s has no certificate; it begins with -----BEGIN CERTIFICATE-----", path)
		}
		if block.Type == "CERTIFICATE" {
			return text, nil
		}
	}
}

// readKey reads the key of a chain. Errors do not repeat any of it.
func readKey(chain []byte, path string) (pair tls.Certificate, err error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own file
	if err != nil {
		return pair, fmt.Errorf("cannot be read: %w", err)
	}
	if pair, err = tls.X509KeyPair(chain, text); err != nil {
		return pair, fmt.Errorf("%s is not the private key of cert, without a passphrase, as PEM (%w)", path, err)
	}
	return pair, nil
}

// checkKeyPair checks with what a listener speaks TLS.
func (l *loader) checkKeyPair(at string, one Listener) {
	if one.TLS == TLSOff {
		return
	}
	cert, key := join(at, "cert"), join(at, "key")
	if one.Cert == "" {
		l.missing(cert, `no certificate, which TLS needs; write cert = "FILE.pem"`)
	}
	if one.Key == "" {
		l.missing(key, `no private key, which TLS needs; write key = "FILE.pem"`)
	}
	if one.Cert == "" || one.Key == "" {
		return
	}
	chain, err := readChain(one.Cert)
	if err != nil {
		l.add(cert, "%v", err)
		return
	}
	if _, err := readKey(chain, one.Key); err != nil {
		l.add(key, "%v", err)
	}
}

// ParseFingerprint reads the SHA-256 fingerprint of a certificate: 64 hex digits,
// with colons between the bytes or without.
func ParseFingerprint(text string) (digest [sha256.Size]byte, err error) {
	digits := strings.ReplaceAll(text, ":", "")
	if n, err := hex.Decode(digest[:], []byte(digits[:min(len(digits), 2*sha256.Size)])); err != nil || n != sha256.Size || len(digits) != 2*sha256.Size {
		return digest, fmt.Errorf("%q is no SHA-256 fingerprint; write its 64 hex digits, as openssl x509 -noout -fingerprint -sha256 prints them", text)
	}
	return digest, nil
}
