//go:build linux || darwin

package listen

import (
	"fmt"
	"syscall"
)

// RaiseFileLimit raises the soft limit of open files to the hard one and
// returns the soft limit there is then; 0 is not known.
func RaiseFileLimit() (soft uint64, err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur >= limit.Max {
		return limit.Cur, nil
	}
	before := limit.Cur
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return before, fmt.Errorf("raise the limit of open files from %d to %d: %w", before, limit.Max, err)
	}
	return limit.Cur, nil
}
