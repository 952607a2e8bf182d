package listen

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
)

// header is a PROXY header as the library writes it.
func header(tb testing.TB, version byte, source, dest string) string {
	tb.Helper()
	from, to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source)), net.TCPAddrFromAddrPort(netip.MustParseAddrPort(dest))
	h := proxyproto.HeaderProxyFromAddrs(version, from, to)
	b, err := h.Format()
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// v2 is a header of version 2 by its bytes.
func v2(command, family byte, rest string) string {
	return proxyV2 + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	addresses4 = "\x0a\x01\x02\x03\xc0\x00\x02\x01\x30\x39\x0d\x05" // 10.1.2.3:12345 to 192.0.2.1:3333
	unix108    = "/run/x"
)

// loopback are the proxies of these tests.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// heads are headers that are believed, by the address that they are for; none is the
// proxy's own.
func heads(tb testing.TB) map[string]struct{ text, from string } {
	tb.Helper()
	unix := unix108 + strings.Repeat("\x00", 108-len(unix108))
	return map[string]struct{ text, from string }{
		"none":              {"", ""},
		"v1":                {header(tb, 1, "10.1.2.3:12345", "192.0.2.1:3333"), "10.1.2.3:12345"},
		"v1 IPv6":           {header(tb, 1, "[2001:db8::7]:12345", "[2001:db8::1]:3333"), "[2001:db8::7]:12345"},
		"v1 mapped":         {"PROXY TCP6 ::ffff:10.1.2.3 ::ffff:192.0.2.1 12345 3333\r\n", "10.1.2.3:12345"},
		"v1 unknown":        {"PROXY UNKNOWN\r\n", ""},
		"v1 unknown, more":  {"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""},
		"v2":                {header(tb, 2, "10.1.2.3:12345", "192.0.2.1:3333"), "10.1.2.3:12345"},
		"v2 IPv6":           {header(tb, 2, "[2001:db8::7]:12345", "[2001:db8::1]:3333"), "[2001:db8::7]:12345"},
		"v2 with extension": {v2(0x21, 0x11, addresses4+"\x04\x00\x02ab"), "10.1.2.3:12345"},
		"v2 with much":      {v2(0x21, 0x11, addresses4+"\x04\x0f\xf1"+strings.Repeat("x", 0xff1)), "10.1.2.3:12345"},
		"v2 local":          {v2(0x20, 0x00, ""), ""},
		"v2 local, family":  {v2(0x20, 0x11, addresses4), ""},
		"v2 UNIX":           {v2(0x21, 0x31, unix+unix), ""},
	}
}

// Who is behind a believed proxy comes from its own address, over whatever there is
// after the header, in one piece or in many.
func TestProxyHeader(t *testing.T) {
	served := make(chan mining.Arrival, 1)
	asked := make(chan mining.Arrival, 1)
	const connect, line = "CONNECT pool.example.com:3333 HTTP/1.1\r\n\r\n", "{\"id\":1}\n"
	for _, gated := range []bool{true, false} {
		deps := Deps{
			Tunnel: func(a mining.Arrival) mining.Reason { asked <- a; return "" },
			Serve: func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
				served <- a
				defer gone()
				echo(ctx, conn, preread)
			},
		}
		judged := make(chan netip.Addr, 1)
		if gated {
			deps.Gate = NewGate(guard.New(guard.Config{StartsPerSecond: 1000}, guard.Deps{OnOpen: func(addr netip.Addr) { judged <- addr }}))
		}
		addr := start(t, Config{TLS: serverTLS(t, false), ProxyFrom: loopback()}, deps)
		for name, head := range heads(t) {
			for talkName, talk := range map[string]func(conn net.Conn) net.Conn{
				"plain":        func(conn net.Conn) net.Conn { say(t, conn, head.text); return conn },
				"in one piece": func(conn net.Conn) net.Conn { say(t, conn, head.text+line); hear(t, conn, line); return conn },
				"byte by byte": func(conn net.Conn) net.Conn {
					for i := range min(len(head.text), 200) {
						say(t, conn, head.text[i:i+1])
					}
					say(t, conn, head.text[min(len(head.text), 200):])
					return conn
				},
				"TLS": func(conn net.Conn) net.Conn { say(t, conn, head.text); return client(t, conn, anything("")) },
				"CONNECT, TLS": func(conn net.Conn) net.Conn {
					say(t, conn, head.text+connect)
					hear(t, conn, established)
					return client(t, conn, anything(""))
				},
				"TLS, CONNECT": func(conn net.Conn) net.Conn {
					say(t, conn, head.text)
					c := client(t, conn, anything(""))
					say(t, c, connect)
					hear(t, c, established)
					return c
				},
			} {
				raw := dial(t, addr)
				conn := talk(raw)
				say(t, conn, line)
				hear(t, conn, line)
				want := netip.MustParseAddrPort(raw.LocalAddr().String())
				if head.from != "" {
					want = netip.MustParseAddrPort(head.from)
				}
				got := <-served
				if got.Remote != want || got.TLS != strings.Contains(talkName, "TLS") || (got.Connect != "") != strings.Contains(talkName, "CONNECT") {
					t.Errorf("%s, %s: %+v, want %s", name, talkName, got, want)
				}
				if got.Connect != "" {
					if a := <-asked; a.Remote != want {
						t.Errorf("%s, %s: the CONNECT is of %s", name, talkName, a.Remote)
					}
				}
				if _, ok := got.Guest.(*guard.Guest); ok != gated {
					t.Errorf("%s, %s: guest %v", name, talkName, got.Guest)
				}
				if gated && head.from != "" {
					if addr := <-judged; addr != want.Addr() {
						t.Errorf("%s, %s: it is judged as %s", name, talkName, addr)
					}
				}
				_ = raw.Close()
			}
		}
	}
}

// A proxy that is reached by one link only, whose address says so, is in its network all
// the same.
func TestProxyOfALink(t *testing.T) {
	for addr, want := range map[string]bool{"fe80::1%eth0": true, "fe80::1": true, "::ffff:192.0.2.1": true, "fec0::1%eth0": false} {
		ours, theirs := net.Pipe()
		cfg := Config{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("192.0.2.0/24")}}
		remote := remoteOf(fixed{ours, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))})
		if got := cfg.believes(remote.Addr()); got != want {
			t.Errorf("%s is believed: %t", addr, got)
		}
		_ = theirs.Close()
	}
}

// A header of somebody who is not believed, and one that is none, are refused by name.
func TestProxyHeaderRefused(t *testing.T) {
	t.Parallel()
	v1, of2 := header(t, 1, "10.1.2.3:12345", "192.0.2.1:3333"), header(t, 2, "10.1.2.3:12345", "192.0.2.1:3333")
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::1/128")}
	for name, tt := range map[string]struct {
		from []netip.Prefix
		text string
		want mining.Reason
	}{
		"v1, nobody believed":   {nil, v1 + "{}\n", mining.ProxyHeaderUntrusted},
		"v2, nobody believed":   {nil, of2 + "{}\n", mining.ProxyHeaderUntrusted},
		"v1, others believed":   {elsewhere, v1 + "{}\n", mining.ProxyHeaderUntrusted},
		"v2, others believed":   {elsewhere, of2 + "{}\n", mining.ProxyHeaderUntrusted},
		"nonsense":              {loopback(), "PROXY nonsense\r\n", mining.ProxyHeaderMalformed},
		"no address":            {loopback(), "PROXY TCP4 10.1.2.300 192.0.2.1 1 2\r\n", mining.ProxyHeaderMalformed},
		"wrong family":          {loopback(), "PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n", mining.ProxyHeaderMalformed},
		"port too large":        {loopback(), "PROXY TCP4 10.1.2.3 192.0.2.1 65536 2\r\n", mining.ProxyHeaderMalformed},
		"nobody's address":      {loopback(), "PROXY TCP4 0.0.0.0 192.0.2.1 1 2\r\n", mining.ProxyHeaderMalformed},
		"everybody's address":   {loopback(), "PROXY TCP4 224.0.0.1 192.0.2.1 1 2\r\n", mining.ProxyHeaderMalformed},
		"no end":                {loopback(), "PROXY TCP4 " + strings.Repeat("1", 200), mining.ProxyHeaderMalformed},
		"LF only":               {loopback(), "PROXY TCP4 10.1.2.3 192.0.2.1 1 2\n", mining.ProxyHeaderMalformed},
		"v2 too long":           {loopback(), proxyV2 + "\x21\x11\xff\xff", mining.ProxyHeaderMalformed},
		"v2 too short":          {loopback(), v2(0x21, 0x11, "short"), mining.ProxyHeaderMalformed},
		"v2, command":           {loopback(), v2(0x23, 0x11, addresses4), mining.ProxyHeaderMalformed},
		"v2, version":           {loopback(), v2(0x11, 0x11, addresses4), mining.ProxyHeaderMalformed},
		"v2, UDP":               {loopback(), v2(0x21, 0x12, addresses4), mining.ProxyHeaderMalformed},
		"v2, no such family":    {loopback(), v2(0x21, 0x41, addresses4), mining.ProxyHeaderMalformed},
		"twice":                 {loopback(), v1 + v1 + "{}\n", mining.ProxyHeaderMalformed},
		"twice, v2":             {loopback(), of2 + of2 + "{}\n", mining.ProxyHeaderMalformed},
		"after a CONNECT":       {loopback(), "CONNECT h:1 HTTP/1.1\r\n\r\n" + v1, mining.ProxyHeaderMalformed},
		"then HTTP":             {loopback(), v1 + "GET / HTTP/1.1\r\n\r\n", mining.HTTPRequest},
		"then nonsense":         {loopback(), of2 + "hello", mining.UnknownProtocol},
		"stops within v1":       {loopback(), v1[:20], mining.HandshakeTimeout},
		"stops within v2":       {loopback(), of2[:20], mining.HandshakeTimeout},
		"stops after it":        {loopback(), of2, mining.FirstByteTimeout},
		"stops within the mark": {loopback(), proxyV2[:9], mining.HandshakeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counts := newTally()
			cfg := Config{ProxyFrom: tt.from}
			if strings.HasPrefix(name, "stops") {
				cfg.HandshakeTimeout = heardWithin
			}
			addr := start(t, cfg, Deps{Metrics: counts.metrics(), Serve: never(t), Tunnel: func(mining.Arrival) mining.Reason { return "" }})
			conn := dial(t, addr)
			say(t, conn, tt.text)
			if got := counts.next(); got != tt.want {
				t.Errorf("refused as %s, want %s", got, tt.want)
			}
			_, _ = io.Copy(io.Discard, conn) // it is closed
		})
	}
}

// The lists, the bans and the caps are about who is behind the proxy, whatever protocol
// follows; the proxy itself is held to none of them.
func TestProxiedAreJudged(t *testing.T) {
	counts := newTally()
	var log bytes.Buffer
	door := guard.New(guard.Config{
		Mode: guard.Deny, Deny: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("127.0.0.0/8")}, MaxPerAddress: 1,
	}, guard.Deps{Banned: func(addr netip.Addr, _ time.Time) bool {
		return addr == netip.MustParseAddr("10.6.6.6") || addr.IsLoopback()
	}})
	deps := Deps{Gate: NewGate(door), Serve: here(echo), Metrics: counts.metrics(), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	t.Cleanup(func() {
		for _, want := range []string{"reason=banned", "remote=10.6.6.6:1", "proxy=127.0.0.1:"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %s:\n%s", want, &log)
			}
		}
	})
	addr := start(t, Config{ProxyFrom: loopback(), TLS: serverTLS(t, false)}, deps)
	in := dial(t, addr)
	say(t, in, header(t, 2, "10.1.2.3:1", "192.0.2.1:2")+"{}\n")
	hear(t, in, "{}\n")
	for source, want := range map[string]mining.Reason{
		"10.9.1.1:1": mining.AccessDenied, "10.6.6.6:1": mining.Banned, "10.1.2.3:2": mining.MaxPerAddress,
	} {
		for _, version := range []byte{1, 2} {
			for _, then := range []string{"{}\n", "\x16\x03\x01", "CONNECT h:1 HTTP/1.1\r\n\r\n"} {
				conn := dial(t, addr)
				say(t, conn, header(t, version, source, "192.0.2.1:2")+then)
				if got := counts.next(); got != want {
					t.Errorf("%s by version %d: %s, want %s", source, version, got, want)
				}
				_, _ = io.Copy(io.Discard, conn)
			}
		}
	}
	own := dial(t, addr)
	say(t, own, v2(0x20, 0, "")+"{}\n")
	hear(t, own, "{}\n")
	if n := door.Evict(of(netip.MustParsePrefix("10.1.2.3/32"), mining.Banned)); n != 1 {
		t.Errorf("%d of an address behind the proxy are ended", n)
	}
}

// An HTTP client behind the proxy is answered as any other.
func TestProxiedHTTP(t *testing.T) {
	addr := start(t, Config{ProxyFrom: loopback()}, Deps{Serve: never(t)})
	conn := dial(t, addr)
	say(t, conn, header(t, 2, "10.1.2.3:1", "192.0.2.1:2")+"GET / HTTP/1.1\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("answered %s", resp.Status)
	}
}

// Whatever comes in whatever pieces: no more than a header is taken, the address in it is
// one that somebody can have, and what follows is all there.
func FuzzProxyHeader(f *testing.F) {
	for _, h := range heads(f) {
		f.Add([]byte(h.text+"{\"id\":1}\n"), uint16(7))
		f.Add([]byte(h.text), uint16(1))
	}
	f.Add([]byte("PROXY \n"), uint16(100))
	f.Add([]byte(proxyV2+"\x21\x11\xff\xff"), uint16(3))
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		if sniff(text) != proxyHeader {
			return
		}
		conn := &scripted{}
		for at := 0; at < len(text); at += int(size) + 1 {
			conn.chunks = append(conn.chunks, text[at:min(len(text), at+int(size)+1)])
		}
		v := &visit{opening: &opening{conn: conn, behind: true, arrival: mining.Arrival{Remote: netip.MustParseAddrPort("127.0.0.1:1")}}}
		if p, reason := v.first(t.Context()); p != proxyHeader || reason != "" {
			t.Fatalf("first of all comes %d, %s", p, reason)
		}
		reason := v.announced(t.Context())
		left := bytes.Join(conn.chunks, nil)
		read := len(text) - len(left)
		if read > fixedV2+mostV2 {
			t.Errorf("%d bytes were read", read)
		}
		if reason != "" {
			if v.proxy.IsValid() || v.arrival.Remote != netip.MustParseAddrPort("127.0.0.1:1") {
				t.Errorf("refused as %s, and from %s", reason, v.arrival.Remote)
			}
			return
		}
		if a := v.arrival.Remote.Addr(); !a.IsValid() || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
			t.Errorf("it comes from %s", a)
		}
		want, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(text), 8<<10))
		if err != nil {
			t.Fatalf("the library finds no header: %v", err)
		}
		if source, _, ok := want.TCPAddrs(); ok && !want.Command.IsLocal() && source.AddrPort().Port() != v.arrival.Remote.Port() {
			t.Errorf("from %s, the library says %s", v.arrival.Remote, source)
		}
		if !bytes.HasSuffix(text, append(bytes.Clone(v.have), left...)) || v.announces() {
			t.Errorf("kept %q of %q", v.have, text)
		}
	})
}

// The first byte that is waited for is the miner's: a proxy's header is not one.
func TestFirstByteAfterAHeader(t *testing.T) {
	counts := newTally()
	door := guard.New(guard.Config{}, guard.Deps{})
	cfg := Config{HandshakeTimeout: 15 * time.Second, FirstByteTimeout: 10 * time.Second, ProxyFrom: loopback()}
	underGate(t, cfg, door, Deps{Serve: never(t), Metrics: counts.metrics()}, func(q *queue) {
		_, _ = io.WriteString(q.come("127.0.0.1"), header(t, 1, "10.1.2.3:12345", "192.0.2.1:3333"))
		time.Sleep(10*time.Second + time.Nanosecond)
		synctest.Wait()
		if n := counts.count(mining.FirstByteTimeout); n != 1 {
			t.Errorf("%d ended for want of a first byte", n)
		}
	})
}
