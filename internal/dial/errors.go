package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Problem says in one word what went wrong, as log field and API word.
type Problem string

// The problems.
const (
	// NoSuchHost: the name does not resolve.
	NoSuchHost Problem = "no_such_host"
	// Refused: nobody listens there.
	Refused Problem = "refused"
	// Timeout: a step took longer than it may.
	Timeout Problem = "timeout"
	// Unreachable: there is no way to the address, or another network error.
	Unreachable Problem = "unreachable"
	// NotTLS: the other side does not speak TLS.
	NotTLS Problem = "not_tls"
	// CertificateExpired: the certificate is not valid any more.
	CertificateExpired Problem = "certificate_expired"
	// CertificateNotYetValid: the certificate is not valid yet.
	CertificateNotYetValid Problem = "certificate_not_yet_valid"
	// CertificateWrongName: the certificate is for another name.
	CertificateWrongName Problem = "certificate_wrong_name"
	// CertificateUntrusted: nobody we trust signed the certificate.
	CertificateUntrusted Problem = "certificate_untrusted"
	// CertificateUnexpected: the certificate has none of the fingerprints.
	CertificateUnexpected Problem = "certificate_unexpected"
	// HandshakeFailed: the TLS handshake ended in another error.
	HandshakeFailed Problem = "handshake_failed"
	// ProxyRefused: the proxy answered, and not with a connection to the pool.
	ProxyRefused Problem = "proxy_refused"
	// NotPublic: the host has no address that a public pool may send us to.
	NotPublic Problem = "not_public"
	// Cancelled: the context ended.
	Cancelled Problem = "cancelled"
)

// Error is why no connection came about.
type Error struct {
	// Reason is dial_failed, proxy_failed, tls_failed, or that of the context's
	// end: shutdown, or what its cause carries.
	Reason mining.Reason
	// Problem is what went wrong.
	Problem Problem
	// Endpoint is where to.
	Endpoint Endpoint
	// Err is the cause.
	Err error
}

// Error describes it.
func (e *Error) Error() string {
	hint := ""
	switch e.Problem {
	case NotTLS:
		hint = ": the other side does not speak TLS; is it stratum+tcp:// ?"
	case Timeout:
		hint = ": no answer in time"
	default:
	}
	by := ""
	if p := e.Endpoint.Proxy; p != nil {
		by = " by way of the proxy " + p.String()
	}
	return "connect to " + e.Endpoint.String() + by + hint + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Advice is what an operator can do about it; empty where the problem says it all.
func (e *Error) Advice() string { return advice[e.Problem] }

//nolint:gochecknoglobals // a table
var advice = map[Problem]string{
	NotTLS:                 "check url of this pool: stratum+ssl:// needs the pool's TLS port, stratum+tcp:// its plain one",
	CertificateExpired:     "check this machine's clock, and tell the pool; with fingerprints in the configuration a certificate counts whatever its dates",
	CertificateNotYetValid: "check this machine's clock, which is behind the pool's; if it is right, tell the pool",
	CertificateWrongName:   "check the host in url of this pool: it has to be a name that the certificate is for; if it is, somebody else answers there",
	CertificateUntrusted:   "nobody whom this machine trusts has signed it: put the issuer's certificate into ca of this pool, or the certificate's own fingerprint into fingerprints, if the pool tells you so by another way",
	CertificateUnexpected:  "ask the pool by another way whether it has a new certificate, and put its fingerprint into fingerprints; until then take it for somebody else's",
	HandshakeFailed:        "check url of this pool: stratum+ssl:// needs a TLS port that speaks TLS 1.2 or 1.3",
}

// connectError names what went wrong before the TLS handshake.
func connectError(ctx context.Context, to Endpoint, err error) *Error {
	e := &Error{Reason: mining.DialFailed, Problem: Unreachable, Endpoint: to, Err: err}
	var dns *net.DNSError
	switch {
	case ctx.Err() != nil:
		e.cancelled(ctx)
	case isTimeout(err):
		e.Problem = Timeout
	case errors.As(err, &dns), errors.Is(err, errNoAddress):
		e.Problem = NoSuchHost
	case errors.Is(err, errNotPublic):
		e.Problem = NotPublic
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Problem = Refused
	}
	return e
}

// proxyError names what went wrong with the way by a proxy.
func proxyError(ctx context.Context, to Endpoint, err error) *Error {
	e := connectError(ctx, to, err)
	if e.Problem == Cancelled {
		return e
	}
	e.Reason = mining.ProxyFailed
	if _, answered := errors.AsType[*refusal](err); answered {
		e.Problem = ProxyRefused
	}
	return e
}

// handshakeError names what went wrong in the TLS handshake.
func handshakeError(ctx context.Context, to Endpoint, err error) *Error {
	e := &Error{Reason: mining.TLSFailed, Problem: HandshakeFailed, Endpoint: to, Err: err}
	var (
		record    tls.RecordHeaderError
		untrusted x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		other     *fingerprintError
	)
	switch {
	case ctx.Err() != nil:
		e.cancelled(ctx)
	case isTimeout(err):
		e.Problem = Timeout
	case errors.As(err, &record):
		e.Problem = NotTLS
	case errors.As(err, &name):
		e.Problem = CertificateWrongName
	case errors.As(err, &other):
		e.Problem = CertificateUnexpected
	case errors.As(err, &untrusted):
		e.Problem = CertificateUntrusted
	case errors.As(err, &invalid):
		e.Problem = datesOf(&invalid)
	}
	return e
}

// datesOf tells a certificate that is not valid now from one that never is.
func datesOf(invalid *x509.CertificateInvalidError) Problem {
	switch {
	case invalid.Reason != x509.Expired:
		return CertificateUntrusted
	case invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore):
		return CertificateNotYetValid
	}
	return CertificateExpired
}

// cancelled says that not the pool but our side ended it.
func (e *Error) cancelled(ctx context.Context) {
	e.Problem = Cancelled
	e.Reason = mining.Shutdown
	e.Err = context.Cause(ctx)
	var r interface{ Reason() mining.Reason }
	if errors.As(e.Err, &r) {
		e.Reason = r.Reason()
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &t) && t.Timeout()
}
