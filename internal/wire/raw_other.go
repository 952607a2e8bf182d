//go:build !linux

package wire

import (
	"net"
	"syscall"
	"time"
)

// rawOf returns nil: here every connection goes the ordinary way.
func rawOf(net.Conn) syscall.RawConn { return nil }

// rawRead is never called here.
func rawRead(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }

// rawWrite is never called here.
func rawWrite(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }

// setUserTimeout does nothing here.
func setUserTimeout(*net.TCPConn, time.Duration) {}
