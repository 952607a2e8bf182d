package audit

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/loka/stratum/internal/linefile"
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

// File is the record in a directory. Any number of goroutines, and several processes, may
// append to it.
type File struct {
	// Static after construction.
	lines *linefile.File

	// mu is held by who appends; err is why nothing can be, since when.
	mu    sync.Mutex
	err   error
	since time.Time
}

// In is the record of a data directory.
func In(dir string) *File { return in(dir, maxBytes, keep) }

func in(dir string, bytes int64, files int) *File {
	return &File{lines: linefile.New(linefile.Config{Path: filepath.Join(dir, Name), MaxBytes: bytes, Keep: files})}
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
	if err == nil {
		err = f.lines.Append(line)
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
