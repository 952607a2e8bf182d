package cli

import (
	"errors"
	"io/fs"
	"syscall"
)

// advice says what to do about errors of the system that stop a command.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program has that port: stop it (it may be another loka), or choose another port with --listen or --http"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; this machine does not have that address: write 0.0.0.0 for all of its addresses"
	case errors.Is(err, syscall.EACCES), errors.Is(err, fs.ErrPermission):
		return "; this user may not do that: ports below 1024 need a privilege, and data_dir must be writable"
	case errors.Is(err, syscall.ENOSPC):
		return "; the disk is full: free some space, or name another folder with --data"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "; out of file descriptors: raise the limit with `ulimit -n`, or lower server.max_connections"
	}
	return ""
}
