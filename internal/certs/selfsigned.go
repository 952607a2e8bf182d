package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
)

const (
	// lifetime is long: whoever pins a fingerprint does not want to do it again.
	lifetime = 10 * 365 * 24 * time.Hour
	// backdated is how far a miner's clock may be behind.
	backdated = 24 * time.Hour
	rsaBits   = 2048
	// maxNames bounds the names in a certificate, for a machine with very many
	// addresses: firmware has small buffers.
	maxNames = 64
)

// own are the certificates that sign themselves: one by ECDSA and one by RSA, which
// old firmware needs. Those that are in dir are read, those that are not are made.
// Certificate and key are in one file, so that they are always each other's.
func own(dir string, hosts []string, now time.Time) ([]tls.Certificate, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for certificates: %w", err)
	}
	var pairs []tls.Certificate
	for _, kind := range []string{ECDSA, RSA} {
		path := filepath.Join(dir, kind+".pem")
		text, err := read(path)
		if errors.Is(err, fs.ErrNotExist) {
			text, err = makeOwn(kind, path, hosts, now)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		pair, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, fmt.Errorf("%s is not what was written there (%w): put it back, or remove it to have another certificate made", path, err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// makeOwn makes a certificate and its key and keeps both.
func makeOwn(kind, path string, hosts []string, now time.Time) ([]byte, error) {
	var key crypto.Signer
	var err error
	usage := x509.KeyUsageDigitalSignature
	if kind == RSA {
		usage |= x509.KeyUsageKeyEncipherment // for the key exchange without forward secrecy
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: "loka stratum"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(lifetime),
		KeyUsage: usage, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, host := range hosts[:min(len(hosts), maxNames)] {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return text.Bytes(), atomicfile.Write(path, text.Bytes())
}

// Hosts are the names that this machine may be reached by: its own, localhost, and
// its addresses but those of a link.
func Hosts() []string {
	hosts := []string{"localhost"}
	if name, err := os.Hostname(); err == nil && dnsName(name) && name != "localhost" {
		hosts = append(hosts, name)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil { // nobody can be asked; the names are left
		addrs = nil
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
			hosts = append(hosts, n.IP.String())
		}
	}
	return hosts
}

// dnsName says that a name can be in a certificate.
func dnsName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
