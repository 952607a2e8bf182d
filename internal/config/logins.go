package config

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline/logins"
)

// Logins is the [logins] table: which miners are let in. What is set must all
// hold.
type Logins struct {
	// Allow are globs on logins; empty is everybody.
	Allow []string `toml:"allow"`
	// Password is the secret of all whom File does not name, or its hash.
	Password mining.Secret `toml:"password"`
	// File is the path of a file of logins and their hashes; [ReadLogins] reads it.
	File              string            `toml:"file"`
	ClientCertificate ClientCertificate `toml:"client_certificate"`
	// MaxRefused is after how many refused logins a connection ends; 0 is never.
	MaxRefused int `toml:"max_refused"`
}

// ClientCertificate is what a miner's certificate has to do with its login.
type ClientCertificate string

// The ways to look at a miner's certificate.
const (
	CertificateOff  ClientCertificate = "off"
	CertificateName ClientCertificate = "name"
)

// Choices lists the ways.
func (ClientCertificate) Choices() []string {
	return []string{string(CertificateOff), string(CertificateName)}
}

// defaultLogins let everybody in.
func defaultLogins() Logins { return Logins{ClientCertificate: CertificateOff, MaxRefused: 5} }

const (
	maxRefusedLogins = 10_000
	// maxLoginsFile bounds the file of logins: some hundred thousand of them.
	maxLoginsFile = 32 << 20
)

// ReadLogins reads a file of logins and hashes. Errors repeat nothing of it.
func ReadLogins(path string) ([]logins.Entry, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxLoginsFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(text) > maxLoginsFile {
		return nil, fmt.Errorf("%s is longer than %s", path, Size(maxLoginsFile))
	}
	entries, err := logins.ParseFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

// checkLogins checks the [logins] table, without a word of a secret.
func (l *loader) checkLogins(c Logins) {
	l.checkGlobs("logins.allow", c.Allow)
	if text := c.Password.Reveal(); logins.IsHash(text) {
		if _, err := logins.ParseHash(text); err != nil {
			l.add("logins.password", "%v", err)
		}
	} else if text != "" {
		if err := logins.CheckSecret(text); err != nil {
			l.add("logins.password", "%v", err)
		}
	}
	if c.File != "" {
		if _, err := ReadLogins(c.File); err != nil {
			l.add("logins.file", "%v; write lines of LOGIN:HASH as `loka password LOGIN` prints them", err)
		}
	}
	if n := c.MaxRefused; n < 0 || n > maxRefusedLogins {
		l.add("logins.max_refused", "%d is out of range; write 1 to %d, or 0 for any number", n, maxRefusedLogins)
	}
}

// noteLogins remarks on certificates that no miner can show and that keep them out.
func (l *loader) noteLogins(c *Config) {
	asks := func(one Listener) bool {
		return one.TLS != TLSOff && one.ClientCertificates != ClientCertificatesOff
	}
	if c.Logins.ClientCertificate == CertificateName && !slices.ContainsFunc(c.Listeners, asks) {
		l.note("logins.client_certificate", `no miner can have one, for no listener asks for certificates; write client_ca and client_certificates = "required" in a [[listener]] with tls`)
	}
}

// loginsMeanings is the documentation of the [logins] table.
func loginsMeanings() map[string]meaning {
	return map[string]meaning{
		"logins.allow":              {"Globs on logins: only miners whom one matches are let in; empty is everybody. See [logins](#logins).", ""},
		"logins.password":           {"The secret that a miner's password has to begin with, up to its first comma; itself (best as `${NAME}`), or its hash as `loka password` prints it. Empty asks for none.", ""},
		"logins.file":               {"File of lines `LOGIN:HASH`, or `GLOB:HASH`: the secret of each login, in place of `password`; who is not in it needs `password`, and is kept out where there is none. Read at start and with each reload.", ""},
		"logins.client_certificate": {"With `name` the name in the certificate that a miner has shown over TLS must be its login, or what is before or after the first dot of it.", ""},
		"logins.max_refused":        {"After so many refused logins a connection ends, those of who is banned or paused not counted; 0 is never.", ""},
	}
}
