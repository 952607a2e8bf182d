//go:build !linux && !darwin

package listen

import (
	"errors"
	"syscall"
)

// bindAnyPort is not there on this system.
func bindAnyPort(syscall.RawConn, bool) (uint16, error) {
	return 0, errors.ErrUnsupported
}
