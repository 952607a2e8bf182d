package testkit

import (
	"net"
	"time"
)

// DefaultBuffer is how many bytes each direction of a [Pipe] holds.
const DefaultBuffer = 64 << 10

// Conn is one end of a connection in memory. It may be used by any number of
// goroutines, as a net.Conn may.
type Conn struct {
	in, out       *half
	local, remote net.TCPAddr
}

var _ net.Conn = (*Conn)(nil)

// Pipe makes a connected pair with [DefaultBuffer] in each direction.
func Pipe() (a, b *Conn) { return PipeSize(DefaultBuffer) }

// PipeSize makes a connected pair of which each direction holds size bytes
// that were written and not read; a write of more waits.
func PipeSize(size int) (a, b *Conn) {
	ab, ba := newHalf(size), newHalf(size)
	left := net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3333}
	right := net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 50000}
	return &Conn{in: ba, out: ab, local: left, remote: right},
		&Conn{in: ab, out: ba, local: right, remote: left}
}

// Read reads what came; see [net.Conn].
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write writes all of p, waiting for room; see [net.Conn].
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close closes both directions. The peer reads what is on its way and then
// io.EOF; its writes fail with EPIPE.
func (c *Conn) Close() error {
	c.in.change(func() { c.in.closed = true })
	c.out.change(func() { c.out.fin = true })
	c.in.stop()
	c.out.stop()
	return nil
}

// CloseWrite closes our direction alone, as a FIN does.
func (c *Conn) CloseWrite() error {
	c.out.change(func() { c.out.fin = true })
	return nil
}

// Reset ends the connection as a RST does: what is on its way is lost, the
// peer's reads fail with ECONNRESET and its writes with EPIPE.
func (c *Conn) Reset() {
	// The peer first: a reader of ours that wakes and closes must not turn
	// the reset into a FIN.
	c.out.change(func() { c.out.reset, c.out.fin, c.out.buf = true, true, nil })
	c.in.change(func() { c.in.closed = true })
	c.in.stop()
	c.out.stop()
}

// LocalAddr is a TCP address of a documentation net.
func (c *Conn) LocalAddr() net.Addr { return &c.local }

// RemoteAddr is a TCP address of a documentation net.
func (c *Conn) RemoteAddr() net.Addr { return &c.remote }

// SetDeadline sets both deadlines; see [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.set(&c.in.readBy, t)
	c.out.set(&c.out.writeBy, t)
	return nil
}

// SetReadDeadline sets the deadline of reads; see [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.set(&c.in.readBy, t)
	return nil
}

// SetWriteDeadline sets the deadline of writes; see [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.set(&c.out.writeBy, t)
	return nil
}

// Chunk makes reads at this end return at most n bytes; 0 is no limit.
func (c *Conn) Chunk(n int) { c.in.change(func() { c.in.chunk = n }) }

// Freeze makes this end take in nothing more, as a host that hangs: what the
// peer writes waits even where there is room. Thaw ends it.
func (c *Conn) Freeze() { c.in.change(func() { c.in.frozen = true }) }

// Thaw ends Freeze.
func (c *Conn) Thaw() { c.in.change(func() { c.in.frozen = false }) }

// FailWrites makes writes at this end fail with err after n more bytes.
func (c *Conn) FailWrites(n int, err error) {
	c.out.change(func() { c.out.failAfter, c.out.failErr = n, err })
}

// FINWithData makes the read at this end that returns the last byte before
// the peer's FIN return io.EOF with it.
func (c *Conn) FINWithData() { c.in.change(func() { c.in.finWithData = true }) }

// Writes counts the calls of Write at this end.
func (c *Conn) Writes() int {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.writes
}

// Buffered counts the bytes that came and were not read at this end.
func (c *Conn) Buffered() int {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return len(c.in.buf)
}
