package wire

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/loka/stratum/internal/mining"
)

// reasoned is an error or cause that names the reason for an end.
type reasoned interface{ Reason() mining.Reason }

// reasonIn finds the reason that err carries, or returns fallback.
func reasonIn(err error, fallback mining.Reason) mining.Reason {
	var r reasoned
	if errors.As(err, &r) && r.Reason() != "" {
		return r.Reason()
	}
	return fallback
}

// readReason names the end that a read error means. A TLS peer that leaves
// without close_notify, as most do, closed in the ordinary way.
func readReason(err error) mining.Reason {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return mining.PeerClosed
	case isReset(err):
		return mining.PeerReset
	default:
		return mining.ReadFailed
	}
}

// writeReason names the end that a write error means.
func writeReason(err error) mining.Reason {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return mining.SlowConsumer
	case isReset(err):
		return mining.PeerReset
	default:
		return mining.WriteFailed
	}
}

// isReset reports that the peer is gone without a word.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// shutdownReason is the reason of a context's end: what its cause carries,
// else shutdown.
func shutdownReason(ctx context.Context) mining.Reason {
	return reasonIn(context.Cause(ctx), mining.Shutdown)
}
