package logins_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/pipeline/logins"
)

// A hash is read back as itself, matches its secret and no other.
func TestHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[!-~]{1,40}`).Draw(t, "secret")
		other := rapid.StringMatching(`[!-~]{0,40}`).Draw(t, "other")
		h, err := logins.NewHash(secret, rapid.IntRange(1, 20).Draw(t, "iterations"))
		if err != nil {
			t.Fatal(err)
		}
		back, err := logins.ParseHash(h.String())
		if err != nil || back.String() != h.String() || !logins.IsHash(h.String()) {
			t.Fatalf("%s is read as %s: %v", h, back, err)
		}
		if !back.Matches(secret) || back.Matches(other) != (other == secret) {
			t.Fatal("it matches another secret than its own")
		}
		if again, _ := logins.NewHash(secret, 1); again.String() == h.String() {
			t.Fatal("two hashes of a secret are alike")
		}
	})
	if (logins.Hash{}).Matches("") {
		t.Error("no hash matches the empty secret")
	}
}

// The format is PBKDF2's: this one is by Python's hashlib.
func TestHashOfOthers(t *testing.T) {
	h, err := logins.ParseHash("pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$" + pythons)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Matches("s3cret") || h.Matches("S3cret") {
		t.Error("the hash is not of what hashlib made it of")
	}
}

func TestNotAHash(t *testing.T) {
	good, _ := logins.NewHash("x", 1)
	parts := strings.Split(good.String(), "$")
	for _, text := range []string{
		"", "hunter2", "$$$", "pbkdf2-sha256", "pbkdf2-sha1$1$" + parts[2] + "$" + parts[3],
		"pbkdf2-sha256$x$" + parts[2] + "$" + parts[3], "pbkdf2-sha256$0$" + parts[2] + "$" + parts[3],
		"pbkdf2-sha256$100001$" + parts[2] + "$" + parts[3], "pbkdf2-sha256$-1$" + parts[2] + "$" + parts[3],
		"pbkdf2-sha256$1$$" + parts[3], "pbkdf2-sha256$1$" + strings.Repeat("QUJD", 30) + "$" + parts[3],
		"pbkdf2-sha256$1$!!!$" + parts[3], "pbkdf2-sha256$1$" + parts[2] + "$" + parts[3][:10], good.String() + "$",
	} {
		if _, err := logins.ParseHash(text); err == nil {
			t.Errorf("%q is taken for a hash", text)
		} else if len(text) > 13 && strings.Contains(err.Error(), text) {
			t.Errorf("%q: the error repeats it: %v", text, err)
		}
	}
	for _, n := range []int{-1, 0, logins.MaxIterations + 1} {
		if _, err := logins.NewHash("x", n); err == nil {
			t.Errorf("%d iterations are taken", n)
		}
	}
}

func TestCheckSecret(t *testing.T) {
	for text, ok := range map[string]bool{
		"s3cret": true, "a=b": true, "x.y-z_!#%": true, strings.Repeat("x", 128): true,
		"": false, "a,b": false, "a;b": false, "a&b": false, "a b": false, `a"b`: false, `a\b`: false, "ü": false, "a\n": false,
		strings.Repeat("x", 129): false,
	} {
		err := logins.CheckSecret(text)
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestParseFile(t *testing.T) {
	h, _ := logins.NewHash("x", 1)
	entries, err := logins.ParseFile([]byte("# miners\r\n\r\nfarm.1:" + h.String() + "\r\n farm.*: " + h.String() + "\na:b:" + h.String()))
	if err != nil || len(entries) != 3 || entries[0].Login != "farm.1" || entries[1].Login != "farm.*" || entries[2].Login != "a:b" {
		t.Errorf("%+v, %v", entries, err)
	}
	for _, c := range []struct {
		text string
		line int
	}{
		{"hunter2", 1},
		{"\n:" + h.String(), 2},
		{"a:hunter2", 1},
		{"a:" + h.String() + "\n#\nb:" + h.String() + "\na:" + h.String(), 4},
	} {
		_, err := logins.ParseFile([]byte(c.text))
		if line, ok := errors.AsType[*logins.LineError](err); !ok || line.Line != c.line || errors.Unwrap(err) == nil {
			t.Errorf("%q: %v, want a mistake in line %d", c.text, err, c.line)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	h, _ := logins.NewHash("x", 1)
	f.Add("a:" + h.String() + "\n# b\n\nfarm.*:" + h.String())
	f.Add("a:pbkdf2-sha256$1$$")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := logins.ParseFile([]byte(text))
		if err != nil {
			return
		}
		var b strings.Builder
		for _, e := range entries {
			b.WriteString(e.Login + ":" + e.Hash.String() + "\n")
		}
		again, err := logins.ParseFile([]byte(b.String()))
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%q is read as %q, and that as %d entries: %v", text, b.String(), len(again), err)
		}
	})
}

// pythons is hashlib.pbkdf2_hmac("sha256", b"s3cret", b"0123456789abcdef", 1000).
const pythons = "Pz0s4HPO+TyHnyTxIR8Lx+fEZojc3Lc26DQkf4ZOWCk"
