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
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const adminToken = "the-admin-token-of-data_dir"

func openBook(t *testing.T, dir string) *Book {
	t.Helper()
	b, damaged, err := Open(dir, NewToken(adminToken))
	if err != nil || damaged != nil {
		t.Fatal(damaged, err)
	}
	return b
}

func addTo(t *testing.T, b *Book, want Wanted) string {
	t.Helper()
	text, _, err := b.Add(want, noon)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokensHoldOverAStart(t *testing.T) {
	dir := t.TempDir()
	b := openBook(t, dir)
	ops := addTo(t, b, Wanted{Name: "ops", Role: Operator})
	screen := addTo(t, b, Wanted{Role: Viewer, Expires: noon.Add(time.Hour)})
	path := filepath.Join(dir, BookFile)
	for range 2 {
		for _, c := range []struct {
			presented string
			at        time.Time
			want      Identity
			err       error
		}{
			{ops, noon, Identity{"ops", Operator}, nil},
			{screen, noon.Add(time.Hour - 1), Identity{"viewer-1", Viewer}, nil},
			{screen, noon.Add(time.Hour), Identity{"viewer-1", Viewer}, ErrExpired},
			{adminToken, noon, Identity{AdminName, Admin}, nil},
			{"", noon, Identity{}, ErrUnknown},
			{ops[:len(ops)-1], noon, Identity{}, ErrUnknown},
			{ops + "x", noon, Identity{}, ErrUnknown},
			{strings.Repeat("x", 5000), noon, Identity{}, ErrUnknown},
		} {
			if who, err := b.Check(c.presented, c.at); who != c.want || !errors.Is(err, c.err) {
				t.Errorf("%.20q at %v: %v, %v", c.presented, c.at, who, err)
			}
		}
		b = openBook(t, dir)
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(data), ops) || strings.Contains(string(data), ops[len(prefix):]) {
		t.Errorf("the file has the token: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if len(ops) != len(prefix)+43 {
		t.Errorf("%d characters: not %q and 32 bytes in base64url", len(ops), prefix)
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	b := openBook(t, dir)
	first, second := addTo(t, b, Wanted{Role: Admin}), addTo(t, b, Wanted{Role: Admin})
	if first == second {
		t.Fatal("the same twice")
	}
	if info, err := b.Remove("admin-1"); err != nil || info.Name != "admin-1" || info.Role != Admin {
		t.Errorf("%+v, %v", info, err)
	}
	for _, name := range []string{"admin-1", "", AdminName} {
		if _, err := b.Remove(name); !errors.Is(err, ErrMissing) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for range 2 {
		if _, err := b.Check(first, noon); !errors.Is(err, ErrUnknown) {
			t.Errorf("a removed one: %v", err)
		}
		if _, err := b.Check(second, noon); err != nil {
			t.Errorf("the other one: %v", err)
		}
		b = openBook(t, dir)
	}
}

func TestLastUse(t *testing.T) {
	dir := t.TempDir()
	b := openBook(t, dir)
	text := addTo(t, b, Wanted{Name: "ops", Role: Operator})
	path := filepath.Join(dir, BookFile)
	made, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if _, err := b.Check(text, noon.Add(time.Duration(n)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(made, now) {
		t.Errorf("a use has written the file: %v", err)
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	saved, err := os.Stat(path)
	if err != nil || os.SameFile(made, saved) {
		t.Errorf("it was not saved: %v", err)
	}
	want := []Info{{"ops", Operator, noon, time.Time{}, noon.Add(9 * time.Second)}}
	if diff := cmp.Diff(want, openBook(t, dir).List()); diff != "" {
		t.Error(diff)
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(saved, now) {
		t.Errorf("the same was written again: %v", err)
	}
	empty := t.TempDir()
	if err := openBook(t, empty).Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(empty, BookFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of no tokens: %v", err)
	}
}

func TestNames(t *testing.T) {
	b := openBook(t, t.TempDir())
	for name, want := range map[string]error{
		"grafana": nil, "a.b_c-D9": nil, strings.Repeat("x", 64): nil,
		"admin": ErrName, ".": ErrName, "..": ErrName, "a b": ErrName, "a/b": ErrName, "ü": ErrName, "a\n": ErrName, strings.Repeat("x", 65): ErrName,
	} {
		if _, _, err := b.Add(Wanted{Name: name, Role: Viewer}, noon); !errors.Is(err, want) {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if _, _, err := b.Add(Wanted{Name: "grafana", Role: Admin}, noon); !errors.Is(err, ErrTaken) {
		t.Errorf("the same again: %v", err)
	}
	for range MaxTokens - len(b.List()) {
		addTo(t, b, Wanted{Role: Viewer})
	}
	if _, _, err := b.Add(Wanted{Role: Viewer}, noon); !errors.Is(err, ErrFull) || len(b.List()) != MaxTokens {
		t.Errorf("%d tokens, %v", len(b.List()), err)
	}
}

// Who cannot write the file makes no token, and still can take one away.
func TestNotKept(t *testing.T) {
	dir := t.TempDir()
	b := openBook(t, dir)
	text := addTo(t, b, Wanted{Name: "ops", Role: Operator})
	path := filepath.Join(dir, BookFile)
	if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if text, _, err := b.Add(Wanted{Name: "more", Role: Operator}, noon); err == nil || text != "" || len(b.List()) != 1 {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := b.Remove("ops"); !errors.Is(err, ErrNotKept) {
		t.Error(err)
	}
	if _, err := b.Check(text, noon); !errors.Is(err, ErrUnknown) {
		t.Errorf("it still lets in: %v", err)
	}
}

func TestDamagedFile(t *testing.T) {
	const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	one := func(name, role, sum string) string {
		return fmt.Sprintf(`{"name":%q,"role":%q,"sha256":%q,"created":"2026-01-02T12:00:00Z"}`, name, role, sum)
	}
	book := func(tokens ...string) string {
		return `{"version":1,"tokens":[` + strings.Join(tokens, ",") + `]}`
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "hello", "a later version": `{"version":2}`, "no role": book(one("a", "", sum)), "another role": book(one("a", "root", sum)),
		"a short sum": book(one("a", "admin", sum[2:])), "a long sum": book(one("a", "admin", sum+"00")), "no sum": book(one("a", "admin", "")), "no hex": book(one("a", "admin", "x"+sum[1:])),
		"twice": book(one("a", "admin", sum), one("a", "viewer", sum)), "a name that is not one": book(one("admin", "viewer", sum)), "huge": strings.Repeat(" ", maxBook) + book(),
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, BookFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b, damaged, err := Open(dir, NewToken(adminToken))
		if err != nil || !errors.Is(damaged, ErrMalformed) || len(b.List()) != 0 {
			t.Errorf("%s: %v, %v", name, damaged, err)
			continue
		}
		if who, err := b.Check(adminToken, noon); err != nil || who.Role != Admin {
			t.Errorf("%s: the admin token does not let in: %v", name, err)
		}
		if aside, err := os.ReadFile(path + ".bad"); err != nil || string(aside) != text {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, BookFile), []byte(book(one("a", "admin", sum))), 0o600); err != nil {
		t.Fatal(err)
	}
	if list := openBook(t, dir).List(); len(list) != 1 || list[0].Role != Admin {
		t.Errorf("a good one: %v", list)
	}
	if err := os.Chmod(filepath.Join(dir, BookFile), 0o620); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir, NewToken(adminToken)); !errors.Is(err, ErrTooOpen) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others can write it: %v", err)
	}
}

func FuzzReadBook(f *testing.F) {
	f.Add([]byte(`{"version":1,"tokens":[{"name":"a","role":"viewer","sha256":"00"}]}`))
	f.Add([]byte(`{"version":1,"tokens":null}`))
	path := filepath.Join(f.TempDir(), BookFile)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, kept, err := readBook(path)
		var bad *TokenError
		if err != nil && !errors.As(err, &bad) || err == nil && (string(kept) != string(data) || len(entries) > MaxTokens) {
			t.Errorf("%d entries, %v", len(entries), err)
		}
		for _, e := range entries {
			if e.role == Nobody || !goodName(e.name) {
				t.Errorf("%q is a %v", e.name, e.role)
			}
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	b := openBook(t, dir)
	text := addTo(t, b, Wanted{Name: "ops", Role: Operator})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("t%d", n)
			if _, _, err := b.Add(Wanted{Name: name, Role: Viewer}, noon); err != nil {
				t.Error(err)
			}
			if _, err := b.Check(text, noon); err != nil {
				t.Error(err)
			}
			if n%2 == 0 {
				if _, err := b.Remove(name); err != nil {
					t.Error(err)
				}
			}
			if err := b.Save(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(b.List()) != 5 || len(openBook(t, dir).List()) != 5 {
		t.Errorf("%v; in the file: %v", b.List(), openBook(t, dir).List())
	}
}

func TestRoles(t *testing.T) {
	if Nobody >= Viewer || Viewer >= Operator || Operator >= Admin {
		t.Error("a role does not have what is below it")
	}
	for _, r := range []Role{Viewer, Operator, Admin} {
		text, err := json.Marshal(r)
		var back Role
		if err := errors.Join(err, json.Unmarshal(text, &back)); err != nil || back != r {
			t.Errorf("%v: %s, %v", r, text, err)
		}
	}
	for _, text := range []string{"", "nobody", "Admin", "root"} {
		if r, ok := ParseRole(text); ok || new(Role).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is %v", text, r)
		}
	}
	for who, want := range map[Identity]string{{"ops", Operator}: "ops (operator)", {AdminName, Admin}: "admin", {}: ""} {
		if who.String() != want {
			t.Errorf("%#v is %q", who, who)
		}
	}
}
