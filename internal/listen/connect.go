package listen

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
)

const (
	// maxHead bounds a CONNECT request with all its headers, in bytes.
	maxHead = 8 << 10
	// headChunk is how much of it is read at a time.
	headChunk = 512
	// maxRoute is how much of the name of a route is kept, in bytes: more than
	// one may have.
	maxRoute = 80
)

// established is the answer to a CONNECT that is granted. It leaves in one piece:
// cgminer looks at the first 12 bytes of what its first read brings.
const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// tunnel reads a CONNECT and grants it if ask does not object. What came after it
// is kept: some clients do not wait for the answer.
func (v *visit) tunnel(ctx context.Context, ask func(mining.Arrival) mining.Reason) mining.Reason {
	end, line := headEnd(v.have, 0)
	for end < 0 {
		room := min(headChunk, maxHead-len(v.have))
		if room == 0 {
			return mining.ConnectMalformed
		}
		if err := v.read(room); err != nil {
			return v.failed(ctx, err)
		}
		end, line = headEnd(v.have, line)
	}
	var ok bool
	v.arrival.Connect, v.arrival.ConnectRoute, ok = parseConnect(string(v.have[:end]))
	v.have = bytes.Clone(v.have[end:])
	if !ok {
		return mining.ConnectMalformed
	}
	if reason := ask(v.arrival); reason != "" {
		return reason
	}
	v.turn.Give() // it waits for who takes nothing, as TLS may have filled what the kernel keeps
	_, err := io.WriteString(v.conn, established)
	if v.takeTurn(); err != nil {
		return v.failed(ctx, err)
	}
	return ""
}

// headEnd is where the head of a request ends, after its blank line, or -1, and
// where the line begins that has no end yet. from is the beginning of a line.
func headEnd(b []byte, from int) (end, line int) {
	for {
		n := bytes.IndexByte(b[from:], '\n')
		if n < 0 {
			return -1, from
		}
		text := bytes.TrimSuffix(b[from:from+n], []byte{'\r'})
		if from += n + 1; len(text) == 0 {
			return from, from
		}
	}
}

// parseConnect reads the head of a CONNECT: its target, as [steer.Target] writes
// it, and what follows that after a slash. The target may be written as a URL,
// for some put the pool's URL there. Headers are looked at for their shape only;
// a Proxy-Authorization says nothing here and is not kept.
func parseConnect(head string) (target, route string, ok bool) {
	request, headers, _ := strings.Cut(head, "\n")
	request = strings.TrimSuffix(request, "\r")
	uri, isConnect := strings.CutPrefix(request, connectMethod)
	uri, version, _ := strings.Cut(uri, " ")
	if !isConnect || version != "HTTP/1.1" && version != "HTTP/1.0" || !wellFormed(headers) {
		return "", "", false
	}
	if _, rest, isURL := strings.Cut(uri, "://"); isURL {
		uri = rest
	}
	authority, route, _ := strings.Cut(uri, "/")
	if target, ok = steer.Target(authority); !ok || strings.ContainsFunc(route, unprintable) {
		return "", "", false
	}
	return target, route[:min(len(route), maxRoute)], true
}

// wellFormed says whether header lines are such, without lines that go on.
func wellFormed(headers string) bool {
	for line := range strings.Lines(headers) {
		line = strings.TrimRight(line, "\r\n")
		name, value, colon := strings.Cut(line, ":")
		if line != "" && (!colon || name == "" || strings.ContainsFunc(name, unprintable) || strings.ContainsFunc(value, control)) {
			return false
		}
	}
	return true
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
