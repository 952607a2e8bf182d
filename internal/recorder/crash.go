package recorder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// CrashFile is where the runtime writes what it dies of, in the data directory, and
// LastCrashFile what it wrote the last time.
const (
	CrashFile     = "crash.log"
	LastCrashFile = "crash.last.log"
)

// maxCrash bounds what is read of a crash.
const maxCrash = 64 << 10

// Crash is how an earlier run ended.
type Crash struct {
	// At is about when.
	At time.Time
	// Text is what the runtime wrote, the first 64 KiB of it: the panic, and the stack
	// of the goroutine. It may have anything in it that a panic was called with.
	Text string
}

// First is the first line of it.
func (c *Crash) First() string {
	line, _, _ := strings.Cut(strings.TrimSpace(c.Text), "\n")
	return line
}

// WatchCrashes has the runtime write a panic, or another fault that it dies of, into
// [CrashFile] of a directory as well, and returns how the run before has ended, nil if by
// no crash. It holds for the whole process: call it once.
func WatchCrashes(dir string) (last *Crash, err error) {
	path := filepath.Join(dir, CrashFile)
	last, err = readCrash(path)
	if err != nil {
		return nil, err
	}
	if last != nil {
		if err := os.Rename(path, filepath.Join(dir, LastCrashFile)); err != nil { //nolint:gosec // G703: the operator's own data_dir
			return last, fmt.Errorf("put the last crash aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // G304: the operator's own data_dir
	if err != nil {
		return last, fmt.Errorf("make the file for crashes: %w", err)
	}
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return last, errors.Join(fmt.Errorf("have crashes written: %w", err), f.Close())
	}
	return last, f.Close() //nolint:wrapcheck // the runtime has its own descriptor
}

// readCrash reads what a run has left; nil is nothing.
func readCrash(path string) (*Crash, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the operator's own data_dir
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // that is what nil says
	}
	if err != nil {
		return nil, fmt.Errorf("read the last crash: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxCrash))
	if err != nil {
		return nil, fmt.Errorf("read the last crash: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the last crash: %w", err)
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil, nil //nolint:nilnil // as above
	}
	return &Crash{At: info.ModTime(), Text: strings.ToValidUTF8(string(text), "?")}, nil
}
