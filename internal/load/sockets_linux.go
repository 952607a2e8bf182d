package load

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Sockets are the descriptors of this process that belong to connections accepted at
// an address.
func Sockets(address string) ([]int, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("the sockets of an address: %w", err)
	}
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, fmt.Errorf("the descriptors of this process: %w", err)
	}
	var found []int
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil {
			return nil, fmt.Errorf("a descriptor of this process: %w", err)
		}
		// A listener has no peer.
		if _, err := unix.Getpeername(fd); err != nil {
			continue
		}
		if own, err := unix.Getsockname(fd); err == nil && portOf(own) == int(at.Port()) {
			found = append(found, fd)
		}
	}
	return found, nil
}

func portOf(addr unix.Sockaddr) int {
	switch a := addr.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	default:
		return 0
	}
}

// WriteAll is the least that a fan-out can do: two goroutines that call write(2) in a
// loop. The sockets are not closed meanwhile.
func WriteAll(sockets []int, line []byte) error {
	var (
		both sync.WaitGroup
		errs [2]error
	)
	half := len(sockets) / 2
	for i, part := range [][]int{sockets[:half], sockets[half:]} {
		both.Go(func() {
			for _, fd := range part {
				if n, errno := rawCall(unix.SYS_WRITE, fd, line); errno != 0 || n != len(line) {
					errs[i] = fmt.Errorf("wrote %d bytes of %d: %w", n, len(line), errno)
				}
			}
		})
	}
	both.Wait()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}
