//go:build !linux && !darwin

package listen

import (
	"errors"
	"net/netip"
	"syscall"
)

// bindAnyPort is not there on this system.
func bindAnyPort(syscall.RawConn, netip.Addr) (uint16, error) {
	return 0, errors.ErrUnsupported
}
