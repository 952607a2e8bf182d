package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/jordanlewis/gcassert"
)

// asserted are the packages whose hot functions say by a comment, //gcassert:, what
// the compiler must make of a line: a call that is inlined, an index that is not
// checked, a variable that stays on the stack.
func asserted() []string {
	return []string{"sv1", "work", "internal/metrics", "internal/profile"}
}

// A change that the compiler likes less would cost the hot paths more than it shows.
func TestCompilerKeepsItsPromises(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // it keeps the compiler's words there
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	var broken bytes.Buffer
	if err := gcassert.GCAssertCwd(&broken, root, asserted()...); err != nil {
		t.Fatal(err)
	}
	if broken.Len() > 0 {
		t.Errorf("the compiler does not do what the comments say:\n%s", &broken)
	}
}

// One that is broken is found: what asserts nothing would pass, too.
func TestCompilerIsAsked(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module broken\n\ngo 1.26.0\n",
		"a.go":   "package a\n\nfunc At(b []byte, i int) byte {\n\treturn b[i] //gcassert:bce\n}\n\n//gcassert:inline\nfunc grow(b []byte) []byte {\n\tfor range 9 {\n\t\tb = append(b, b...)\n\t\tdefer recover()\n\t}\n\treturn b\n}\n\nfunc Twice(b []byte) []byte { return grow(b) }\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var broken bytes.Buffer
	if err := gcassert.GCAssertCwd(&broken, dir, "."); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"IsInBounds", "not inlined"} {
		if !bytes.Contains(broken.Bytes(), []byte(want)) {
			t.Errorf("%q is not in\n%s", want, &broken)
		}
	}
}
