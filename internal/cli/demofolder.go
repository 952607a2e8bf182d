package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/atomicfile"
)

// demoMark is the file that says that a folder is a demo's, and in it since when
// its figures count.
const demoMark = "demo"

// demoFolder is where a demo keeps its figures.
type demoFolder struct {
	path string
	// why says why it is a temporary one, which goes with the demo; empty: it is
	// not.
	why string
	// since is when its figures begin; zero: not known.
	since time.Time
}

// folder is the one that was asked for, else the lasting one of this user, else a
// temporary one.
func (c *demoCmd) folder() (*demoFolder, error) {
	if c.Data != "" {
		path, err := filepath.Abs(c.Data)
		if err != nil {
			return nil, fmt.Errorf("--data: %w", err)
		}
		return c.lasting(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return temporaryFolder("this user has no folder to keep them in; --data DIR names one")
	}
	path := filepath.Join(cache, "loka", "demo")
	f, err := c.lasting(path)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, app.ErrInUse):
		return temporaryFolder("another demo uses " + path)
	}
	return temporaryFolder(err.Error())
}

// lasting is a folder that outlives the demo: one that is new or empty, or that was
// a demo's before, for a proxy's real figures are no place for a demo's.
func (c *demoCmd) lasting(path string) (*demoFolder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the demo's folder: %w", err)
	}
	mark := filepath.Join(path, demoMark)
	text, err := os.ReadFile(mark) //nolint:gosec // the user says where it is
	if errors.Is(err, fs.ErrNotExist) {
		err = claim(path, mark)
	}
	if err != nil {
		return nil, err
	}
	if c.Fresh {
		if err := app.Forget(path); err != nil {
			return nil, err
		}
	}
	f := &demoFolder{path: path}
	if since, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text))); err == nil {
		f.since = since
	}
	return f, nil
}

// claim makes a folder a demo's, if nothing is in it.
func claim(path, mark string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	strange := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), demoMark+".tmp-") })
	if ours := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == demoMark }); ours {
		return nil // of one that has just begun
	}
	if strange {
		return usageError{path + " is no folder of a demo, and not empty; name a new one with --data, so that nothing in it is mixed with a demo's figures"}
	}
	return atomicfile.Write(mark, nil)
}

func temporaryFolder(why string) (*demoFolder, error) {
	path, err := os.MkdirTemp("", "loka-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	return &demoFolder{path: path, why: why}, nil
}

// begin says that figures count from now on, as far as they are kept.
func (f *demoFolder) begin(now time.Time) error {
	f.since = now
	if f.why != "" {
		return nil
	}
	if err := atomicfile.Write(filepath.Join(f.path, demoMark), []byte(now.UTC().Format(time.RFC3339)+"\n")); err != nil {
		return fmt.Errorf("keep since when the demo's figures count: %w", err)
	}
	return nil
}

// leave removes a temporary folder.
func (f *demoFolder) leave() {
	if f.why != "" {
		_ = os.RemoveAll(f.path)
	}
}

// sinceText is when figures began, for a person at this machine.
func (f *demoFolder) sinceText() string {
	if f.since.IsZero() {
		return "before"
	}
	return f.since.Local().Format("2006-01-02 15:04")
}
