package app

import (
	"fmt"
	"io"
	"os"

	"github.com/loka/stratum/internal/view"
)

const (
	// fullDescriptors is the part of the limit from which on there is little left. At the
	// limit miners give way or are refused before; what is not for miners is what lacks.
	fullDescriptors = 0.95
	// someNames is how many names are read of a directory at a time.
	someNames = 4096
)

// checkDescriptors judges how many descriptors are open; 0 of either is not known.
func checkDescriptors(open int, limit uint64) view.Check {
	switch {
	case open <= 0:
		return view.Check{Status: view.OK, Detail: "how many are open is not known on this system"}
	case limit == 0:
		return view.Check{Status: view.OK, Detail: fmt.Sprintf("%d are open; the limit is not known", open)}
	}
	c := view.Check{Status: view.OK, Detail: fmt.Sprintf("%d of %d are open", open, limit)}
	if float64(open) > fullDescriptors*float64(limit) {
		c.Status = view.Degraded
		c.Advice = "raise the limit of open files (LimitNOFILE=, ulimit -n) and restart, or lower server.max_connections; without any left no pool can be dialled and no file opened"
	}
	return c
}

// openDescriptors counts the open descriptors of this process; 0 is not known.
func openDescriptors() int {
	for _, name := range []string{"/proc/self/fd", "/dev/fd"} {
		dir, err := os.Open(name) //nolint:gosec // G304: one of the two above
		if err != nil {
			continue
		}
		n := countNames(dir)
		_ = dir.Close()
		return n
	}
	return 0
}

// countNames counts the entries of a directory. Linux from 6.2 on says how many there
// are in /proc/self/fd; a million names are not read twice a minute for it.
func countNames(dir *os.File) (n int) {
	if info, err := dir.Stat(); err == nil && info.Size() > 0 && dir.Name() == "/proc/self/fd" {
		return int(info.Size())
	}
	for {
		names, err := dir.Readdirnames(someNames)
		n += len(names)
		if err == io.EOF || len(names) == 0 {
			return n
		}
	}
}
