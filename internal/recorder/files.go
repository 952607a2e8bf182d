package recorder

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Dump is a file of what was recorded. `go tool trace FILE` shows it.
type Dump struct {
	// Name is the file's, in [Folder].
	Name string
	At   time.Time
	// Why is what it was made for, as far as the name has it.
	Why   string
	Bytes int64
}

// folder makes the folder of dumps, if it is not there.
func (r *Recorder) folder() (string, error) {
	dir := filepath.Join(r.deps.Dir, Folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of traces: %w", err)
	}
	return dir, nil
}

// List returns the dumps there are, the latest first.
func (r *Recorder) List() ([]Dump, error) {
	entries, err := os.ReadDir(filepath.Join(r.deps.Dir, Folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the traces: %w", err)
	}
	var all []Dump
	for _, e := range entries {
		d, ok := parse(e.Name())
		if info, err := e.Info(); ok && err == nil && info.Mode().IsRegular() {
			d.Bytes = info.Size()
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b Dump) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Name, a.Name)) })
	return all, nil
}

// parse reads a dump's name; ok is false for any other file.
func parse(name string) (d Dump, ok bool) {
	text, ok := strings.CutSuffix(name, extension)
	if !ok || len(text) < len(stamp) {
		return Dump{}, false
	}
	at, err := time.Parse(stamp, text[:len(stamp)])
	why := text[len(stamp):]
	if err != nil || nameOf(why) != why {
		return Dump{}, false
	}
	return Dump{Name: name, At: at, Why: strings.TrimPrefix(why, "-")}, true
}

// Open opens a dump; one that is not there, and what is no dump's name, is
// [ErrNotFound].
func (r *Recorder) Open(name string) (io.ReadCloser, Dump, error) {
	d, ok := parse(name)
	if !ok {
		return nil, Dump{}, ErrNotFound
	}
	f, err := os.Open(filepath.Join(r.deps.Dir, Folder, d.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Dump{}, ErrNotFound
	}
	if err != nil {
		return nil, Dump{}, fmt.Errorf("open the trace: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, Dump{}, errors.Join(fmt.Errorf("look at the trace: %w", err), f.Close())
	}
	d.Bytes = info.Size()
	return f, d, nil
}

// prune removes the oldest dumps until there are at most so many, of so many bytes
// together.
func (r *Recorder) prune(most int, bytes int64) error {
	all, err := r.List()
	if err != nil {
		return err
	}
	var sum int64
	for i, d := range all {
		if sum += d.Bytes; i < most && sum <= bytes {
			continue
		}
		if err := os.Remove(filepath.Join(r.deps.Dir, Folder, d.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old trace: %w", err)
		}
	}
	return nil
}
