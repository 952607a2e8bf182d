package deploy

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/loka/stratum/internal/testkit/process"
)

// update has the boards written.
var update = flag.Bool("update", false, "write the boards of deploy/grafana")

// root is the tree, and folder what is tested of it.
var (
	root   = filepath.Join("..", "..")
	folder = filepath.Join(root, "deploy")
)

// loka is the product's binary.
var loka = process.Binary{Root: root}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	farm.end()
	loka.Remove()
	os.Exit(code)
}

// read reads a file of deploy/.
func read(t *testing.T, name ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{folder}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
