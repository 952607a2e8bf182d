package wire

import (
	"net"
	"syscall"
	"time"
)

// maxDiscard bounds what is read and dropped before a socket is closed.
const maxDiscard = 64 << 10

// wrapper is a connection around another, as TLS is.
type wrapper interface{ NetConn() net.Conn }

// tcpOf returns the TCP connection at the bottom of conn, or nil.
func tcpOf(conn net.Conn) *net.TCPConn {
	for {
		w, ok := conn.(wrapper)
		if !ok {
			break
		}
		conn = w.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}

// Keepalive keeps a farm's NAT from forgetting a silent miner.
const (
	keepIdle     = 30 * time.Second
	keepInterval = 10 * time.Second
	keepCount    = 3
)

// setOptions sets no delay, keepalive, the same patience for data that is under
// way, and what the kernel may keep, if that is bounded.
func setOptions(conn net.Conn, buffer int) {
	tcp := tcpOf(conn)
	if tcp == nil {
		return
	}
	if buffer > 0 {
		_ = tcp.SetReadBuffer(buffer)
		_ = tcp.SetWriteBuffer(buffer)
	}
	_ = tcp.SetNoDelay(true)
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable:   true,
		Idle:     keepIdle,
		Interval: keepInterval,
		Count:    keepCount,
	})
	setUserTimeout(tcp, keepIdle+keepCount*keepInterval)
}

// hangUp closes the socket. An abrupt end resets it, so that the kernel does
// not go on with what the peer did not take. Otherwise what the peer sent
// last is read first, for a socket closed with unread data is reset, and
// that would take our last reply from the peer.
func (c *Conn) hangUp(abrupt bool) {
	tcp := tcpOf(c.conn)
	switch {
	case tcp == nil:
	case abrupt:
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	default:
		c.leaveNothing(tcp)
	}
	_ = c.conn.Close()
}

// leaveNothing says that nothing more comes, and reads what is there below a TLS
// connection, too.
func (c *Conn) leaveNothing(tcp *net.TCPConn) {
	raw := rawOf(tcp)
	if raw == nil {
		return
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = tcp.CloseWrite()
	_ = tcp.SetReadDeadline(time.Time{})
	_ = raw.Read(discard)
}

// discard reads what is there and drops it.
func discard(fd uintptr) bool {
	scratch := borrow()
	defer scratches.Put(scratch)
	for range maxDiscard / scratchSize {
		if n, errno := rawRead(fd, scratch[:]); n == 0 || errno != syscall.Errno(0) {
			break
		}
	}
	return true
}
