package dial

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Endpoint is where a pool is.
type Endpoint struct {
	// TLS asks for an encrypted connection with a verified certificate.
	TLS bool
	// Host is a name or an IP literal without brackets.
	Host string
	// Port is the TCP port.
	Port uint16
	// Trust says which certificates are taken; nil takes what the dialer's roots
	// verify.
	Trust *Trust
	// Proxy is by way of which the pool is reached; nil is none. It resolves the
	// pool's name.
	Proxy *Proxy
	// PublicOnly has none but addresses of the Internet dialled: a pool that is
	// there sent us here, and must not send us into the farm's own network. A
	// proxy's addresses are its own business.
	PublicOnly bool
}

// Trust says which certificates of a TLS endpoint are taken.
type Trust struct {
	// Roots verify certificates in place of the dialer's, if not nil.
	Roots *x509.CertPool
	// Fingerprints, if there are any, are those of the certificates that are
	// taken, and of no others: SHA-256 of the whole certificate (DER). Who signed
	// it, for which name and until when does not matter then.
	Fingerprints [][sha256.Size]byte
}

// Address is host:port, with brackets where the host needs them.
func (e Endpoint) Address() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// String is the endpoint as a URL that [Parse] reads: host, port and whether it
// is TLS.
func (e Endpoint) String() string {
	if e.TLS {
		return "stratum+ssl://" + e.Address()
	}
	return "stratum+tcp://" + e.Address()
}

// Parse reads a pool's URL: stratum+tcp://host:port, stratum+ssl:// and its
// other spellings stratum+tls://, tcp://, ssl:// and tls://, or host:port
// alone, which is plain TCP. The errors say what to write instead, and never
// repeat what may be a password.
func Parse(rawurl string) (Endpoint, error) {
	text := strings.TrimSpace(rawurl)
	if text == "" {
		return Endpoint{}, errors.New("pool URL is empty: write stratum+tcp://host:port")
	}
	scheme, rest, hasScheme := strings.Cut(text, "://")
	if !hasScheme {
		scheme, rest = "tcp", text
	}
	if strings.Contains(text, "@") {
		return Endpoint{}, errors.New("pool URL has a user before an @: the account and its password have keys of their own")
	}
	var e Endpoint
	switch strings.ToLower(scheme) {
	case "stratum+tcp", "tcp":
	case "stratum+ssl", "stratum+tls", "ssl", "tls":
		e.TLS = true
	case "stratum2+tcp", "stratum2+ssl", "stratum2+tls":
		return Endpoint{}, fmt.Errorf("pool URL %q: Stratum V2 (%s://) is not supported yet", text, scheme)
	default:
		return Endpoint{}, fmt.Errorf("pool URL %q: unknown scheme %q; known are stratum+tcp:// and stratum+ssl://", text, scheme)
	}
	rest = strings.TrimSuffix(rest, "/")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return Endpoint{}, fmt.Errorf("pool URL %q: nothing may follow the port, remove %q", text, rest[i:])
	}
	var err error
	if e.Host, e.Port, err = splitHostPort(rest); err != nil {
		return Endpoint{}, fmt.Errorf("pool URL %q: %w", text, err)
	}
	return e, nil
}

// splitHostPort reads host:port, with brackets around an IPv6 address.
func splitHostPort(text string) (host string, port uint16, err error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is6() {
		return "", 0, fmt.Errorf("an IPv6 address stands in brackets and the port is missing: write [%s]:port", text)
	}
	colon := strings.LastIndexByte(text, ':')
	if colon < strings.LastIndexByte(text, ']') || colon < 0 {
		return "", 0, fmt.Errorf("the port is missing: write %s:port", text)
	}
	host, digits := text[:colon], text[colon+1:]
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("port %q is not a number from 1 to 65535", digits)
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() {
			return "", 0, fmt.Errorf("%s is not an IPv6 address in brackets", host)
		}
		if zone := strings.ReplaceAll(addr.Zone(), ".", "-"); strings.ContainsFunc(zone, notInName) {
			return "", 0, fmt.Errorf("%q is not the name of an interface", addr.Zone())
		}
		return inner, uint16(n), nil
	}
	return host, uint16(n), checkHost(host)
}

// checkHost takes an IPv4 address or a name of letters, digits, hyphens,
// underscores and dots.
func checkHost(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		if strings.Contains(host, ":") {
			return fmt.Errorf("an IPv6 address stands in brackets: write [%s]:port", host)
		}
		return nil
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return fmt.Errorf("%q is not a host name; international names are written as xn--…", host)
		}
	}
	if last := labels[len(labels)-1]; len(host) > 253 || strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("%q is neither a host name nor an IPv4 address", host)
	}
	return nil
}

func notInName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		return false
	default:
		return true
	}
}
