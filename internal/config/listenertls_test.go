package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/testkit"
)

// What is wrong with how miners show certificates is said where it stands, and so is
// what has no effect.
func TestClientCertificatesOfListener(t *testing.T) {
	t.Parallel()
	ca, _, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text.pem")
	if err := os.WriteFile(text, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(t.TempDir(), "gone.pem")
	for name, c := range map[string]struct {
		keys     string
		problems []string
		notes    []string
	}{
		"required": {`tls = "required"
client_ca = "` + ca + `"
client_certificates = "required"
tls_ciphers = "modern"`, nil, nil},
		"nobody signs": {`tls = "required"
client_certificates = "optional"`, []string{`f:7:23: listener[0].client_certificates: nobody who may sign them; write client_ca = "FILE.pem"`}, nil},
		"no file": {`tls = "required"
client_ca = "` + gone + `"
client_certificates = "optional"`, []string{`f:7:13: listener[0].client_ca: cannot be read: open ` + gone + `: no such file or directory`}, nil},
		"a text": {`tls = "required"
client_ca = "` + text + `"
client_certificates = "optional"`, []string{`f:7:13: listener[0].client_ca: ` + text + ` has no certificate; it begins with -----BEGIN CERTIFICATE-----`}, nil},
		"a word that is none": {`tls = "required"
client_certificates = "yes"`, []string{`f:7:23: listener[0].client_certificates: "yes" is not known; write one of "off", "optional", "required"`}, nil},
		"ciphers that are none": {`tls = "required"
tls_ciphers = "all"`, []string{`f:7:15: listener[0].tls_ciphers: "all" is not known; write one of "compatible", "modern"`}, nil},
		"not asked for": {`tls = "required"
client_ca = "` + ca + `"`, nil, []string{`f:7:13: listener[0].client_ca: has no effect with client_certificates = "off"; write "optional" or "required"`}},
		"plain gets in": {`tls = "optional"
client_ca = "` + ca + `"
client_certificates = "required"`, nil, []string{`f:8:23: listener[0].client_certificates: miners without TLS need none: they get in with tls = "optional"`}},
		"without TLS": {`client_ca = "` + gone + `"
client_certificates = "required"
tls_ciphers = "modern"`, nil, []string{
			`f:6:13: listener[0].client_ca: has no effect with tls = "off"`,
			`f:7:23: listener[0].client_certificates: has no effect with tls = "off"`,
			`f:8:15: listener[0].tls_ciphers: has no effect with tls = "off"`,
		}},
	} {
		cfg, problems := Load([]byte("[[pool]]\nurl = \"h:1\"\nusername = \"a\"\n[[listener]]\naddress = \"a:1\"\n"+c.keys+"\n"), "f", Options{})
		var notes Problems
		if cfg != nil {
			notes = cfg.Notes
		}
		for what, diff := range map[string]string{"problems": cmp.Diff(c.problems, lines(problems)), "notes": cmp.Diff(c.notes, lines(notes))} {
			if diff != "" {
				t.Errorf("%s: %s, -want +got:\n%s", name, what, diff)
			}
		}
	}
}

func lines(of Problems) []string {
	if len(of) == 0 {
		return nil
	}
	return strings.Split(of.Error(), "\n")
}
