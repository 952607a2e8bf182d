package certs

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
)

// Clients says which certificates miners have to show.
type Clients uint8

// What miners have to show.
const (
	// NoClients: none is asked for.
	NoClients Clients = iota
	// OptionalClients: one that is shown has to verify.
	OptionalClients
	// RequiredClients: one that verifies.
	RequiredClients
)

// Spec is what one listener is told. Its zero value speaks no TLS.
type Spec struct {
	// Listener is the address as configured.
	Listener string
	// TLS says that it speaks TLS at all.
	TLS bool
	// Cert and Key are PEM files; both empty are certificates that sign themselves.
	Cert, Key string
	// ClientCA is a PEM file of the certificates that may sign miners'.
	ClientCA string
	Clients  Clients
	// Modern leaves out the ciphers that only old firmware needs.
	Modern bool
}

// ErrNoClientCertificate ends the handshake of a miner that has to show a
// certificate and does not.
var ErrNoClientCertificate = errors.New("the miner shows no certificate")

// modernSuites are the ciphers of TLS 1.2 that keep a recorded connection secret
// though the key becomes known, and that no padding attack is known of. Those of TLS
// 1.3 are all like that, and are not chosen.
//
//nolint:gochecknoglobals // a table
var modernSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// oldSuites are those that old firmware may know alone. Package tls takes one only
// where the miner offers nothing better, and whoever sits between cannot make it
// seem so. TLS_RSA has no forward secrecy: who recorded the connection and gets the
// key later reads it. Ciphers by 3DES and RC4 are not among them.
//
//nolint:gochecknoglobals // a table
var oldSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
}

// config is what a listener answers hellos by, with what there is in its files.
func (s *Spec) config(m *material) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: modernSuites,
		GetCertificate: m.pick,
	}
	if !s.Modern {
		c.CipherSuites = slices.Concat(modernSuites, oldSuites)
	}
	if s.Clients == NoClients {
		return c
	}
	// A miner that shows none is refused here, and not by package tls, whose error
	// for it has no type.
	c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, m.authorities
	if s.Clients == RequiredClients {
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.VerifiedChains) == 0 {
				return ErrNoClientCertificate
			}
			return nil
		}
	}
	return c
}

// pick is the first certificate that the miner can verify the signature of. The name
// that it asks for says nothing about that: most firmware does not check it.
func (m *material) pick(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	nameless := *hello
	nameless.ServerName = ""
	for i := range m.pairs {
		if nameless.SupportsCertificate(&m.pairs[i]) == nil {
			return &m.pairs[i], nil
		}
	}
	return &m.pairs[0], nil
}

// maxClientName is the longest name of a miner's certificate that is looked at, in
// bytes.
const maxClientName = 255

// ClientName is the name of the certificate that a miner has shown and that was
// verified: its common name, else its first DNS name. Empty is none, or one of no use.
func ClientName(state *tls.ConnectionState) string {
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return ""
	}
	cert := state.PeerCertificates[0]
	name := strings.TrimSpace(cert.Subject.CommonName)
	if name == "" && len(cert.DNSNames) > 0 {
		name = cert.DNSNames[0]
	}
	if len(name) > maxClientName {
		return ""
	}
	return name
}
