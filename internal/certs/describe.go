package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"
	"time"
)

// The kinds of a certificate, by its key.
const (
	ECDSA = "ecdsa"
	RSA   = "rsa"
	Other = "other"
)

// Certificate is what everybody may know of one.
type Certificate struct {
	// Kind is [ECDSA], [RSA] or [Other].
	Kind    string
	Subject string
	// Names are the names and addresses that it is for.
	Names               []string
	NotBefore, NotAfter time.Time
	// Fingerprint is its SHA-256, 64 hex digits in lower case.
	Fingerprint string
	SelfSigned  bool
	// PEM is the certificate itself, for miners that are to know it.
	PEM string
}

func describe(leaf *x509.Certificate) Certificate {
	digest := sha256.Sum256(leaf.Raw)
	c := Certificate{
		Kind: Other, Subject: leaf.Subject.String(), Names: slices.Clone(leaf.DNSNames), NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(),
		Fingerprint: hex.EncodeToString(digest[:]), SelfSigned: bytes.Equal(leaf.RawSubject, leaf.RawIssuer),
		PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})),
	}
	switch leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		c.Kind = ECDSA
	case *rsa.PublicKey:
		c.Kind = RSA
	}
	for _, address := range leaf.IPAddresses {
		c.Names = append(c.Names, address.String())
	}
	return c
}

// ending is how long before its end a certificate is worth a word.
const ending = 14 * 24 * time.Hour

// problem says what is wrong with a certificate at a time; empty is nothing.
func (c *Certificate) problem(now time.Time) string {
	switch {
	case now.Before(c.NotBefore):
		return "the certificate is not valid before " + c.NotBefore.Format(time.RFC3339)
	case now.After(c.NotAfter):
		return "the certificate has expired " + c.NotAfter.Format(time.RFC3339)
	case c.NotAfter.Sub(now) < ending:
		return "the certificate expires " + c.NotAfter.Format(time.RFC3339)
	}
	return ""
}

// Listener is what is to be known of one that speaks TLS.
type Listener struct {
	Address      string
	Certificates []Certificate
	// Problems say what is wrong with them, or with files that came after them and
	// cannot be used.
	Problems []string
	// Advice is what to do about that.
	Advice string
}

func (s *served) listing(now time.Time) Listener {
	m := s.current.Load().material
	l := Listener{Address: s.spec.Listener, Certificates: m.list}
	for i := range m.list {
		if p := m.list[i].problem(now); p != "" {
			l.Problems = append(l.Problems, p)
			l.Advice = "renew the certificate in its file; it is read again by itself"
			if s.spec.Cert == "" {
				l.Advice = "remove the files in data_dir/tls and reload: new certificates are made, and miners that pin the old one's fingerprint need the new one's"
			}
		}
	}
	if p := s.problem.Load(); p != nil {
		l.Problems = append(l.Problems, "the files have changed and cannot be used, what was read before holds: "+*p)
		l.Advice = "mend the files; they are read again by themselves"
	}
	return l
}

// Summary says in one line what is wrong with all of them; empty is nothing.
func Summary(all []Listener) (detail, advice string) {
	var found []string
	for i := range all {
		for _, p := range all[i].Problems {
			found = append(found, "listener "+all[i].Address+": "+p)
			advice = all[i].Advice
		}
	}
	return strings.Join(found, "; "), advice
}
