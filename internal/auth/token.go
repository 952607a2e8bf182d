package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TokenFile is the name of the admin token's file within the data directory.
const TokenFile = "api.token"

// tokenBytes is how much chance there is in a token we make.
const tokenBytes = 32

// minToken is the least number of characters of a token that somebody else
// wrote into the file.
const minToken = 16

// maxToken bounds what is read and compared.
const maxToken = 1024

// Token is a secret that grants everything. The zero Token grants nothing.
type Token struct {
	text string
	sum  [sha256.Size]byte
}

// NewToken makes a token of a text.
func NewToken(text string) Token { return Token{text: text, sum: sha256.Sum256([]byte(text))} }

// Check says whether what was presented is the token. It takes the same time
// whatever was presented.
func (t Token) Check(presented string) bool {
	return len(presented) <= maxToken && t.is(sha256.Sum256([]byte(presented)))
}

// Sum is what it is told by where it is not kept.
func (t Token) Sum() Sum { return t.sum }

// is says whether a sum is the token's.
func (t Token) is(sum Sum) bool {
	return t.text != "" && subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1
}

// Reveal returns the secret, for the one who must send it.
func (t Token) Reveal() string { return t.text }

// String prints stars.
func (t Token) String() string { return "***" }

// GoString prints stars.
func (t Token) GoString() string { return "***" }

// MarshalText prints stars.
func (t Token) MarshalText() ([]byte, error) { return []byte("***"), nil }

// TokenError is a token file that cannot be used.
type TokenError struct {
	Path string
	Err  error
	// Advice says what an operator can do.
	Advice string
}

// Error names the file, what is wrong with it and what to do.
func (e *TokenError) Error() string {
	return fmt.Sprintf("%s: %v; %s", e.Path, e.Err, e.Advice)
}

// Unwrap returns the cause.
func (e *TokenError) Unwrap() error { return e.Err }

// Causes of a [TokenError] that are not the file system's.
var (
	// ErrTooOpen is a file that others than its owner can read or write.
	ErrTooOpen = errors.New("others can read or write it")
	// ErrMalformed is a file that does not hold one token.
	ErrMalformed = errors.New("it does not hold a token")
)

// LoadOrCreate reads the token of a data directory, or makes one when there
// is none, the directory included. created says that it was made now.
func LoadOrCreate(dir string) (t Token, created bool, err error) {
	t, err = Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return t, false, err
	}
	path := filepath.Join(dir, TokenFile)
	t, err = create(dir, path)
	if errors.Is(err, fs.ErrExist) { // somebody was faster
		t, err = Load(dir)
		return t, false, err
	}
	if err != nil {
		return Token{}, false, &TokenError{Path: path, Err: err, Advice: "check that data_dir can be written to"}
	}
	return t, true, nil
}

// Load reads the token of a data directory. One that is not there is
// [fs.ErrNotExist]; every error is a [*TokenError].
func Load(dir string) (Token, error) {
	path := filepath.Join(dir, TokenFile)
	fail := func(err error, advice string) (Token, error) {
		return Token{}, &TokenError{Path: path, Err: err, Advice: advice}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fail(err, "loka start writes it at its first start; check data_dir")
	}
	if !info.Mode().IsRegular() || info.Size() > maxToken {
		return fail(ErrMalformed, "remove it: the next start writes a new one")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fail(fmt.Errorf("%w (mode %04o)", ErrTooOpen, mode), "run chmod 600 "+path+", or remove it if somebody may have read it: the next start writes a new one")
	}
	data, err := os.ReadFile(path) //nolint:gosec // G304: the operator's own data_dir
	if err != nil {
		return fail(err, "check its owner")
	}
	text := strings.TrimSpace(string(data))
	if len(text) < minToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fail(ErrMalformed, "remove it: the next start writes a new one")
	}
	return NewToken(text), nil
}

// create writes a new token beside path and links it there, so that the file
// is whole from the moment it can be seen and an existing one stays.
func create(dir, path string) (Token, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Token{}, err
	}
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // never fails
	t := NewToken(base64.RawURLEncoding.EncodeToString(secret))

	f, err := os.CreateTemp(dir, TokenFile+".tmp-*") // mode 0600
	if err != nil {
		return Token{}, err
	}
	_, err = f.WriteString(t.text + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	return t, errors.Join(err, os.Remove(f.Name()))
}
