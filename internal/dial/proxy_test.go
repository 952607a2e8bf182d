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
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

func TestParseProxy(t *testing.T) {
	for text, want := range map[string]Proxy{
		"socks5://127.0.0.1:1080":                {Kind: SOCKS5, Host: "127.0.0.1", Port: 1080},
		"socks5h://tor.example.com:9050":         {Kind: SOCKS5, Host: "tor.example.com", Port: 9050},
		" SOCKS5://[2001:db8::1]:1080/ ":         {Kind: SOCKS5, Host: "2001:db8::1", Port: 1080},
		"http://proxy:3128":                      {Kind: HTTP, Host: "proxy", Port: 3128},
		"https://u:p@proxy.example.com:443":      {Kind: HTTPS, Host: "proxy.example.com", Port: 443, Username: "u", Password: "p"},
		"http://farm:s%40c%3Ar%2Fet@proxy:3128":  {Kind: HTTP, Host: "proxy", Port: 3128, Username: "farm", Password: "s@c:r/et"},
		"socks5://only@127.0.0.1:1080":           {Kind: SOCKS5, Host: "127.0.0.1", Port: 1080, Username: "only"},
		"socks5://farm:$e!cret~*@127.0.0.1:1080": {Kind: SOCKS5, Host: "127.0.0.1", Port: 1080, Username: "farm", Password: "$e!cret~*"},
	} {
		got, err := ParseProxy(text)
		if err != nil || got != want {
			t.Errorf("ParseProxy(%q) = %+v, %v, want %+v", text, got, err, want)
			continue
		}
		if again, err := ParseProxy(got.String()); err != nil || again.Host != got.Host || again.Port != got.Port || again.Kind != got.Kind || again.Username != "" {
			t.Errorf("%q reads as %+v, %v", got.String(), again, err)
		}
		if shown := fmt.Sprintf("%v %+v %s", got, got, &got); want.Password != "" && strings.Contains(shown, want.Password.Reveal()) && len(want.Password) > 1 {
			t.Errorf("%s shows the password", shown)
		}
	}
}

func TestParseProxySaysWhatIsWrong(t *testing.T) {
	long := "http://f:" + strings.Repeat("secret", 43) + "@127.0.0.1:1"
	for text, want := range map[string]string{
		"":                                     "write socks5://host:port",
		"127.0.0.1:1080":                       "write socks5://host:port",
		"farm:secret@127.0.0.1:1080":           "write socks5://host:port",
		"socks4://127.0.0.1:1080":              "known are socks5://, http:// and https://",
		"socks5://127.0.0.1":                   "the port is missing: write 127.0.0.1:port",
		"socks5://farm:secret@127.0.0.1":       "the port is missing: write 127.0.0.1:port",
		"socks5://127.0.0.1:0":                 "not a number from 1 to 65535",
		"socks5://farm:secret@:1080":           "the host is missing",
		"socks5://farm:secret@p:1080/path":     "nothing may follow the port",
		"socks5://farm:secret@p:1080?x":        "nothing may follow the port",
		"socks5://farm:se/cret@127.0.0.1:1080": "in a user or password write %40 for @, %3A for : and %2F for /",
		"socks5://farm:se%cret@127.0.0.1:1080": "in a user or password write",
		"socks5://farm:1/secret@127.0.0.1:1":   "nothing may follow the port",
		"socks5://:secret@127.0.0.1:1":         "the user has 1 to 255 bytes",
		long:                                   "the password at most 255",
	} {
		_, err := ParseProxy(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseProxy(%q): error %v, want one with %q", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "farm") {
			t.Errorf("ParseProxy(%q) repeats the login: %v", text, err)
		}
	}
}

func FuzzParseProxy(f *testing.F) {
	for _, text := range []string{"socks5://[::1]:1", "http://a:b@c:1", "x://@", "https://%41:@[::1%25z]:2/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProxy(text)
		if err != nil {
			return
		}
		again, err := ParseProxy(p.String())
		p.Username, p.Password = "", ""
		if err != nil || again != p {
			t.Errorf("ParseProxy(%q) = %+v; its String reads as %+v, %v", text, p, again, err)
		}
	})
}

// proxies tell where they were asked to connect to.
type proxies struct {
	mu    sync.Mutex
	asked []string
}

func (p *proxies) ask(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, address)
}

// join copies between a client and a server until one of them ends.
func join(t *testing.T, client net.Conn, in io.Reader, address string) {
	t.Helper()
	var dialer net.Dialer
	server, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(server, in)
		_ = server.Close()
	})
	_, _ = io.Copy(client, server)
	_ = client.Close()
	wg.Wait()
}

// readN reads n bytes.
func readN(t *testing.T, r io.Reader, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Errorf("the proxy reads: %v", err)
	}
	return b
}

// socksAnswer is a SOCKS5 proxy that wants a login, if there is one, and
// says a code; with 0 it connects to the address whatever it was asked for.
func (p *proxies) socks(t *testing.T, login string, code byte, address string) func(net.Conn) {
	t.Helper()
	return func(conn net.Conn) {
		methods := readN(t, conn, int(readN(t, conn, 2)[1]))
		if login == "" {
			_, _ = conn.Write([]byte{5, 0})
		} else {
			if !strings.Contains(string(methods), "\x02") {
				_, _ = conn.Write([]byte{5, 0xff})
				return
			}
			_, _ = conn.Write([]byte{5, 2})
			user := readN(t, conn, int(readN(t, conn, 2)[1]))
			password := readN(t, conn, int(readN(t, conn, 1)[0]))
			if string(user)+":"+string(password) != login {
				_, _ = conn.Write([]byte{1, 1})
				return
			}
			_, _ = conn.Write([]byte{1, 0})
		}
		head := readN(t, conn, 4)
		host := ""
		switch head[3] {
		case 1:
			addr, _ := netip.AddrFromSlice(readN(t, conn, 4))
			host = addr.String()
		case 3:
			host = "name " + string(readN(t, conn, int(readN(t, conn, 1)[0])))
		}
		port := readN(t, conn, 2)
		p.ask(fmt.Sprintf("%s:%d", host, int(port[0])<<8|int(port[1])))
		_, _ = conn.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
		if code == 0 {
			join(t, conn, conn, address)
		}
	}
}

// connect is an HTTP proxy that wants a login, if there is one, and answers; with
// an answer of 200 it connects to the address whatever it was asked for.
func (p *proxies) connect(t *testing.T, login, answer, address string) func(net.Conn) {
	t.Helper()
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		ask, err := http.ReadRequest(in)
		if err != nil {
			t.Errorf("the proxy reads: %v", err)
			return
		}
		p.ask(ask.Method + " " + ask.Host)
		if agent := ask.Header.Get("User-Agent"); agent != "" {
			t.Errorf("the proxy is told of %s", agent)
		}
		want := ""
		if login != "" {
			want = "Basic " + base64.StdEncoding.EncodeToString([]byte(login))
		}
		if got := ask.Header.Get("Proxy-Authorization"); got != want {
			answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 6\r\n\r\nsecret"
		}
		_, _ = io.WriteString(conn, answer)
		if answer == established {
			join(t, conn, in, address)
		}
	}
}

const established = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"

// A pool is reached by each kind of proxy, in clear and by TLS, whose name is the
// pool's; the proxy resolves the pool's name; what the pool says at once is not
// lost.
func TestProxy(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.sign(t, time.Now().Add(time.Hour), []string{"pool.invalid"}, net.IPv4(127, 0, 0, 1))
	plain := serve(t, "127.0.0.1:0", hi).String()
	encrypted := serve(t, "127.0.0.1:0", hiTLS(cert)).String()
	for name, c := range map[string]struct {
		by    func(p *proxies, address string) func(net.Conn)
		proxy Proxy
		host  string
		asked string
	}{
		"SOCKS5": {
			func(p *proxies, to string) func(net.Conn) { return p.socks(t, "", 0, to) },
			Proxy{Kind: SOCKS5},
			"pool.invalid", "name pool.invalid:3333",
		},
		"SOCKS5 with a login": {
			func(p *proxies, to string) func(net.Conn) { return p.socks(t, "farm:se:cret", 0, to) },
			Proxy{Kind: SOCKS5, Username: "farm", Password: "se:cret"},
			"127.0.0.1", "127.0.0.1:3333",
		},
		"HTTP": {
			func(p *proxies, to string) func(net.Conn) { return p.connect(t, "", established, to) },
			Proxy{Kind: HTTP},
			"pool.invalid", "CONNECT pool.invalid:3333",
		},
		"HTTP with a login": {
			func(p *proxies, to string) func(net.Conn) { return p.connect(t, "farm:se:cret", established, to) },
			Proxy{Kind: HTTP, Username: "farm", Password: "se:cret"},
			"pool.invalid", "CONNECT pool.invalid:3333",
		},
		"HTTPS": {
			func(p *proxies, to string) func(net.Conn) {
				return func(conn net.Conn) {
					p.connect(t, "farm:secret", established, to)(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}}))
				}
			},
			Proxy{Kind: HTTPS, Username: "farm", Password: "secret"},
			"pool.invalid", "CONNECT pool.invalid:3333",
		},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS to the pool %v", name, secure), func(t *testing.T) {
				to := plain
				if secure {
					to = encrypted
				}
				var p proxies
				addr := serve(t, "127.0.0.1:0", c.by(&p, to))
				by := c.proxy
				by.Host, by.Port = "127.0.0.1", addr.Port()
				conn, err := New(Config{RootCAs: ca.pool()}).Dial(t.Context(), Endpoint{TLS: secure, Host: c.host, Port: 3333, Proxy: &by})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if got, err := io.ReadAll(conn); string(got) != "hi" || err != nil {
					t.Errorf("heard %q, %v", got, err)
				}
				if got := strings.Join(p.asked, ", "); got != c.asked {
					t.Errorf("the proxy was asked for %s, want %s", got, c.asked)
				}
			})
		}
	}
}

func TestProxyErrors(t *testing.T) {
	ca := newAuthority(t)
	other := ca.sign(t, time.Now().Add(time.Hour), []string{"elsewhere.example.com"}, net.IPv4(127, 0, 0, 1))
	to := serve(t, "127.0.0.1:0", hiTLS(other)).String()
	login := Proxy{Username: "farm", Password: "secret"}
	for name, c := range map[string]struct {
		talk    func(p *proxies) func(net.Conn)
		kind    ProxyKind
		host    string // of the proxy; 127.0.0.1 if empty
		tls     bool
		reason  mining.Reason
		problem Problem
		text    string
	}{
		"nobody there":         {nil, SOCKS5, "127.0.0.2", false, mining.ProxyFailed, Refused, "connection refused"},
		"no such host":         {nil, HTTP, "proxy.invalid", false, mining.ProxyFailed, NoSuchHost, "proxy.invalid"},
		"SOCKS5, wrong login":  {func(p *proxies) func(net.Conn) { return p.socks(t, "farm:other", 0, to) }, SOCKS5, "", false, mining.ProxyFailed, ProxyRefused, "authentication failed"},
		"SOCKS5, not allowed":  {func(p *proxies) func(net.Conn) { return p.socks(t, "farm:secret", 2, to) }, SOCKS5, "", false, mining.ProxyFailed, ProxyRefused, "not allowed"},
		"SOCKS5, pool is away": {func(p *proxies) func(net.Conn) { return p.socks(t, "farm:secret", 5, to) }, SOCKS5, "", false, mining.ProxyFailed, ProxyRefused, "refused"},
		"SOCKS5, closes":       {func(*proxies) func(net.Conn) { return func(net.Conn) {} }, SOCKS5, "", false, mining.ProxyFailed, ProxyRefused, "the proxy does not connect us"},
		"SOCKS5, silent":       {func(*proxies) func(net.Conn) { return silent }, SOCKS5, "", false, mining.ProxyFailed, Timeout, "no answer in time"},
		"SOCKS5, is HTTP": {func(*proxies) func(net.Conn) {
			return func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\n\r\n"); silent(conn) }
		}, SOCKS5, "", false, mining.ProxyFailed, ProxyRefused, "unexpected protocol version"},
		"HTTP, wrong login": {func(p *proxies) func(net.Conn) { return p.connect(t, "farm:other", established, to) }, HTTP, "", false, mining.ProxyFailed, ProxyRefused, "it says 407 Proxy Authentication Required"},
		"HTTP, forbidden": {func(p *proxies) func(net.Conn) {
			return p.connect(t, "farm:secret", "HTTP/1.1 403 secret words\r\n\r\n", to)
		}, HTTP, "", false, mining.ProxyFailed, ProxyRefused, "it says 403 Forbidden"},
		"HTTP, closes": {func(p *proxies) func(net.Conn) { return p.connect(t, "farm:secret", "HTTP/1.1 200 OK\r\n", to) }, HTTP, "", false, mining.ProxyFailed, ProxyRefused, "EOF"},
		"HTTP, silent": {func(*proxies) func(net.Conn) { return silent }, HTTP, "", false, mining.ProxyFailed, Timeout, "no answer in time"},
		"HTTP, no end": {func(p *proxies) func(net.Conn) {
			return p.connect(t, "farm:secret", "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("secret", maxProxyAnswer), to)
		}, HTTP, "", false, mining.ProxyFailed, ProxyRefused, "no end within 16384 bytes"},
		"HTTP, is not": {func(p *proxies) func(net.Conn) { return p.connect(t, "farm:secret", "SSH-2.0 secret\r\n", to) }, HTTP, "", false, mining.ProxyFailed, ProxyRefused, "its answer is not HTTP"},
		"HTTPS, is plain": {func(*proxies) func(net.Conn) {
			return func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\n\r\n"); silent(conn) }
		}, HTTPS, "", false, mining.ProxyFailed, ProxyRefused, "does not look like a TLS handshake"},
		"HTTPS, another's certificate": {func(*proxies) func(net.Conn) { return hiTLS(other) }, HTTPS, "localhost", false, mining.ProxyFailed, ProxyRefused, "certificate"},
		"the pool's certificate":       {func(p *proxies) func(net.Conn) { return p.connect(t, "farm:secret", established, to) }, HTTP, "", true, mining.TLSFailed, CertificateWrongName, "pool.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			by := login
			by.Kind, by.Host = c.kind, "127.0.0.1"
			if c.host != "" {
				by.Host = c.host
			}
			talk := silent
			if c.talk != nil {
				talk = c.talk(new(proxies))
			}
			by.Port = serve(t, "127.0.0.1:0", talk).Port()
			end := Endpoint{TLS: c.tls, Host: "pool.example.com", Port: 3333, Proxy: &by}
			cfg := Config{RootCAs: ca.pool(), ConnectTimeout: time.Minute}
			if c.problem == Timeout {
				cfg.ConnectTimeout = time.Second
			}
			conn, err := New(cfg).Dial(t.Context(), end)
			if conn != nil {
				t.Fatal("a connection came with an error")
			}
			var e *Error
			if !errors.As(err, &e) || e.Reason != c.reason || e.Problem != c.problem || e.Endpoint != end {
				t.Fatalf("error %v (%+v), want %s, %s", err, e, c.reason, c.problem)
			}
			for _, want := range []string{c.text, end.String(), by.String()} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "farm") || len(err.Error()) > 400 {
				t.Errorf("%q has the login, or the proxy's words", err)
			}
		})
	}
}

// Our own side ends a dial while the proxy is silent.
func TestProxyCancelled(t *testing.T) {
	heard := make(chan struct{}, 2)
	addr := serve(t, "127.0.0.1:0", func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		heard <- struct{}{}
		silent(conn)
	})
	for _, kind := range []ProxyKind{SOCKS5, HTTP} {
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			<-heard
			cancel(gone{})
		}()
		_, err := New(Config{}).Dial(ctx, Endpoint{Host: "pool", Port: 1, Proxy: &Proxy{Kind: kind, Host: "127.0.0.1", Port: addr.Port()}})
		var e *Error
		if !errors.As(err, &e) || e.Reason != mining.MinerGone || e.Problem != Cancelled {
			t.Errorf("%s: error %v (%+v)", kind, err, e)
		}
	}
}
