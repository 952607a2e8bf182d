//go:build linux || darwin

package listen

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// bindAnyPort binds a socket that is not connected yet to an address of this machine
// and a port of it that the kernel chooses, and returns the port.
func bindAnyPort(c syscall.RawConn, addr netip.Addr) (port uint16, err error) {
	own, err := sockaddr(addr)
	if err != nil {
		return 0, err
	}
	outer := c.Control(func(fd uintptr) {
		if err = syscall.Bind(int(fd), own); err != nil {
			err = fmt.Errorf("bind to %s: %w", addr, err)
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

// sockaddr is an address with any port.
func sockaddr(addr netip.Addr) (syscall.Sockaddr, error) {
	if addr.Is4() {
		return &syscall.SockaddrInet4{Addr: addr.As4()}, nil
	}
	at := &syscall.SockaddrInet6{Addr: addr.As16()}
	if zone := addr.Zone(); zone != "" {
		link, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", zone, err)
		}
		at.ZoneId = uint32(link.Index) //nolint:gosec // there are not as many
	}
	return at, nil
}
