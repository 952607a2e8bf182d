package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Binary is the product's binary, built when it is first asked for.
type Binary struct {
	// Root is where the module is, seen from the test.
	Root string

	once sync.Once
	dir  string
	path string
	err  error
}

// Path is where it is.
func (b *Binary) Path() (string, error) {
	b.once.Do(func() { b.path, b.err = b.build() })
	return b.path, b.err
}

func (b *Binary) build() (path string, err error) {
	if b.dir, err = os.MkdirTemp("", "loka-test-"); err != nil {
		return "", err //nolint:wrapcheck // it names the folder
	}
	path = filepath.Join(b.dir, "loka")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/loka") //nolint:gosec,noctx // a folder of ours; as many tests use it as want to
	cmd.Dir = b.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build loka: %w: %s", err, said)
	}
	return path, nil
}

// Remove removes it, for the end of TestMain.
func (b *Binary) Remove() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}
