package sim

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	// tunnelTimeout is how long a proxy may take to answer a CONNECT.
	tunnelTimeout = 10 * time.Second
	// maxTunnelAnswer bounds the head of its answer, in bytes.
	maxTunnelAnswer = 4 << 10
)

// tunnel asks for an HTTP CONNECT as cgminer does, and is an error if it is not
// granted.
func tunnel(ctx context.Context, conn net.Conn, target string) error {
	_ = conn.SetDeadline(time.Now().Add(tunnelTimeout))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target); err != nil {
		return fmt.Errorf("ask for CONNECT %s: %w", target, err)
	}
	var head strings.Builder
	var one [1]byte // what follows the answer is Stratum's
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		if _, err := io.ReadFull(conn, one[:]); err != nil {
			return fmt.Errorf("answer to CONNECT %s: %q: %w", target, head.String(), err)
		}
		if head.Len() == maxTunnelAnswer {
			return fmt.Errorf("answer to CONNECT %s: more than %d bytes", target, maxTunnelAnswer)
		}
		head.Write(one[:])
	}
	status, _, _ := strings.Cut(head.String(), "\r\n")
	if !strings.HasPrefix(status, "HTTP/1.1 200") && !strings.HasPrefix(status, "HTTP/1.0 200") {
		return fmt.Errorf("CONNECT %s: %s", target, status)
	}
	return conn.SetDeadline(time.Time{}) //nolint:wrapcheck // the error names the operation
}
