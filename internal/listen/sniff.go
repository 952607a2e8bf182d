package listen

import (
	"bytes"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

// protocol is what the first bytes of a connection speak.
type protocol uint8

const (
	undecided protocol = iota
	stratum
	webRequest
	connectRequest
	tlsHello
	proxyHeader
	unknown
)

// reason is why a connection is refused by its protocol; empty for Stratum.
func (p protocol) reason() mining.Reason {
	switch p {
	case webRequest, connectRequest:
		return mining.HTTPRequest
	case tlsHello:
		return mining.TLSNotEnabled
	case proxyHeader:
		return mining.ProxyHeaderUntrusted
	case unknown:
		return mining.UnknownProtocol
	default:
		return ""
	}
}

// longestStart is how many bytes tell what they are the start of.
const longestStart = len(proxyV2)

const connectMethod = "CONNECT "

// sniff tells what the first bytes speak. It is undecided only while they
// are the start of something longer, less than longestStart bytes.
func sniff(b []byte) protocol {
	if len(b) == 0 {
		return undecided
	}
	if b[0] == proxyV2[0] { // as empty lines begin, too
		switch {
		case bytes.HasPrefix(b, []byte(proxyV2)):
			return proxyHeader
		case strings.HasPrefix(proxyV2, string(b)):
			return undecided
		}
	}
	switch b[0] {
	case '{', '[', ' ', '\t', '\r', '\n':
		return stratum
	case 0x16: // a TLS handshake record, then its version 3.x
		switch {
		case len(b) == 1:
			return undecided
		case b[1] == 0x03:
			return tlsHello
		}
		return unknown
	}
	for _, method := range []string{"GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", connectMethod, "PATCH ", "TRACE ", "PRI ", proxyV1} {
		switch {
		case strings.HasPrefix(method, string(b)) && method != string(b):
			return undecided
		case !bytes.HasPrefix(b, []byte(method)):
		case method == connectMethod:
			return connectRequest
		case method == proxyV1:
			return proxyHeader
		default:
			return webRequest
		}
	}
	return unknown
}
