package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/testkit"
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

// What is wrong with a listener's certificate or key is said at the one that it is
// wrong with, without a word of the key.
func TestKeyPairOfListener(t *testing.T) {
	t.Parallel()
	pairs := map[bool][2]string{}
	for _, withRSA := range []bool{false, true} {
		cert, key, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), withRSA)
		if err != nil {
			t.Fatal(err)
		}
		pairs[withRSA] = [2]string{cert, key}
	}
	ec, rsa := pairs[false], pairs[true]
	gone := filepath.Join(t.TempDir(), "gone.pem")
	for name, c := range map[string]struct {
		mode, cert, key string
		want            []string // problems
		notes           int
	}{
		"ECDSA":           {"required", ec[0], ec[1], nil, 0},
		"RSA":             {"optional", rsa[0], rsa[1], nil, 0},
		"another one's":   {"optional", ec[0], rsa[1], []string{`f:8:7: listener[0].key: ` + rsa[1] + ` is not the private key of cert, without a passphrase, as PEM (tls: private key type does not match public key type)`}, 0},
		"no key in it":    {"optional", ec[0], ec[0], []string{`f:8:7: listener[0].key: ` + ec[0] + ` is not the private key of cert, without a passphrase, as PEM (tls: found a certificate rather than a key in the PEM for the private key)`}, 0},
		"no certificate":  {"optional", ec[1], ec[1], []string{`f:7:8: listener[0].cert: ` + ec[1] + ` has no certificate; it begins with -----BEGIN CERTIFICATE-----`}, 0},
		"no file":         {"required", gone, ec[1], []string{`f:7:8: listener[0].cert: cannot be read: open ` + gone + `: no such file or directory`}, 0},
		"no key file":     {"required", ec[0], gone, []string{`f:8:7: listener[0].key: cannot be read: open ` + gone + `: no such file or directory`}, 0},
		"signs itself":    {"required", "", "", nil, 0},
		"no key":          {"required", ec[0], "", []string{`f:8:7: listener[0].key: no private key, which cert needs; write key = "FILE.pem", or neither for a certificate that signs itself`}, 0},
		"key alone":       {"required", "", ec[1], []string{`f:7:8: listener[0].cert: no certificate, which key is for; write cert = "FILE.pem", or neither for one that signs itself`}, 0},
		"without TLS":     {"off", ec[0], gone, nil, 2},
		"neither of both": {"off", "", "", nil, 0},
	} {
		file := fmt.Sprintf("[[pool]]\nurl = \"h:1\"\nusername = \"a\"\n[[listener]]\naddress = \"a:1\"\ntls = %q\ncert = %q\nkey = %q\n", c.mode, c.cert, c.key)
		cfg, problems := Load([]byte(file), "f", Options{})
		var got []string
		if len(problems) > 0 {
			got = strings.Split(problems.Error(), "\n")
		} else if len(cfg.Notes) != c.notes {
			t.Errorf("%s: notes %v", name, cfg.Notes)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// A route that waits for a server name where nobody can give one is remarked on.
func TestNotesOfServerName(t *testing.T) {
	t.Parallel()
	cert, key, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	listeners := fmt.Sprintf("[[listener]]\naddress = \"a:1\"\n[[listener]]\naddress = \"a:2\"\ntls = \"optional\"\ncert = %q\nkey = %q\n", cert, key)
	for match, want := range map[string]int{
		`{ server_name = "*.example.com" }`:                 0,
		`{ server_name = "*", listen = "a:2" }`:             0,
		`{ server_name = "*.example.com", listen = "a:1" }`: 1,
	} {
		c := load(t, minimal+listeners+"[[route]]\nmatch = "+match+"\n[[route]]\n", Options{})
		if len(c.Notes) != want {
			t.Errorf("%s: %v", match, c.Notes)
		}
	}
}
