package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// linesOf reads a record; each line has to be an act.
func linesOf(t *testing.T, path string) []Act {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var acts []Act
	for line := range bytes.Lines(data) {
		var a Act
		if err := json.Unmarshal(line, &a); err != nil || line[len(line)-1] != '\n' {
			t.Fatalf("%q: %v", line, err)
		}
		acts = append(acts, a)
	}
	return acts
}

func TestAppend(t *testing.T) {
	dir := t.TempDir()
	want := []Act{
		{At: noon, Who: "admin", From: "127.0.0.1:5", What: "POST /x", Before: map[string]any{"drained": false}, After: map[string]any{"drained": true}},
		{At: noon.Add(time.Second), Who: "ops", Role: "operator", What: "DELETE /x", Detail: "a\nb"},
	}
	for _, a := range want {
		if err := In(dir).Append(a); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, linesOf(t, filepath.Join(dir, Name))); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(filepath.Join(dir, Name)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// What others can read is theirs no more, and half a line that a crash has left spoils none.
func TestAppendToWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(path, []byte(`{"half`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := In(filepath.Dir(path)).Append(Act{At: noon, Who: "admin", What: "x"}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(data), "{\"half\n{\"at\":") || strings.Count(string(data), "\n") != 2 {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// The record is bounded, and what is dropped is the oldest of it.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	const most = 300
	f := in(dir, most, 2)
	for n := range 30 {
		if err := f.Append(Act{At: noon, Who: "admin", What: strconv.Itoa(n)}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%v, %v", entries, err)
	}
	next := 29
	for _, name := range []string{Name, Name + ".1", Name + ".2"} {
		acts := linesOf(t, filepath.Join(dir, name))
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() > most || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		for _, act := range slices.Backward(acts) {
			if act.What != strconv.Itoa(next) {
				t.Fatalf("%s has act %s in place of %d", name, act.What, next)
			}
			next--
		}
	}
}

func TestALongActIsCut(t *testing.T) {
	dir := t.TempDir()
	if err := In(dir).Append(Act{At: noon, Who: "admin", What: "x", Before: strings.Repeat("x", maxLine), Detail: strings.Repeat("y", maxLine)}); err != nil {
		t.Fatal(err)
	}
	acts := linesOf(t, filepath.Join(dir, Name))
	if len(acts) != 1 || acts[0].Before != nil || !strings.Contains(acts[0].Detail, "left out") || len(acts[0].Detail) > 2000 {
		t.Errorf("%.100v", acts)
	}
}

func TestTogether(t *testing.T) {
	dir := t.TempDir()
	f, other := In(dir), In(dir)
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			of := f
			if n%2 == 0 {
				of = other
			}
			if err := of.Append(Act{At: noon, Who: "admin", What: "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(linesOf(t, filepath.Join(dir, Name))); n != 16 {
		t.Errorf("%d lines", n)
	}
}

// A failure is told until an act can be written again.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	f := In(dir)
	path := filepath.Join(dir, Name)
	if err := os.Mkdir(path, 0o700); err != nil { // nobody can write a line to that, root neither
		t.Fatal(err)
	}
	for n := range 2 {
		if err := f.Append(Act{At: noon.Add(time.Duration(n) * time.Hour), What: "x"}); err == nil {
			t.Fatal("no error")
		}
	}
	if since, err := f.Failure(); err == nil || !since.Equal(noon) {
		t.Errorf("since %v: %v", since, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(Act{At: noon, What: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Failure(); err != nil {
		t.Errorf("still %v", err)
	}
	if err := f.Append(Act{At: noon, What: "x", After: func() {}}); err == nil {
		t.Error("what cannot be said is no error")
	}
}
