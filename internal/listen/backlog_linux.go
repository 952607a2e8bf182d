package listen

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Backlog says what waits to be accepted; ok is false where the system does not say.
func (l *Listener) Backlog() (b Backlog, ok bool) {
	tcp, ok := l.ln.(syscall.Conn)
	if !ok {
		return Backlog{}, false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return Backlog{}, false
	}
	err = raw.Control(func(fd uintptr) {
		// Of a socket that listens these two say how long its queue is, and may be.
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if ok = err == nil; ok {
			b = Backlog{Waiting: int(info.Unacked), Most: int(info.Sacked)}
		}
	})
	return b, ok && err == nil
}

// ReadOverflows reads how often the kernel has dropped who wanted to connect; ok is
// false where it does not say.
func ReadOverflows() (Overflows, bool) {
	text, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		return Overflows{}, false
	}
	return parseOverflows(text)
}
