package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
)

// StateKind says what is wrong with a state file.
type StateKind string

// The kinds of [StateError].
const (
	// StateCorrupt: the file is not a whole state.
	StateCorrupt StateKind = "corrupt"
	// StateNewer: a later version of this program wrote the file.
	StateNewer StateKind = "newer"
	// StateUnreadable: the file is there and cannot be read.
	StateUnreadable StateKind = "unreadable"
)

// StateError is a state file that cannot be loaded. The file is left as it
// is: see [SetAside].
type StateError struct {
	Path string
	Kind StateKind
	Err  error
}

// Error names the file, what is wrong with it and what to do.
func (e *StateError) Error() string {
	return fmt.Sprintf("state file %s is %s: %v; %s", e.Path, e.Kind, e.Err, e.Advice())
}

// Unwrap returns the cause.
func (e *StateError) Unwrap() error { return e.Err }

// Advice says what an operator can do.
func (e *StateError) Advice() string {
	switch e.Kind {
	case StateNewer:
		return "start the newer version again, or go on with empty totals"
	case StateUnreadable:
		return "check the owner and the mode of data_dir"
	case StateCorrupt:
	}
	return "restore it from a backup, or go on with empty totals"
}

// Save writes all books to a file, whole or not at all: to a temporary file
// beside it, synced, then renamed. Shares being booked meanwhile are in the
// next one.
func (l *Ledger) Save(path string, now time.Time) error {
	data, err := l.encode(now)
	if err != nil {
		return fmt.Errorf("encode the ledger: %w", err)
	}
	if err := atomicfile.Write(path, data); err != nil {
		return fmt.Errorf("save the ledger to %s: %w", path, err)
	}
	return nil
}

// Load puts what [Ledger.Save] wrote into a ledger that was just made, before
// anything is recorded. A file that is not there is no error. Any other
// trouble is a [*StateError] and leaves the ledger empty and the file alone.
func (l *Ledger) Load(path string, now time.Time) error {
	data, err := os.ReadFile(path) //nolint:gosec // G304: the operator's own data_dir
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &StateError{Path: path, Kind: StateUnreadable, Err: err}
	}
	s, err := decode(data)
	if err != nil {
		if bad, ok := errors.AsType[*StateError](err); ok {
			bad.Path = path
		}
		return err
	}
	l.sampleMu.Lock()
	defer l.sampleMu.Unlock()
	l.restore(s, now)
	return nil
}

// SetAside renames a file that could not be loaded to path.bad, so that the
// next Save does not overwrite it, and returns the new name. An earlier .bad
// is kept too, as .bad.1 and so on.
func SetAside(path string) (string, error) {
	aside := path + ".bad"
	for n := 1; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", fmt.Errorf("set %s aside: %w", path, err)
		}
		aside = fmt.Sprintf("%s.bad.%d", path, n)
	}
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("set %s aside: %w", path, err)
	}
	return aside, nil
}
