package testkit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// Authority signs certificates.
type Authority struct {
	// Cert is its own, as PEM.
	Cert []byte

	cert *x509.Certificate
	key  crypto.Signer
}

// Wanted is a certificate that an [Authority] signs.
type Wanted struct {
	// CommonName and Names are whose it is.
	CommonName string
	Names      []string
	// From and Until are when it is valid.
	From, Until time.Time
	// RSA asks for a key of that kind in place of one by ECDSA.
	RSA bool
	// Usage is what it may be used for; none is anything.
	Usage []x509.ExtKeyUsage
}

// NewAuthority makes one that is valid for a day before and after now.
func NewAuthority(name string, now time.Time) (*Authority, error) {
	key, err := newKey(false)
	if err != nil {
		return nil, err
	}
	a := &Authority{key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	a.Cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// Sign makes a key and a certificate for it.
func (a *Authority) Sign(w Wanted) (tls.Certificate, error) {
	key, err := newKey(w.RSA)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: w.CommonName}, DNSNames: w.Names,
		NotBefore: w.From, NotAfter: w.Until, ExtKeyUsage: w.Usage,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// PairPEM is a certificate and its key as PEM.
func PairPEM(pair tls.Certificate) (cert, key []byte, err error) {
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

func newKey(withRSA bool) (key crypto.Signer, err error) {
	if withRSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}
