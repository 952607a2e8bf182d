//go:build linux || darwin

package listen

import (
	"fmt"
	"syscall"
)

// bindAnyPort binds a socket that is not connected yet to a port that the kernel
// chooses, and returns it; the address is left to the kernel.
func bindAnyPort(c syscall.RawConn, six bool) (port uint16, err error) {
	var wild syscall.Sockaddr = &syscall.SockaddrInet4{}
	if six {
		wild = &syscall.SockaddrInet6{}
	}
	outer := c.Control(func(fd uintptr) {
		if err = syscall.Bind(int(fd), wild); err != nil {
			err = fmt.Errorf("bind: %w", err)
			return
		}
		var at syscall.Sockaddr
		if at, err = syscall.Getsockname(int(fd)); err != nil {
			err = fmt.Errorf("getsockname: %w", err)
			return
		}
		switch at := at.(type) {
		case *syscall.SockaddrInet4:
			port = uint16(at.Port) //nolint:gosec // ports have 16 bits
		case *syscall.SockaddrInet6:
			port = uint16(at.Port) //nolint:gosec // as above
		}
	})
	if outer != nil {
		return 0, fmt.Errorf("use the socket: %w", outer)
	}
	return port, err
}
