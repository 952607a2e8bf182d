package listen

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/loka/stratum/internal/mining"
)

const (
	// linger is how long a refused HTTP client may take to read the answer.
	linger = time.Second
	// lingerBytes is how much of its request is read meanwhile.
	lingerBytes = 64 << 10
)

// httpBody is what an HTTP client gets to read.
const httpBody = "This port speaks Stratum to miners, not HTTP.\n" +
	"Point a miner at it as stratum+tcp://<this host>:<this port>\n"

// httpAnswer is what an HTTP client gets.
func httpAnswer() string {
	return "HTTP/1.1 400 Bad Request\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n" +
		"Content-Length: " + strconv.Itoa(len(httpBody)) + "\r\n" +
		"Connection: close\r\n\r\n" + httpBody
}

// handle tells the protocol of a connection and hands it on or refuses it.
func (l *Listener) handle(ctx context.Context, conn net.Conn) {
	preread, reason := l.first(ctx, conn)
	if reason == "" {
		l.deps.Serve(ctx, conn, preread, func() { l.gone(conn) })
		return
	}
	defer l.gone(conn)
	l.refused(ctx, conn, reason)
	if reason == mining.HTTPRequest {
		answerHTTP(ctx, conn)
	}
}

// first reads until the protocol is known. reason is empty for Stratum.
func (l *Listener) first(ctx context.Context, conn net.Conn) (preread []byte, reason mining.Reason) {
	_ = conn.SetReadDeadline(time.Now().Add(l.cfg.Load().HandshakeTimeout))
	stop := interruptible(ctx, conn)
	defer stop()
	var few [longestMethod]byte
	n, err := conn.Read(few[:])
	for err == nil && sniff(few[:n]) == undecided {
		var more int
		more, err = conn.Read(few[n:])
		n += more
	}
	p := sniff(few[:n])
	switch {
	case p != undecided:
		_ = conn.SetReadDeadline(time.Time{})
		return bytes.Clone(few[:n]), p.reason()
	case ctx.Err() != nil:
		return nil, mining.Shutdown
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, mining.HandshakeTimeout
	case errors.Is(err, io.EOF):
		return nil, mining.PeerClosed
	case errors.Is(err, syscall.ECONNRESET):
		return nil, mining.PeerReset
	default:
		return nil, mining.ReadFailed
	}
}

// interruptible lets the end of ctx break off reads of conn until stop is
// called.
func interruptible(ctx context.Context, conn net.Conn) (stop func()) {
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !cancel() {
			<-done
		}
	}
}

// answerHTTP says what this port is. The request is read to its end as far
// as that comes soon, for closing with unread bytes would reset the answer
// away.
func answerHTTP(ctx context.Context, conn net.Conn) {
	stop := interruptible(ctx, conn)
	defer stop()
	if ctx.Err() != nil {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(linger))
	if _, err := io.WriteString(conn, httpAnswer()); err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, conn, lingerBytes)
}
