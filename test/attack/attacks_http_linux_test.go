package attack

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// reader begins to read what the other side says.
func (c *client) reader() { c.r = bufio.NewReaderSize(c.conn, 4<<10) }

// exchange connects, says something, waits for the first of the answer and leaves. A
// refusal by the other side is what is expected.
func (at *target) exchange(ctx context.Context, to string, i int, says []byte) error {
	conn, done, err := at.dial(ctx, to, i)
	if err != nil {
		return err
	}
	defer done()
	if err := at.write(ctx, conn, says); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	var buf [4096]byte
	if n, _ := conn.Read(buf[:]); n > 0 {
		at.answers.Add(1)
	}
	return nil
}

// tlsHellos begins TLS and leaves when the server has done its part, on the port that
// has TLS and on the one that has not.
type tlsHellos struct{}

func (tlsHellos) Name() string { return "TLS hellos" }

func (tlsHellos) Run(ctx context.Context, at *target) {
	hello := clientHello()
	many(ctx, 32, func(i int) error {
		if i%8 == 0 {
			return at.exchange(ctx, at.Plain, i, hello)
		}
		return at.exchange(ctx, at.TLS, i, hello)
	})
}

// clientHello is a real one.
func clientHello() []byte {
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	go func() {
		_ = tls.Client(ours, &tls.Config{ServerName: "farm.example", MinVersion: tls.VersionTLS12}).Handshake()
		_ = ours.Close()
	}()
	buf := make([]byte, 4096)
	n, _ := theirs.Read(buf)
	return buf[:n]
}

// webRequests asks the mining port for pages.
type webRequests struct{}

func (webRequests) Name() string { return "HTTP garbage" }

func (webRequests) Run(ctx context.Context, at *target) {
	many(ctx, 64, func(i int) error {
		method := [...]string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "PRI"}[i%6]
		return at.exchange(ctx, at.Plain, i, []byte(method+" /"+strings.Repeat("../", 50)+" HTTP/1.1\r\nHost: x\r\n\r\n"))
	})
}

// tunnels asks for connections to elsewhere.
type tunnels struct{}

func (tunnels) Name() string { return "CONNECT flood" }

func (tunnels) Run(ctx context.Context, at *target) {
	many(ctx, 64, func(i int) error {
		to := fmt.Sprintf("host%d.example:%d", i, 1+i%65535)
		if i%3 == 0 {
			to = at.HTTP
		}
		return at.exchange(ctx, at.Plain, i, []byte("CONNECT "+to+" HTTP/1.1\r\nHost: "+to+"\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n"))
	})
}

// proxyHeaders claims to come from elsewhere, by headers of both versions, some of
// which do not end.
type proxyHeaders struct{}

func (proxyHeaders) Name() string { return "PROXY header spoofing" }

func (proxyHeaders) Run(ctx context.Context, at *target) {
	const signature = "\r\n\r\n\x00\r\nQUIT\n"
	many(ctx, 32, func(i int) error {
		var header []byte
		switch i % 4 {
		case 0:
			header = fmt.Appendf(nil, "PROXY TCP4 10.%d.%d.1 10.0.0.1 %d 3333\r\n", i>>8&255, i&255, 1024+i%60000)
		case 1:
			header = append([]byte(signature), 0x21, 0x11, 0, 12, 10, byte(i>>8), byte(i), 1, 10, 0, 0, 1, 4, 0, 13, 5)
		case 2:
			header = append([]byte("PROXY TCP6 "), bytes.Repeat([]byte("f"), 32<<10)...)
		case 3:
			header = append([]byte(signature), 0x21, 0x11)
			header = binary.BigEndian.AppendUint16(header, 0xffff)
		}
		return at.exchange(ctx, at.Plain, i, append(header, subscribeLine...))
	})
}

// bruteForce guesses the API's token, and keeps some connections that never finish
// their request.
type bruteForce struct{}

func (bruteForce) Name() string { return "API brute force" }

func (bruteForce) Run(ctx context.Context, at *target) {
	half := crowd{at: at, to: sockaddr(at.HTTP)}
	defer half.leave(0)
	for range 500 {
		_ = half.open()
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 32, MaxConnsPerHost: 32,
		DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
			conn, _, err := at.dial(ctx, to, int(at.connects.Load()))
			return conn, err
		},
	}
	defer transport.CloseIdleConnections()
	requests := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	many(ctx, 32, func(i int) error {
		method, path := http.MethodPost, "/api/v1/reload"
		if i%4 == 0 {
			method, path = http.MethodDelete, fmt.Sprintf("/api/v1/miners/%d", i)
		}
		req, err := http.NewRequestWithContext(ctx, method, "http://"+at.HTTP+path, http.NoBody)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", fmt.Sprintf("Bearer guess-%d", i))
		resp, err := requests.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(io.Discard, resp.Body)
		at.answers.Add(1)
		if resp.StatusCode < 300 {
			panic("a guessed token was taken") // ends this process, and with it the test
		}
		return nil
	})
}
