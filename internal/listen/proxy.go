package listen

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"

	"github.com/pires/go-proxyproto"

	"github.com/loka/stratum/internal/mining"
)

// The PROXY protocol (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt): a
// load balancer says first for whom it has made the connection.
const (
	proxyV1 = "PROXY "
	proxyV2 = "\r\n\r\n\x00\r\nQUIT\n"
	// mostV1 is how long a header of version 1 is at the most, in bytes.
	mostV1 = 107
	// fixedV2 is the part of one of version 2 that has always the same length, of
	// whose end two bytes say how long the rest is; mostV2 is the longest rest that
	// is taken. Without extensions it has 12 bytes for IPv4, 36 for IPv6.
	fixedV2 = 16
	mostV2  = 4096
)

// announces says that a PROXY header may come now: first of all, once, from a proxy that
// is believed.
func (v *visit) announces() bool {
	return v.behind && !v.proxy.IsValid() && !v.arrival.TLS && v.arrival.Connect == ""
}

// announced reads a PROXY header. The connection has come from the address in it, or, if
// there is none, from the proxy itself.
func (v *visit) announced(ctx context.Context) mining.Reason {
	size, more := headerSize(v.have)
	for size == 0 && more > 0 {
		if err := v.read(more); err != nil {
			return v.failed(ctx, err)
		}
		size, more = headerSize(v.have)
	}
	if size == 0 {
		return mining.ProxyHeaderMalformed
	}
	source, err := parseHeader(v.have[:size])
	if err != nil {
		v.err = err
		return mining.ProxyHeaderMalformed
	}
	v.have = bytes.Clone(v.have[size:])
	v.proxy = v.arrival.Remote
	if source.IsValid() {
		v.arrival.Remote = source
		v.heard = len(v.have) > 0 // of whom it is for; the header was the proxy's
	}
	return ""
}

// headerSize is the length of the header that b begins with; 0 is not known: then more is
// how many bytes more may be read, and 0 that it is none.
func headerSize(b []byte) (size, more int) {
	if bytes.HasPrefix(b, []byte(proxyV1)) {
		end := bytes.IndexByte(b[:min(len(b), mostV1)], '\n')
		if end < 0 {
			return 0, max(0, mostV1-len(b))
		}
		return end + 1, 0
	}
	if len(b) < fixedV2 {
		return 0, fixedV2 - len(b)
	}
	rest := int(binary.BigEndian.Uint16(b[fixedV2-2:]))
	switch {
	case rest > mostV2:
		return 0, 0
	case len(b) < fixedV2+rest:
		return 0, fixedV2 + rest - len(b)
	}
	return fixedV2 + rest, 0
}

// sourceError is a header whose address nobody can have.
type sourceError struct{ what string }

func (e *sourceError) Error() string { return "PROXY header with " + e.what }

// parseHeader reads a whole header. The zero AddrPort is that the proxy speaks for itself
// (LOCAL), or does not know for whom (UNKNOWN, UNSPEC, a UNIX socket).
func parseHeader(b []byte) (netip.AddrPort, error) {
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b), len(b)))
	if err != nil {
		return netip.AddrPort{}, err //nolint:wrapcheck // it says that it is of the header
	}
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() || h.TransportProtocol.IsUnix() {
		return netip.AddrPort{}, nil
	}
	source, _, ok := h.TCPAddrs()
	if !ok {
		return netip.AddrPort{}, &sourceError{"what is no TCP address"}
	}
	a := source.AddrPort()
	addr := a.Addr().Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() || !addr.IsValid() {
		return netip.AddrPort{}, &sourceError{"the address " + addr.String()}
	}
	return netip.AddrPortFrom(addr, a.Port()), nil
}
