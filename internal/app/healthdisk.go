package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/loka/stratum/internal/view"
)

const (
	// diskFloor is what has to be free of the disk in any case, in bytes: what the
	// journal, the log and a dump need until somebody looks.
	diskFloor = 256 << 20
	// diskRoom is what has to be free while the store may still grow.
	diskRoom = 1 << 30
	// fewFiles is how many more files there have to be room for.
	fewFiles = 1000
	// slowWrite is how long a small file may take to be on the disk.
	slowWrite = 2 * time.Second
	// probeFile is written to see whether that can be done.
	probeFile = ".writable"
)

// space is what is free of a file system for who is not root; files is -1 where it
// knows no such bound.
type space struct {
	bytes, files int64
}

// diskLook looks at the disk of the data directory.
type diskLook struct {
	dir string
	// most is what the store may grow to.
	most func() int64
}

// at looks at the free space, and writes a file.
func (d *diskLook) at(context.Context, time.Time) checks {
	began := time.Now()
	wrote := writeProbe(filepath.Join(d.dir, probeFile))
	took := time.Since(began)
	free, err := freeSpace(d.dir)
	if err != nil {
		return checks{"disk": {
			Status: view.Degraded, Detail: fmt.Sprintf("the free space of data_dir is not known: %v", err),
			Advice: "look at the disk and at the mode of data_dir",
		}}
	}
	return checks{"disk": checkDisk(free, max(d.most()-storeBytes(d.dir), 0), wrote, took)}
}

// checkDisk judges a disk; growth is what the store may still grow by, wrote what came of
// writing a file, and took how long that took.
func checkDisk(free space, growth int64, wrote error, took time.Duration) view.Check {
	detail := bytesText(free.bytes) + " are free"
	if free.files >= 0 {
		detail += fmt.Sprintf(", and %d files", free.files)
	}
	if growth > free.bytes {
		detail += fmt.Sprintf("; storage.max_disk lets the store grow by %s, which is more", bytesText(growth))
	}
	const advice = "make room on the disk of data_dir, or lower storage.max_disk, which drops the oldest single shares; mining goes on, and what cannot be written waits in memory"
	need := int64(diskFloor)
	if growth > diskFloor {
		need = min(growth, diskRoom)
	}
	switch {
	case wrote != nil:
		return view.Check{Status: view.Down, Detail: fmt.Sprintf("nothing can be written to data_dir: %v; %s", wrote, detail), Advice: advice}
	case free.bytes < need:
		return view.Check{Status: view.Degraded, Detail: detail, Advice: advice}
	case free.files >= 0 && free.files < fewFiles:
		return view.Check{Status: view.Degraded, Detail: detail, Advice: "remove files from the disk of data_dir: it has no room for more of them, however small"}
	case took > slowWrite:
		return view.Check{
			Status: view.Degraded, Detail: fmt.Sprintf("a small file took %s to be on the disk; %s", took.Round(100*time.Millisecond), detail),
			Advice: "see what else uses the disk (iostat), and whether it fails (dmesg, smartctl); shares wait in memory for as long",
		}
	}
	return view.Check{Status: view.OK, Detail: detail}
}

// writeProbe has a small file on the disk, and removes it.
func writeProbe(path string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // G304: in the operator's own data_dir
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(path) }()
	defer func() { _ = f.Close() }()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return err
	}
	return f.Sync()
}

// storeBytes is what the database in a directory takes.
func storeBytes(dir string) (sum int64) {
	for _, of := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(filepath.Join(dir, databaseName+of)); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// bytesText writes a number of bytes for people, as messages of alerts do.
func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
