package script

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/loka/stratum/internal/cli"
	"github.com/loka/stratum/internal/testkit"
)

// heardIn names the variable of a script that names the folder of what its commands say.
const heardIn = "HEARD_IN"

// overheard runs the command line as main does, and keeps what it says where a script
// asks for that.
func overheard() int {
	folder := os.Getenv(heardIn)
	if folder == "" {
		return cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)
	}
	said, err := os.CreateTemp(folder, "*.said")
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = said.Close() }()
	return cli.Main(os.Args, os.Stdin, io.MultiWriter(os.Stdout, said), io.MultiWriter(os.Stderr, said))
}

// listen has all that the commands of a script say, a proxy's log among it,
// read for secrets once it is over: those that are planted, and the admin tokens of its
// proxies, which stand in files of their own.
func listen(t *testing.T, env *testscript.Env) error {
	t.Helper()
	folder := t.TempDir()
	env.Setenv(heardIn, folder)
	env.Defer(func() {
		tokens, err := adminTokens(env.WorkDir)
		if err != nil {
			t.Error(err)
		}
		said, err := filepath.Glob(filepath.Join(folder, "*.said"))
		if err != nil {
			t.Error(err)
		}
		for _, file := range said {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			testkit.Hear(t, "a command in "+env.WorkDir, text)
			for _, token := range tokens {
				if bytes.Contains(text, token) {
					t.Errorf("a command in %s says the admin token", env.WorkDir)
				}
			}
		}
	})
	return nil
}

// adminTokens are those in a folder.
func adminTokens(under string) (all [][]byte, err error) {
	err = filepath.WalkDir(under, func(name string, d fs.DirEntry, err error) error {
		var text []byte
		if err == nil && d.Name() == "api.token" {
			text, err = os.ReadFile(name)
		}
		if token := bytes.TrimSpace(text); len(token) > 0 {
			all = append(all, token)
		}
		if errors.Is(err, fs.ErrNotExist) { // a proxy is still tidying up
			return nil
		}
		return err
	})
	return all, err
}
