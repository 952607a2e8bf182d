package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// errReplace is a frame to be replaced that is not there.
var errReplace = errors.New("there is no such frame")

// CorruptError is a file that is no database of ours any more. It was left as it
// is: set it aside, with those of its name and -wal and -shm after it, and begin
// anew.
type CorruptError struct {
	Path string
	Err  error
}

// Error names the file.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("database %s is damaged: %v", e.Path, e.Err)
}

// Unwrap returns what SQLite said.
func (e *CorruptError) Unwrap() error { return e.Err }

// judge makes a CorruptError of an error that says so.
func (s *Store) judge(err error) error { return judge(s.path, err) }

// judge makes a CorruptError of an error about a file that says so, and says of one
// for want of room that it is that.
func judge(path string, err error) error {
	var of *sqlite.Error
	var already *CorruptError
	if err == nil || errors.As(err, &already) || !errors.As(err, &of) {
		return err
	}
	switch code := of.Code(); {
	case code&0xff == lib.SQLITE_CORRUPT || code&0xff == lib.SQLITE_NOTADB:
		return &CorruptError{Path: path, Err: err}
	case (code == lib.SQLITE_FULL || code == lib.SQLITE_IOERR_SHMSIZE) && !errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", err, syscall.ENOSPC) // as the system calls it
	}
	return err
}

// gone says that an error is about a table that is not there.
func gone(err error) bool {
	var of *sqlite.Error
	return errors.As(err, &of) && of.Code() == lib.SQLITE_ERROR && strings.Contains(of.Error(), "no such table")
}
