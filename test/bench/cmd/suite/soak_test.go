package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadSoak(t *testing.T) {
	got, err := readSoak("testdata/soak.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	at := []float64{0, 5, 10}
	want := soak{"soak.jsonl", []series{
		{"goroutines", at, []float64{4020, 4022, 4019}},
		{"heap_bytes", at, []float64{29e6, 29.4e6, 28.9e6}},
		{"p99_ms", at, []float64{2.5, 3, 1.9}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestReadSoakRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"t":0,"heap":1}` + "\nnonsense\n": "line 2",
		`{"heap":1}` + "\n":                 "no number t",
		`{"t":"soon","heap":1}` + "\n":      "no number t",
	} {
		name := filepath.Join(t.TempDir(), "s.jsonl")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readSoak(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := readSoak("testdata/none"); err == nil {
		t.Error("a file that is not there was read")
	}
}

// A curve spans its values, and what hardly moves is not drawn as if it did.
func TestCurve(t *testing.T) {
	steep := series{"heap", []float64{0, 10, 20}, []float64{10, 100, 55}}
	if c := steep.Curve(); c.Path != "M0.0 108.0L210.0 0.0L420.0 54.0" || c.Lowest != "0" || c.Most != "100" {
		t.Errorf("steep: %+v", c)
	}
	flat := series{"goroutines", []float64{0, 10}, []float64{1000, 1001}}
	if c := flat.Curve(); c.Path != "M0.0 61.2L420.0 58.8" {
		t.Errorf("flat: %+v", c)
	}
	one := series{"none", []float64{5}, []float64{0}}
	if c := one.Curve(); c.Path != "M210.0 60.0" {
		t.Errorf("one: %+v", c)
	}
}
