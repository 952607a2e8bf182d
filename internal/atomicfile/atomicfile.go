// Package atomicfile replaces small files whole: whoever reads one, after a
// crash too, finds what was there before or what was written, never a part.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts data into the file at path, readable by its owner only, in place
// of what was there: whole or not at all, and lasting once it returns nil. It
// writes to a temporary file beside it, syncs that and renames it.
func Write(path string, data []byte) (err error) {
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
	if _, err := f.Write(data); err != nil {
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
