package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/loka/stratum/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "", "three"} {
		if err := atomicfile.Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("read %q, %v; want %q", got, err, text)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	// What cannot be replaced stays, and nothing is left beside it.
	full := filepath.Join(dir, "full")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if atomicfile.Write(full, nil) == nil || atomicfile.Write(filepath.Join(dir, "no", "file"), nil) == nil {
		t.Error("no error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("in the directory: %v", entries)
	}
}

// What is not written to its end does not come into place.
func TestWriteBreaksOff(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := atomicfile.Write(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	tired := errors.New("tired")
	err := atomicfile.WriteWith(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "a part")
		return errors.Join(err, tired)
	})
	if !errors.Is(err, tired) {
		t.Errorf("error %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "whole" {
		t.Errorf("read %q, %v", got, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("in the directory: %v", entries)
	}
}

// A file that could not be read is kept beside the next one, and so are those before it.
func TestSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for i, want := range []string{".bad", ".bad.1", ".bad.2"} {
		if err := atomicfile.Write(path, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		aside, err := atomicfile.SetAside(path)
		if err != nil || aside != path+want {
			t.Errorf("set aside as %s, %v; want %s", aside, err, want)
		}
		if got, err := os.ReadFile(aside); err != nil || string(got) != string([]byte{byte(i)}) {
			t.Errorf("%s has %v, %v", aside, got, err)
		}
	}
	if _, err := atomicfile.SetAside(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
