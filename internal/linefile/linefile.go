package linefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"
)

// Config says which file, and how much of it is kept.
type Config struct {
	// Path is the file; older ones are called PATH.1 and so on.
	Path string
	// MaxBytes is the size past which another file is begun, Keep how many older ones
	// stay.
	MaxBytes int64
	Keep     int
}

// File is a file of lines. It is opened for each call anew, so that several processes can
// append to it, and any number of goroutines.
type File struct {
	cfg Config

	// mu is held by who appends.
	mu sync.Mutex
}

// New names a file, which need not be there.
func New(cfg Config) *File { return &File{cfg: cfg} }

// Append adds lines, each of which ends in a newline: all of them or, on an error, none.
// They are on the disk when this returns nil.
func (f *File) Append(lines []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.rotate(int64(len(lines))); err != nil {
		return fmt.Errorf("begin another file: %w", err)
	}
	out, err := os.OpenFile(f.cfg.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(add(out, lines), out.Close())
}

// add appends lines, whole or not at all. What a crash has left of an earlier one is ended
// first.
func add(out *os.File, lines []byte) error {
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
			lines = append([]byte{'\n'}, lines...)
		}
	}
	if _, err := out.Write(lines); err != nil {
		return errors.Join(err, out.Truncate(size))
	}
	return out.Sync()
}

// rotate begins another file if so many bytes have no room in this one.
func (f *File) rotate(more int64) error {
	info, err := os.Stat(f.cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size()+more <= f.cfg.MaxBytes {
		return err
	}
	for n := f.cfg.Keep; n > 0; n-- {
		if err := os.Rename(f.name(n-1), f.name(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// name is that of the n-th older file; 0 is the file itself.
func (f *File) name(n int) string {
	if n == 0 {
		return f.cfg.Path
	}
	return f.cfg.Path + "." + strconv.Itoa(n)
}

// Each calls each for every line, without its newline, the oldest first. A line is its own
// only until it returns; one that is longer than the bound is left out. What cannot be read
// is an error once all else was read.
func (f *File) Each(maxLine int, each func(line []byte)) (err error) {
	for n := f.cfg.Keep; n >= 0; n-- {
		one := eachOf(f.name(n), maxLine, each)
		if !errors.Is(one, fs.ErrNotExist) {
			err = errors.Join(err, one)
		}
	}
	return err
}

func eachOf(path string, maxLine int, each func(line []byte)) error {
	in, err := os.Open(path) //nolint:gosec // the operator's own directory
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	r := bufio.NewReaderSize(in, maxLine+1)
	for {
		line, err := r.ReadSlice('\n')
		for long := errors.Is(err, bufio.ErrBufferFull); long; {
			line = nil
			_, err = r.ReadSlice('\n')
			long = errors.Is(err, bufio.ErrBufferFull)
		}
		if n := len(line); err == nil && n > 1 {
			each(line[:n-1])
		}
		switch {
		case errors.Is(err, io.EOF): // what a crash has left of a line is none
			return nil
		case err != nil:
			return err
		}
	}
}

// Touch notes that all is well at now, in the time at which the file was changed. Where
// there is none it is made.
func (f *File) Touch(now time.Time) error {
	err := os.Chtimes(f.cfg.Path, now, now)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(f.cfg.Path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(out.Close(), os.Chtimes(f.cfg.Path, now, now))
}

// Touched is when the file was changed last; the zero time where there is none.
func (f *File) Touched() time.Time {
	info, err := os.Stat(f.cfg.Path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
