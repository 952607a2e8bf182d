package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/proxy"

	"github.com/loka/stratum/internal/mining"
)

// Proxy is a way to pools.
type Proxy struct {
	// Kind is what it speaks.
	Kind ProxyKind
	// Host is a name or an IP literal without brackets, Port its TCP port.
	Host string
	Port uint16
	// Username and Password are our login at the proxy; both empty is none.
	Username string
	Password mining.Secret
}

// ProxyKind is what a proxy speaks, as the scheme of its URL.
type ProxyKind string

// The kinds of proxies.
const (
	// SOCKS5 is RFC 1928, with the login of RFC 1929.
	SOCKS5 ProxyKind = "socks5"
	// HTTP is the CONNECT method of RFC 9110, with basic authentication.
	HTTP ProxyKind = "http"
	// HTTPS is HTTP over TLS to the proxy, whose certificate the system's roots
	// verify.
	HTTPS ProxyKind = "https"
)

// String is the proxy as a URL, without the login.
func (p *Proxy) String() string {
	u := url.URL{Scheme: string(p.Kind), Host: net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port)))}
	return u.String() // which writes the percent sign of a zone as a URL does
}

// errProxy is what is wrong with a proxy's URL: the URL itself may have a
// password in it and is not repeated.
var errProxy = errors.New("not a proxy's URL")

// maxProxyLogin is the most bytes that a name or a password may have (RFC 1929).
const maxProxyLogin = 255

// ParseProxy reads a proxy's URL: socks5://, also spelled socks5h://, http:// or
// https://, then [user:password@]host:port. The pool's name is resolved by the
// proxy in all of them. The errors never repeat what may be a password.
func ParseProxy(rawurl string) (Proxy, error) {
	u, err := url.Parse(strings.TrimSpace(rawurl))
	if err != nil || u.Host == "" {
		return Proxy{}, fmt.Errorf("%w: write socks5://host:port or http://host:port; in a user or password write %%40 for @, %%3A for : and %%2F for /", errProxy)
	}
	var p Proxy
	switch u.Scheme {
	case "socks5", "socks5h":
		p.Kind = SOCKS5
	case "http":
		p.Kind = HTTP
	case "https":
		p.Kind = HTTPS
	default:
		return Proxy{}, fmt.Errorf("%w: unknown scheme; known are socks5://, http:// and https://", errProxy)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Proxy{}, fmt.Errorf("%w: nothing may follow the port", errProxy)
	}
	if p.Host, p.Port, err = splitHostPort(u.Host); err != nil {
		return Proxy{}, fmt.Errorf("%w: %w", errProxy, err)
	}
	if u.User == nil {
		return p, nil
	}
	password, _ := u.User.Password()
	p.Username, p.Password = u.User.Username(), mining.Secret(password)
	if n := len(password); p.Username == "" || len(p.Username) > maxProxyLogin || n > maxProxyLogin {
		return Proxy{}, fmt.Errorf("%w: the user has 1 to %d bytes, the password at most %[2]d", errProxy, maxProxyLogin)
	}
	return p, nil
}

// refusal is a proxy that answered, and not with a connection.
type refusal struct{ err error }

// Error has the proxy's words.
func (r *refusal) Error() string { return "the proxy does not connect us: " + r.err.Error() }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.err }

// refused is what came of asking the proxy, unless that took too long.
func refused(err error) error {
	if err == nil || isTimeout(err) {
		return err
	}
	return &refusal{err}
}

// through connects to an address by way of a proxy, which resolves its name.
// What it needs of the proxy's answer is read, and not a byte more.
func (d *Dialer) through(ctx context.Context, by Proxy, address string) (net.Conn, error) {
	conn, err := d.reach(ctx, by.Host, by.Port, false)
	if err != nil {
		return nil, err
	}
	switch by.Kind {
	case SOCKS5:
		err = socks5(ctx, conn, by, address)
	case HTTPS:
		encrypted := tls.Client(conn, &tls.Config{ServerName: serverName(by.Host), RootCAs: d.cfg.RootCAs, MinVersion: tls.VersionTLS12})
		if err = encrypted.HandshakeContext(ctx); err != nil {
			err = refused(err)
			break
		}
		conn = encrypted
		err = tunnel(ctx, conn, by, address)
	case HTTP:
		err = tunnel(ctx, conn, by, address)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// socks5 has a SOCKS5 proxy connect to an address.
func socks5(ctx context.Context, conn net.Conn, by Proxy, address string) error {
	var login *proxy.Auth
	if by.Username != "" {
		login = &proxy.Auth{User: by.Username, Password: by.Password.Reveal()}
	}
	dialer, err := proxy.SOCKS5("tcp", net.JoinHostPort(by.Host, strconv.Itoa(int(by.Port))), login, nil)
	if err != nil {
		return err
	}
	over, ok := dialer.(interface {
		DialWithConn(ctx context.Context, c net.Conn, network, address string) (net.Addr, error)
	})
	if !ok {
		return errors.ErrUnsupported // x/net's has it since it knows contexts
	}
	_, err = over.DialWithConn(ctx, conn, "tcp", address)
	return refused(err)
}

// maxProxyAnswer bounds the head of an HTTP proxy's answer, in bytes.
const maxProxyAnswer = 16 << 10

// tunnel has an HTTP proxy connect to an address.
func tunnel(ctx context.Context, conn net.Conn, by Proxy, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := askTunnel(conn, by, address)
	if !stop() { // it has ended meanwhile: the connection is of no use
		return ctx.Err()
	}
	return err
}

func askTunnel(conn net.Conn, by Proxy, address string) error {
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{"User-Agent": {""}}}
	if by.Username != "" {
		login := by.Username + ":" + by.Password.Reveal()
		ask.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(login)))
	}
	if err := ask.Write(conn); err != nil {
		return refused(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(&bytewise{conn, maxProxyAnswer}), ask) //nolint:bodyclose // of a connection through there is none, of a refusal it is not read
	var network net.Error
	switch {
	case err == nil && answer.StatusCode/100 != 2:
		err = fmt.Errorf("it says %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	case err != nil && !errors.As(err, &network) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errLongAnswer):
		err = errNotHTTP // what it has said instead is of any length
	}
	return refused(err)
}

// errNotHTTP is an answer that cannot be read.
var errNotHTTP = errors.New("its answer is not HTTP")

// errLongAnswer is an answer whose head is past its bound.
var errLongAnswer = fmt.Errorf("its answer has no end within %d bytes", maxProxyAnswer)

// bytewise reads a byte at a time, so that no byte of what follows an answer is
// taken, and no more than left.
type bytewise struct {
	from io.Reader
	left int
}

// Read reads one byte.
func (b *bytewise) Read(into []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, errLongAnswer
	}
	return b.from.Read(into[:min(1, len(into))])
}
