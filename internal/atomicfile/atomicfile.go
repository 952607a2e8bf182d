// Package atomicfile replaces small files whole: whoever reads one, after a
// crash too, finds what was there before or what was written, never a part.
package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write puts data into the file at path, see [WriteWith].
func Write(path string, data []byte) error {
	return WriteWith(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteWith puts what write writes into the file at path, readable by its owner
// only, in place of what was there: whole or not at all, and lasting once it
// returns nil. It goes to a temporary file beside it, which is synced and renamed.
// An error of write is returned as it is, with nothing else in it unless the
// temporary file cannot be removed.
func WriteWith(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// syncDir makes a rename within the directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the operator's own data_dir
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
