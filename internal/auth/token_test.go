package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestFirstStartWritesLaterStartsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, created, err := LoadOrCreate(dir)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	info, err := os.Stat(filepath.Join(dir, TokenFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if len(first.Reveal()) != 43 || strings.ContainsAny(first.Reveal(), "+/=") {
		t.Errorf("%d characters: not 32 bytes in base64url", len(first.Reveal()))
	}
	second, created, err := LoadOrCreate(dir)
	if err != nil || created || second.Reveal() != first.Reveal() {
		t.Errorf("the second start: created %v, %v", created, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	other, _, err := LoadOrCreate(t.TempDir())
	if err != nil || other.Reveal() == first.Reveal() {
		t.Errorf("two directories, one token: %v", err)
	}
}

func TestTwoAtOnce(t *testing.T) {
	dir := t.TempDir()
	var tokens [8]Token
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			var err error
			if tokens[i], _, err = LoadOrCreate(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, token := range tokens {
		if token.Reveal() != tokens[0].Reveal() {
			t.Fatal("two starts hold different tokens")
		}
	}
}

func TestCheck(t *testing.T) {
	token := NewToken("correct horse battery staple")
	for presented, want := range map[string]bool{
		"correct horse battery staple":  true,
		"correct horse battery stapl":   false,
		"correct horse battery staple ": false,
		"Correct horse battery staple":  false,
		"":                              false,
		strings.Repeat("x", 5000):       false,
	} {
		if got := token.Check(presented); got != want {
			t.Errorf("%.40q: %v", presented, got)
		}
	}
	for _, presented := range []string{"", "x"} {
		if (Token{}).Check(presented) || NewToken("").Check(presented) {
			t.Errorf("no token grants %q", presented)
		}
	}
}

func TestNeverPrinted(t *testing.T) {
	token := NewToken("s3cret-s3cret-s3cret")
	data, err := json.Marshal(struct{ T Token }{token})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{token.String(), fmt.Sprintf("%v %+v %#v %s %q", token, token, token, token, token), string(data)} {
		if strings.Contains(printed, "s3cret") {
			t.Errorf("printed: %s", printed)
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	good := strings.Repeat("a", 43)
	for name, c := range map[string]struct {
		content string
		mode    fs.FileMode
		want    error
		advice  string
	}{
		"group can read":  {good, 0o640, ErrTooOpen, "chmod 600"},
		"others can read": {good, 0o604, ErrTooOpen, "chmod 600"},
		"others write":    {good, 0o602, ErrTooOpen, "chmod 600"},
		"empty":           {"", 0o600, ErrMalformed, "remove it"},
		"short":           {"abc", 0o600, ErrMalformed, "remove it"},
		"two lines":       {good + "\n" + good, 0o600, ErrMalformed, "remove it"},
		"huge":            {strings.Repeat("a", 2000), 0o600, ErrMalformed, "remove it"},
		"binary":          {good + "\x00", 0o600, ErrMalformed, "remove it"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, TokenFile)
		if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadOrCreate(dir)
		var bad *TokenError
		if !errors.Is(err, c.want) || !errors.As(err, &bad) || bad.Path != path || !strings.Contains(err.Error(), c.advice) {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != c.content {
			t.Errorf("%s: the file was touched", name)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, TokenFile), []byte(good+"\r\n"), mode); err != nil {
			t.Fatal(err)
		}
		if token, err := Load(dir); err != nil || !token.Check(good) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
}

func TestNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *TokenError
	if _, _, err := LoadOrCreate(filepath.Join(file, "data")); !errors.As(err, &bad) {
		t.Errorf("a file in the way: %v", err)
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}
