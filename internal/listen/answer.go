package listen

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// httpAnswer is what an HTTP client gets that is refused; empty is nothing.
func httpAnswer(reason mining.Reason) string {
	var body string
	status := "400 Bad Request"
	switch reason {
	case mining.HTTPRequest:
		body = "This port speaks Stratum to miners, not HTTP.\n" +
			"Point a miner at it as stratum+tcp://<this host>:<this port>, or stratum+ssl:// where it has TLS.\n"
	case mining.ConnectMalformed:
		body = "This CONNECT cannot be read: write CONNECT HOST:PORT HTTP/1.1, or HOST:PORT/ROUTE.\n"
	case mining.ConnectForbidden:
		status, body = "403 Forbidden", "That is no pool of this proxy, or no route takes this miner to it.\n"
	case mining.ConnectNoRoute:
		status, body = "404 Not Found", "This proxy has no route of that name.\n"
	case mining.ConnectNoPool:
		status, body = "502 Bad Gateway", "No pool can be reached for it now.\n"
	default:
		return ""
	}
	return "HTTP/1.1 " + status + "\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n" +
		"Connection: close\r\n\r\n" + body
}

// answerHTTP says why a connection is refused. The request is read to its end as
// far as that comes soon, for closing with unread bytes would reset the answer
// away.
func (v *visit) answerHTTP(ctx context.Context, answer string) {
	v.patience(time.Now().Add(linger))
	defer v.heed(ctx)()
	if _, err := io.WriteString(v.conn, answer); err != nil {
		return
	}
	if half, ok := v.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, v.conn, lingerBytes)
}
