package wire

import (
	"net"
	"syscall"
	"testing"
)

// What the kernel keeps of both directions is bounded where that is asked for, under
// whatever the connection is around in, and the system's where it is not.
func TestSocketBuffer(t *testing.T) {
	sizes := func(conn *net.TCPConn) (sizes [2]int) {
		t.Helper()
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) {
			for i, option := range []int{syscall.SO_RCVBUF, syscall.SO_SNDBUF} {
				if sizes[i], err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, option); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return sizes
	}
	const buffer = 24 << 10
	for name, test := range map[string]struct {
		buffer int
		want   func(before [2]int) [2]int
	}{
		"bounded":      {buffer, func([2]int) [2]int { return [2]int{2 * buffer, 2 * buffer} }}, // Linux doubles
		"the system's": {0, func(before [2]int) [2]int { return before }},
	} {
		near, far := roomyPair(t)
		defer func() { _ = far.Close() }()
		tcp := near.(*net.TCPConn)
		want := test.want(sizes(tcp))
		r := &rig{t: t, peer: far, reset: func() { _ = far.Close() }}
		run(r, around{near}, Config{SocketBuffer: test.buffer}, func(r *rig) {
			r.echo()
			r.start()
			r.say("x\n")
			r.hear("[x]\n")
			if got := sizes(tcp); got != want {
				t.Errorf("%s: buffers of %v bytes, want %v", name, got, want)
			}
		})
	}
}

// around is a connection around another.
type around struct{ net.Conn }

func (w around) NetConn() net.Conn { return w.Conn }
