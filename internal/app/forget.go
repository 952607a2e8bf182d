package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrInUse is a data directory that another process has.
var ErrInUse = errors.New("another loka uses it; give each its own (data_dir, --data)")

const (
	// controlName is the file in data_dir of what operators have arranged, and
	// foundName that of what was found out about pools.
	controlName = "control.json"
	foundName   = "pools.json"
)

// Forget removes from a data directory what a run goes on from: figures, what
// operators have arranged and what was found out about pools, with what was set
// aside of them. Everything else stays. It is an error, [ErrInUse] in it, while a
// proxy uses the directory; one that is not there is none.
func Forget(dir string) (err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	if lock != nil {
		defer func() { err = errors.Join(err, lock.Close()) }()
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !passing(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("data_dir: %w", err)
		}
	}
	return nil
}

// passing says that a file of that name is what [Forget] removes: one of ours, or
// what was set aside of it, or a piece of one that a crash has left.
func passing(name string) bool {
	for _, ours := range []string{databaseName, controlName, foundName} {
		rest, ok := strings.CutPrefix(name, ours)
		if ok && (rest == "" || rest == "-wal" || rest == "-shm" || strings.HasPrefix(rest, ".bad") || strings.HasPrefix(rest, ".tmp-")) {
			return true
		}
	}
	return false
}
