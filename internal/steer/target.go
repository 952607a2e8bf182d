package steer

import (
	"net/netip"
	"strconv"
	"strings"
)

// maxHost is the longest host name, in bytes (RFC 1035).
const maxHost = 253

// Target reads host:port into the form in which targets are compared: a name in
// lower case and without a dot at its end, an address as netip writes it, IPv6 in
// brackets, a port without zeros before it. ok is false for anything else; the
// port is from 1 to 65535.
func Target(text string) (target string, ok bool) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 0 {
		return "", false
	}
	port, err := strconv.ParseUint(text[colon+1:], 10, 16)
	if err != nil || port == 0 {
		return "", false
	}
	host, ok := targetHost(text[:colon])
	if !ok {
		return "", false
	}
	return host + ":" + strconv.FormatUint(port, 10), true
}

func targetHost(text string) (host string, ok bool) {
	inner, bracketed := strings.CutPrefix(text, "[")
	if bracketed {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return "[" + addr.String() + "]", ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.String(), addr.Is4()
	}
	host = strings.ToLower(strings.TrimSuffix(text, "."))
	if len(host) > maxHost || strings.Contains("."+host+".", "..") {
		return "", false
	}
	return host, strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}
