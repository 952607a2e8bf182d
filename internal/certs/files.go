package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
)

// maxFile bounds a PEM file, in bytes. The certificates of a hundred issuers are
// below it.
const maxFile = 1 << 20

// read reads a file that is not longer than it may be.
func read(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s is longer than 1 MiB, which no file of certificates is", path)
	}
	return text, nil
}

// NoCertificateError says that there is no certificate in a file.
type NoCertificateError struct{ Path string }

// Error describes it.
func (e *NoCertificateError) Error() string {
	return e.Path + " has no certificate; it begins with -----BEGIN CERTIFICATE-----"
}

// ReadChain reads the PEM file of a certificate and of its issuers.
func ReadChain(path string) ([]byte, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, &NoCertificateError{path}
		}
		if block.Type == "CERTIFICATE" {
			return text, nil
		}
	}
}

// ReadKey reads the PEM file of the key of a chain. Errors do not repeat any of it.
func ReadKey(chain []byte, path string) (pair tls.Certificate, err error) {
	text, err := read(path)
	if err != nil {
		return pair, err
	}
	return pairOf(chain, text, path)
}

func pairOf(chain, key []byte, path string) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return pair, fmt.Errorf("%s is not the private key of cert, without a passphrase, as PEM (%w)", path, err)
	}
	return pair, nil
}

// ReadCA reads the PEM file of certificates that may sign others.
func ReadCA(path string) (*x509.CertPool, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	return authoritiesOf(text, path)
}

func authoritiesOf(text []byte, path string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &NoCertificateError{path}
	}
	return pool, nil
}

// material is what there is in a listener's files. It is immutable.
type material struct {
	// sum is of all that was read.
	sum [sha256.Size]byte
	// pairs has at least one.
	pairs []tls.Certificate
	// authorities is nil where miners show no certificates.
	authorities *x509.CertPool
	list        []Certificate
}

// load reads what a listener is told to. own are the certificates that sign
// themselves, for one that names no files.
func (s *Spec) load(own func() ([]tls.Certificate, error)) (m *material, err error) {
	m = &material{}
	sum := sha256.New()
	if s.Cert == "" {
		m.pairs, err = own()
	} else {
		m.pairs, err = s.pair(sum)
	}
	if err != nil {
		return nil, err
	}
	if s.Clients != NoClients {
		text, err := read(s.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("client_ca: %w", err)
		}
		if m.authorities, err = authoritiesOf(text, s.ClientCA); err != nil {
			return nil, fmt.Errorf("client_ca: %w", err)
		}
		_, _ = sum.Write(text)
	}
	for i := range m.pairs {
		_, _ = sum.Write(m.pairs[i].Certificate[0])
		m.list = append(m.list, describe(m.pairs[i].Leaf))
	}
	sum.Sum(m.sum[:0])
	return m, nil
}

// pair reads the operator's files, and adds them to a sum.
func (s *Spec) pair(sum io.Writer) ([]tls.Certificate, error) {
	chain, err := ReadChain(s.Cert)
	if err != nil {
		return nil, fmt.Errorf("cert: %w", err)
	}
	key, err := read(s.Key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	pair, err := pairOf(chain, key, s.Key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	_, _ = sum.Write(chain)
	_, _ = sum.Write(key)
	return []tls.Certificate{pair}, nil
}
