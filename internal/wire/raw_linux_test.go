package wire

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/mining"
)

func TestSocketOptions(t *testing.T) {
	ways()["tcp"](t, Config{}, func(r *rig) {
		r.echo()
		r.start()
		r.say("x\n")
		r.hear("[x]\n")
		for name, tt := range map[string]struct{ level, option, want int }{
			"no delay":     {unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
			"keepalive":    {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			"idle":         {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 30},
			"interval":     {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 10},
			"count":        {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			"user timeout": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 60000},
		} {
			err := r.conn.raw.Control(func(fd uintptr) {
				got, err := unix.GetsockoptInt(int(fd), tt.level, tt.option)
				if err != nil || got != tt.want {
					t.Errorf("%s is %d, %v, want %d", name, got, err, tt.want)
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
		r.conn.Close(mining.Shutdown)
		r.end(mining.Shutdown)
	})
}

// smallBuffers makes a socket's buffers small before it is connected.
func smallBuffers(_, _ string, c syscall.RawConn) error {
	var err error
	outer := c.Control(func(fd uintptr) {
		for _, option := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
			if err == nil {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, 4<<10)
			}
		}
	})
	if outer != nil {
		return outer
	}
	return err
}
