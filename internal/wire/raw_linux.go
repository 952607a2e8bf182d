package wire

import (
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawOf returns the raw connection of a plain TCP connection, or nil.
func rawOf(conn net.Conn) syscall.RawConn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// rawRead is read(2) on a non-blocking descriptor. It bypasses the
// scheduler's bookkeeping, which costs twice the call itself where the
// machine is mostly idle and cannot matter as the call never blocks.
// p is not empty.
func rawRead(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		//nolint:gosec // the system call needs the address
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// rawWrite is write(2) likewise. p is not empty.
func rawWrite(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		//nolint:gosec // the system call needs the address
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// setUserTimeout ends a connection whose peer acknowledges nothing for so
// long. Keepalive cannot: it is silent while data is under way, and without
// this a miner that lost its power stays for a quarter of an hour.
func setUserTimeout(tcp *net.TCPConn, timeout time.Duration) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(timeout/time.Millisecond))
	})
}
