package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	// Name is the file's name within the data directory; older ones are called
	// audit.jsonl.1 and so on.
	Name = "audit.jsonl"
	// maxBytes is the size past which another file is begun, keep how many older
	// ones stay.
	maxBytes = 10 << 20
	keep     = 5
	// maxLine bounds one act; what was before and after is left out of a longer one.
	maxLine = 256 << 10
)

// Act is what somebody did.
type Act struct {
	At time.Time `json:"at"`
	// Who did it: a token's name, a user of this machine or a signal; Role is the
	// token's.
	Who  string `json:"who"`
	Role string `json:"role,omitempty"`
	// From is the address that it was asked for from.
	From string `json:"from,omitempty"`
	// What was done: method and path of a request, or a command.
	What string `json:"what"`
	// Before and After are what it changed, as far as there is such a thing.
	Before any `json:"before,omitempty"`
	After  any `json:"after,omitempty"`
	// Detail is more of it in words.
	Detail string `json:"detail,omitempty"`
}

// File is the record in a directory. It is opened for each act anew, so that
// several processes can append to it, and any number of goroutines.
type File struct {
	// Static after construction.
	path     string
	maxBytes int64
	keep     int

	// mu is held by who appends; err is why nothing can be, since when.
	mu    sync.Mutex
	err   error
	since time.Time
}

// In is the record of a data directory.
func In(dir string) *File {
	return &File{path: filepath.Join(dir, Name), maxBytes: maxBytes, keep: keep}
}

// Append adds an act. It is on the disk when this returns nil.
func (f *File) Append(a Act) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.append(&a)
	switch {
	case err == nil:
		f.err = nil
	case f.err == nil:
		f.err, f.since = err, a.At
	default:
		f.err = err
	}
	return err
}

// Failure is why the last act is not in the record, and since when none is; nil where
// it is.
func (f *File) Failure() (since time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.since, f.err
}

func (f *File) append(a *Act) error {
	line, err := encode(a)
	if err != nil {
		return fmt.Errorf("audit record: %w", err)
	}
	if err := f.rotate(int64(len(line))); err != nil {
		return fmt.Errorf("audit record: begin another file: %w", err)
	}
	out, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		err = errors.Join(add(out, line), out.Close())
	}
	if err != nil {
		return fmt.Errorf("audit record: %w", err)
	}
	return nil
}

// encode is the act as a line.
func encode(a *Act) ([]byte, error) {
	line, err := json.Marshal(a)
	if err == nil && len(line) > maxLine {
		short := *a
		short.Before, short.After = nil, nil
		short.Detail = fmt.Sprintf("%.1000s (%d bytes: what was before and after is left out)", a.Detail, len(line))
		line, err = json.Marshal(&short)
	}
	return append(line, '\n'), err
}

// add appends a line, whole or not at all. What a crash has left of an earlier one is
// ended first.
func add(out *os.File, line []byte) error {
	info, err := out.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := out.Chmod(0o600); err != nil {
			return err
		}
	}
	size := info.Size()
	if size > 0 {
		var last [1]byte
		if _, err := out.ReadAt(last[:], size-1); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := out.Write(line); err != nil {
		return errors.Join(err, out.Truncate(size))
	}
	return out.Sync()
}

// rotate begins another file if a line has no room in this one.
func (f *File) rotate(line int64) error {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size()+line <= f.maxBytes {
		return err
	}
	for n := f.keep; n > 0; n-- {
		from := f.path
		if n > 1 {
			from += "." + strconv.Itoa(n-1)
		}
		if err := os.Rename(from, f.path+"."+strconv.Itoa(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
