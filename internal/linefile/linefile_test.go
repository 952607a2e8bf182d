package linefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func linesOf(t *testing.T, f *File) []string {
	t.Helper()
	all := []string{}
	if err := f.Each(100, func(line []byte) { all = append(all, string(line)) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// The lines come back in their order, over all files, and the oldest go.
func TestRotation(t *testing.T) {
	f := New(Config{Path: filepath.Join(t.TempDir(), "x.jsonl"), MaxBytes: 30, Keep: 2})
	if got := linesOf(t, f); len(got) != 0 {
		t.Errorf("where nothing is there are %q", got)
	}
	for n := range 20 {
		if err := f.Append(fmt.Appendf(nil, "line %02d\nmore %02d\n", n, n)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"line 17", "more 17", "line 18", "more 18", "line 19", "more 19"}, linesOf(t, f)); diff != "" {
		t.Error(diff)
	}
	for n := range 3 {
		if info, err := os.Stat(f.name(n)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.name(n), info, err)
		}
	}
}

// Half a line that a crash has left is none, empty ones and those that are too long are left out.
func TestWhatIsNoLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	for _, c := range []struct{ is, want string }{
		{"a\nb", "a"},
		{"\n\na\n", "a"},
		{strings.Repeat("x", 101) + "\nb\n", "b"},
		{strings.Repeat("x", 100) + "\nb\n", strings.Repeat("x", 100) + " b"},
		{"a\n" + strings.Repeat("x", 1000), "a"},
	} {
		if err := os.WriteFile(path, []byte(c.is), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(linesOf(t, New(Config{Path: path, MaxBytes: 100})), " "); got != c.want {
			t.Errorf("%.20q: %.30q, want %.30q", c.is, got, c.want)
		}
	}
}

// What cannot be read is told, and all else is read.
func TestUnreadable(t *testing.T) {
	f := New(Config{Path: filepath.Join(t.TempDir(), "x.jsonl"), MaxBytes: 100, Keep: 1})
	if err := f.Append([]byte("a\n")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.name(1), 0o700); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := f.Each(100, func([]byte) { n++ }); err == nil || n != 1 {
		t.Errorf("%d lines, error %v", n, err)
	}
}

func TestTouch(t *testing.T) {
	f := New(Config{Path: filepath.Join(t.TempDir(), "x.jsonl"), MaxBytes: 100})
	if !f.Touched().IsZero() {
		t.Error("what is not there was touched")
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for range 2 {
		noon = noon.Add(time.Hour)
		if err := f.Touch(noon); err != nil || !f.Touched().Equal(noon) {
			t.Errorf("%v, %v", f.Touched(), err)
		}
	}
	if err := New(Config{Path: filepath.Join(t.TempDir(), "no", "x")}).Touch(noon); err == nil {
		t.Error("where there is no directory there is no error")
	}
}

// A disk that is full leaves no half line.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: there is no /dev/full here (Linux has one): %v", err)
	}
	if err := add(full, []byte("x\n")); err == nil {
		t.Error("no error")
	}
	if err := full.Close(); err != nil {
		t.Error(err)
	}
}
