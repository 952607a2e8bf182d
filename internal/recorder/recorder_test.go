package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/exp/trace"
	"pgregory.net/rapid"
)

// usual is a configuration that records.
func usual() Config {
	return Config{Enabled: true, Window: time.Second, Memory: 1 << 20, Keep: 3, Disk: 64 << 20}
}

// clock is a clock that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// recording is a recorder that records until the test ends.
func recording(t *testing.T, cfg Config) (*Recorder, *clock) {
	t.Helper()
	at := &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	r := New(Deps{Dir: t.TempDir(), Now: at.now})
	if err := r.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, at
}

// events counts the events of a dump.
func events(t *testing.T, from io.Reader) (n int) {
	t.Helper()
	in, err := trace.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err := in.ReadEvent()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		n++
	}
}

// TestDumpIsRead writes the window and has the trace's own reader read it.
func TestDumpIsRead(t *testing.T) {
	r, at := recording(t, usual())
	d, err := r.Write("Pool main: hashrate dropped (50 %)")
	if err != nil {
		t.Fatal(err)
	}
	if want := "20260102T030405.000Z-pool-main-hashrate-dropped-50.trace"; d.Name != want || d.At != at.at || d.Bytes == 0 {
		t.Errorf("got %+v, want %s", d, want)
	}
	f, opened, err := r.Open(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if n := events(t, f); n < 3 || opened.Bytes != d.Bytes || opened.Why != "pool-main-hashrate-dropped-50" {
		t.Errorf("%d events in %+v", n, opened)
	}
	info, err := os.Stat(filepath.Join(r.deps.Dir, Folder, d.Name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
}

// TestDumpsAreBounded keeps the newest, by number and by size.
func TestDumpsAreBounded(t *testing.T) {
	r, at := recording(t, usual())
	var last Dump
	for i := range 5 {
		at.at = at.at.Add(time.Second)
		var err error
		if last, err = r.Write(fmt.Sprint("n", i)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := r.List()
	if err != nil || len(all) != 3 || all[0].Name != last.Name || all[2].Why != "n2" {
		t.Fatalf("%+v, %v", all, err)
	}
	// No room but for one, by what they take.
	if err := r.prune(10, all[0].Bytes); err != nil {
		t.Fatal(err)
	}
	if all, err = r.List(); err != nil || len(all) != 1 || all[0].Name != last.Name {
		t.Errorf("%+v, %v", all, err)
	}
	// What may take no more than a byte is not written, and leaves nothing.
	small := usual()
	small.Disk = 1
	if err := r.Reconfigure(small); err != nil {
		t.Fatal(err)
	}
	at.at = at.at.Add(time.Second)
	if _, err := r.Write("large"); !errors.Is(err, errLarge) {
		t.Errorf("a dump that is too large: %v", err)
	}
	if files, err := os.ReadDir(filepath.Join(r.deps.Dir, Folder)); err != nil || len(files) != 1 {
		t.Errorf("there are %v, %v", files, err)
	}
}

// TestDumpByItself has alerts dump once a minute, and whoever asks at any time.
func TestDumpByItself(t *testing.T) {
	r, at := recording(t, usual())
	for i, want := range []error{nil, ErrSoon, ErrSoon, nil} {
		if err := r.Dump("alert"); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", i, err, want)
		}
		at.at = at.at.Add(25 * time.Second)
	}
	if _, err := r.Write("asked for"); err != nil {
		t.Error(err)
	}
	r.writing.Lock()
	_, err := r.Write("at once")
	r.writing.Unlock()
	if !errors.Is(err, ErrBusy) {
		t.Errorf("two at a time: %v", err)
	}
}

// TestOnAndOff follows the configuration, and says why where it cannot: there is one
// flight recorder in a process.
func TestOnAndOff(t *testing.T) {
	r, _ := recording(t, Config{})
	if _, err := r.Write("x"); !errors.Is(err, ErrOff) || !errors.Is(r.Dump("x"), ErrOff) || r.Enabled() {
		t.Errorf("off: %v", err)
	}
	if all, err := r.List(); err != nil || len(all) != 0 {
		t.Errorf("a folder that is not there: %v, %v", all, err)
	}
	on, more := usual(), usual()
	more.Keep, more.Window = 4, 2*time.Second
	for _, cfg := range []Config{on, on, more} {
		if err := r.Reconfigure(cfg); err != nil || !r.Enabled() {
			t.Fatalf("%+v: %v", cfg, err)
		}
	}
	other := New(Deps{Dir: t.TempDir(), Now: time.Now})
	if err := other.Reconfigure(on); err == nil || other.Err() == nil || other.Enabled() {
		t.Errorf("two in a process: %v", err)
	}
	if err := r.Reconfigure(Config{}); err != nil || r.Enabled() {
		t.Errorf("off again: %v", err)
	}
	if err := other.Reconfigure(on); err != nil || other.Err() != nil {
		t.Errorf("once the first is off: %v", err)
	}
	other.Close()
}

// TestFolderOfOthers lists and opens dumps only, and says that a folder cannot be made.
func TestFolderOfOthers(t *testing.T) {
	r, _ := recording(t, usual())
	dir, err := r.folder()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.txt", "20260102T030405.000Z.txt", "x.trace", "20260102T030405.000Z-A.trace", "20269902T030405.000Z.trace"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "20260102T030405.000Z.trace"), 0o700); err != nil {
		t.Fatal(err)
	}
	if all, err := r.List(); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	for _, name := range []string{"", "notes.txt", "../api.token", "20260102T030405.001Z.trace", "20260102T030405.000Z-../../x.trace"} {
		if _, _, err := r.Open(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write("no folder"); err == nil {
		t.Error("a dump into a file")
	}
	if _, err := r.List(); err == nil {
		t.Error("a file is listed")
	}
}

// TestNamesAreSafe makes of any reason a name that is a file's in the folder, and that is
// read again.
func TestNamesAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := "20260102T030405.000Z" + nameOf(rapid.String().Draw(t, "why")) + extension
		d, ok := parse(name)
		if !ok || d.Name != name || filepath.Base(name) != name || len(name) > 100 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.TZ") != "" {
			t.Errorf("%q: %+v, %v", name, d, ok)
		}
	})
}

// TestDumpWhileReconfigured ends the recording while it is written, with the race
// detector's eye on it.
func TestDumpWhileReconfigured(t *testing.T) {
	r, _ := recording(t, usual())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			if _, err := r.Write("again"); err != nil && !errors.Is(err, ErrOff) {
				t.Error(err)
			}
		}
	}()
	for i := range 20 {
		cfg := usual()
		cfg.Enabled = i%2 == 0
		if err := r.Reconfigure(cfg); err != nil {
			t.Error(err)
		}
	}
	<-done
}

func TestBounded(t *testing.T) {
	var into bytes.Buffer
	b := &bounded{&into, 3}
	for text, want := range map[string]int{"ab": 2} {
		if n, err := b.Write([]byte(text)); n != want || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if n, err := b.Write([]byte("cd")); n != 0 || !errors.Is(err, errLarge) || into.String() != "ab" {
		t.Errorf("%d, %v, %q", n, err, &into)
	}
}
