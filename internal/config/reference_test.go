package config

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/CONFIG.md anew")

// docs/CONFIG.md is what the code says.
func TestReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	const path = "../../docs/CONFIG.md"
	if *update {
		if err := os.WriteFile(path, []byte(Reference()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Reference(), string(got)); diff != "" {
		t.Errorf("docs/CONFIG.md is not what the code says; run: go test ./internal/config -update\n%s", diff)
	}
}

// Every key is explained, and nothing is explained that is no key.
func TestKeysAreExplained(t *testing.T) {
	t.Parallel()
	explained := meanings()
	for _, k := range Keys() {
		if explained[k.Path].text == "" {
			t.Errorf("%s: no meaning", k.Path)
		}
		if k.Type == "" {
			t.Errorf("%s: no type", k.Path)
		}
		delete(explained, k.Path)
	}
	for path := range explained {
		t.Errorf("%s is explained and is no key", path)
	}
}

func TestEnvNames(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, k := range Keys() {
		if k.Env == "" {
			if !strings.Contains(k.Path, "[]") {
				t.Errorf("%s has no variable", k.Path)
			}
			continue
		}
		if other, dup := got[k.Env]; dup {
			t.Errorf("%s and %s have the same variable %s", k.Path, other, k.Env)
		}
		got[k.Env] = k.Path
	}
	for name, path := range map[string]string{
		"LOKA_SERVER_LISTEN": "server.listen", "LOKA_HTTP_LISTEN": "http.listen", "LOKA_DATA_DIR": "data_dir",
	} {
		if got[name] != path {
			t.Errorf("%s sets %q, want %s", name, got[name], path)
		}
	}
	for _, special := range []string{envPool, envUser, envPassword, envMode, "LOKA_TOKEN"} {
		if path, taken := got[special]; taken {
			t.Errorf("%s sets %s too", special, path)
		}
	}
}
