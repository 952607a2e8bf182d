//go:build linux || darwin

package app

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// freeSpace is what is free where a directory is.
func freeSpace(dir string) (space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return space{}, fmt.Errorf("statfs %s: %w", dir, err)
	}
	free := space{bytes: int64(s.Bavail) * int64(s.Bsize), files: -1} //nolint:gosec,unconvert // of another type on darwin
	if s.Files > 0 {
		free.files = int64(s.Ffree) //nolint:gosec // as many files there are not
	}
	return free, nil
}
