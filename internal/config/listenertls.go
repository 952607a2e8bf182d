package config

import (
	"maps"

	"github.com/loka/stratum/internal/certs"
)

// ClientCertificates is whether miners show certificates.
type ClientCertificates string

// What miners have to show.
const (
	ClientCertificatesOff      ClientCertificates = "off"
	ClientCertificatesOptional ClientCertificates = "optional"
	ClientCertificatesRequired ClientCertificates = "required"
)

// Choices lists them.
func (ClientCertificates) Choices() []string {
	return []string{string(ClientCertificatesOff), string(ClientCertificatesOptional), string(ClientCertificatesRequired)}
}

// TLSCiphers is which ciphers a listener takes.
type TLSCiphers string

// The ciphers of a listener.
const (
	// CiphersCompatible are those that old firmware has, too.
	CiphersCompatible TLSCiphers = "compatible"
	// CiphersModern have forward secrecy and no padding.
	CiphersModern TLSCiphers = "modern"
)

// Choices lists them.
func (TLSCiphers) Choices() []string {
	return []string{string(CiphersCompatible), string(CiphersModern)}
}

// checkTLS checks by what a listener speaks TLS.
func (l *loader) checkTLS(at string, one *Listener) {
	if one.TLS == TLSOff {
		return
	}
	l.checkKeyPair(at, one)
	ca := join(at, "client_ca")
	switch {
	case one.ClientCA != "":
		if _, err := certs.ReadCA(one.ClientCA); err != nil {
			l.add(ca, "%v", err)
		}
	case one.ClientCertificates != ClientCertificatesOff:
		l.missing(join(at, "client_certificates"), `nobody who may sign them; write client_ca = "FILE.pem"`)
	}
}

// checkKeyPair checks the files of a listener's certificate, if it names any.
func (l *loader) checkKeyPair(at string, one *Listener) {
	cert, key := join(at, "cert"), join(at, "key")
	switch {
	case one.Cert == "" && one.Key == "":
		return // ones that sign themselves are made at start
	case one.Cert == "":
		l.missing(cert, `no certificate, which key is for; write cert = "FILE.pem", or neither for one that signs itself`)
		return
	case one.Key == "":
		l.missing(key, `no private key, which cert needs; write key = "FILE.pem", or neither for a certificate that signs itself`)
		return
	}
	chain, err := certs.ReadChain(one.Cert)
	if err != nil {
		l.add(cert, "%v", err)
		return
	}
	if _, err := certs.ReadKey(chain, one.Key); err != nil {
		l.add(key, "%v", err)
	}
}

// noteInertTLS remarks on what of TLS has no effect.
func (l *loader) noteInertTLS(c *Config) {
	for i := range c.Listeners {
		one, at := &c.Listeners[i], index("listener", i)
		if one.TLS == TLSOff {
			l.noteWithoutTLS(at, one)
			continue
		}
		if one.ClientCA != "" && one.ClientCertificates == ClientCertificatesOff {
			l.note(join(at, "client_ca"), `has no effect with client_certificates = "off"; write "optional" or "required"`)
		}
		if one.TLS == TLSOptional && one.ClientCertificates == ClientCertificatesRequired {
			l.note(join(at, "client_certificates"), `miners without TLS need none: they get in with tls = "optional"`)
		}
	}
}

// noteWithoutTLS remarks on what a listener has that speaks no TLS.
func (l *loader) noteWithoutTLS(at string, one *Listener) {
	const text = `has no effect with tls = "off"`
	for key, given := range map[string]bool{
		"cert": one.Cert != "", "key": one.Key != "", "client_ca": one.ClientCA != "",
		"client_certificates": one.ClientCertificates != ClientCertificatesOff, "tls_ciphers": one.Ciphers != CiphersCompatible,
	} {
		if given {
			l.note(join(at, key), text)
		}
	}
}

// addTLSMeanings is the documentation of what a listener is told of TLS.
func addTLSMeanings(m map[string]meaning) {
	maps.Copy(m, map[string]meaning{
		"listener[].tls":                 {"Whether the port speaks TLS: `optional` takes plain and encrypted connections, told apart by their first bytes, `required` encrypted ones only. TLS 1.2 and 1.3. See [TLS to miners](#tls-to-miners).", ""},
		"listener[].cert":                {"PEM file of the certificate, RSA or ECDSA, and after it of its issuers but the root.", "certificates that sign themselves, in `data_dir/tls`"},
		"listener[].key":                 {"PEM file of its private key, without a passphrase. Both files are looked at every 30 s and with each reload, for miners that connect from then on.", "that of those"},
		"listener[].client_ca":           {"PEM file of the certificates that may sign those of miners. It is looked at as `cert` is.", "none"},
		"listener[].client_certificates": {"Whether miners show a certificate of their own that `client_ca` has signed: `optional` verifies the one of a miner that has one, `required` refuses TLS without.", ""},
		"listener[].tls_ciphers":         {"`compatible` takes the ciphers that old firmware has, too, where it offers no better; `modern` only those of TLS 1.2 with forward secrecy and authenticated encryption. Those of TLS 1.3 are taken either way.", ""},
	})
}
