package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseFingerprint(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat("0aF1", 16)
	colons := strings.TrimSuffix(strings.Repeat("0a:F1:", 16), ":")
	a, err := ParseFingerprint(plain)
	b, err2 := ParseFingerprint(colons)
	if err != nil || err2 != nil || a != b || a[0] != 0x0a || a[31] != 0xf1 {
		t.Errorf("%x %v, %x %v", a, err, b, err2)
	}
	for _, bad := range []string{"", "00", plain + "00", plain[:63], plain[:62] + "zz", ":::"} {
		if _, err := ParseFingerprint(bad); err == nil || !strings.Contains(err.Error(), "64 hex digits") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReadCA(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCA(path); err == nil || !strings.Contains(err.Error(), "has no certificate") {
		t.Errorf("a text: %v", err)
	}
}

// What only encrypted pools have is remarked on at others.
func TestTrustOfPlainPool(t *testing.T) {
	t.Parallel()
	pin := strings.Repeat("00", 32)
	for url, notes := range map[string]int{"stratum+tcp://h:1": 1, "h:1": 1, "stratum+ssl://h:1": 0, "TLS://h:1": 0} {
		c := load(t, "[[pool]]\nurl = \""+url+"\"\nusername = \"a\"\nfingerprints = [\""+pin+"\"]\n", Options{})
		if len(c.Notes) != notes {
			t.Errorf("%s: %v", url, c.Notes)
		}
	}
}
