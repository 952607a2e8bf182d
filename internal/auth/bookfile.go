package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
)

const (
	bookVersion = 1
	// maxBook bounds the file: some 300 bytes a token, and room.
	maxBook = 256 << 10
)

// bookText is what the file holds.
type bookText struct {
	Version int         `json:"version"`
	Tokens  []entryText `json:"tokens"`
}

type entryText struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Sum is the SHA-256 of the token, in hex.
	Sum      string    `json:"sha256"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// write puts entries into the file, unless it has them. mu is held.
func (b *Book) write(entries []*entry) error {
	text := bookText{Version: bookVersion, Tokens: make([]entryText, 0, len(entries))}
	for _, e := range entries {
		i := e.info()
		text.Tokens = append(text.Tokens, entryText{i.Name, i.Role, hex.EncodeToString(e.sum[:]), i.Created, i.Expires, i.LastUsed})
	}
	data, err := json.MarshalIndent(text, "", "  ")
	if err == nil && (bytes.Equal(data, b.kept) || len(entries) == 0 && b.kept == nil) {
		return nil
	}
	if err == nil {
		err = atomicfile.Write(b.path, data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", b.path, err)
	}
	b.kept = data
	return nil
}

// readBook reads the file; there may be none. [ErrMalformed] is one that no book
// can be made of.
func readBook(path string) (entries []*entry, data []byte, err error) {
	fail := func(err error, advice string) ([]*entry, []byte, error) {
		return nil, nil, &TokenError{Path: path, Err: err, Advice: advice}
	}
	const advice = "make the tokens anew with `loka token add`"
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return fail(err, "check data_dir")
	case !info.Mode().IsRegular() || info.Size() > maxBook:
		return fail(ErrMalformed, advice)
	case info.Mode().Perm()&0o077 != 0:
		return fail(fmt.Errorf("%w (mode %04o)", ErrTooOpen, info.Mode().Perm()), "run chmod 600 "+path+", or remove it if somebody may have written to it: all tokens but the admin token are gone then")
	}
	if data, err = os.ReadFile(path); err != nil { //nolint:gosec // G304: the operator's own data_dir
		return fail(err, "check its owner")
	}
	var text bookText
	if err := json.Unmarshal(data, &text); err != nil {
		return fail(fmt.Errorf("%w: %w", ErrMalformed, err), advice)
	}
	if text.Version != bookVersion || len(text.Tokens) > MaxTokens {
		return fail(ErrMalformed, advice)
	}
	for _, t := range text.Tokens {
		e := &entry{name: t.Name, role: t.Role, created: t.Created, expires: t.Expires}
		n, err := hex.Decode(e.sum[:], []byte(t.Sum[:min(len(t.Sum), 2*sha256.Size)]))
		if err != nil || n != sha256.Size || len(t.Sum) != 2*sha256.Size || !goodName(t.Name) || t.Role == Nobody || find(entries, t.Name) >= 0 {
			return fail(fmt.Errorf("%w: token %q", ErrMalformed, t.Name), advice)
		}
		if !t.LastUsed.IsZero() {
			e.used.Store(t.LastUsed.Unix())
		}
		entries = append(entries, e)
	}
	return entries, data, nil
}
