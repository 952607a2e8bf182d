package recorder

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// crashDir is the variable that makes this test's program crash, its files being there.
const crashDir = "LOKA_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if _, err := WatchCrashes(dir); err != nil {
			panic(err)
		}
		done := make(chan struct{})
		go func() { // no goroutine of this package's would recover it
			defer close(done)
			none := make([]int, 0)
			none[len(os.Args)]++
		}()
		<-done
	}
	os.Exit(m.Run())
}

// TestCrashIsKept crashes a process and finds what it died of at the next start, once.
func TestCrashIsKept(t *testing.T) {
	dir := t.TempDir()
	if last, err := readCrash(filepath.Join(dir, CrashFile)); last != nil || err != nil {
		t.Fatalf("before: %v, %v", last, err)
	}
	for range 2 { // the second finds the first's
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "index out of range") {
			t.Fatalf("it did not crash: %v\n%s", err, out)
		}
	}
	last, err := WatchCrashes(dir)
	if err != nil || last == nil {
		t.Fatalf("%v, %v", last, err)
	}
	if !strings.HasPrefix(last.First(), "panic: runtime error: index out of range") || !strings.Contains(last.Text, "crash_test.go") || last.At.IsZero() {
		t.Errorf("%+v", last)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, LastCrashFile)); err != nil || !strings.HasPrefix(string(kept), last.First()) {
		t.Errorf("aside: %q, %v", kept, err)
	}
	if again, err := WatchCrashes(dir); again != nil || err != nil {
		t.Errorf("it is told twice: %v, %v", again, err)
	}
	if _, err := WatchCrashes(filepath.Join(dir, "missing")); err == nil {
		t.Error("a directory that is not there is no error")
	}
}
