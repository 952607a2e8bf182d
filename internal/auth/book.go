package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/atomicfile"
)

const (
	// AdminName is what the admin token of the data directory goes by.
	AdminName = "admin"
	// BookFile is the name of the file of all other tokens within the data directory.
	BookFile = "tokens.json"
	// MaxTokens bounds how many there are, for each is compared with what is presented.
	MaxTokens = 100
	// prefix is what our tokens begin with, so that who finds one in a repository or
	// a log knows what it is.
	prefix = "loka_"
	// maxName bounds a name.
	maxName = 64
)

// Why a token does not let anybody in.
var (
	// ErrUnknown is a token that is not known.
	ErrUnknown = errors.New("the token is not known here")
	// ErrExpired is one whose time is over.
	ErrExpired = errors.New("the token has expired")
)

// Why a token cannot be made or removed.
var (
	ErrName    = errors.New("a name is made of 1 to 64 letters, digits, dots, hyphens and underscores, and is not " + AdminName)
	ErrTaken   = errors.New("there is a token of that name")
	ErrFull    = fmt.Errorf("there are %d tokens already: remove some", MaxTokens)
	ErrMissing = errors.New("there is no token of that name")
	// ErrNotKept is a token that was removed and would be there again after the
	// next start, for the file cannot be written.
	ErrNotKept = errors.New("the token is worth nothing any more, but the next start would know it again")
)

// Info is what may be told of a token.
type Info struct {
	Name    string
	Role    Role
	Created time.Time
	// Expires is zero for one that does not, LastUsed for one that was not used.
	Expires, LastUsed time.Time
}

// entry is a token.
type entry struct {
	// Static after construction.
	name    string
	role    Role
	sum     [sha256.Size]byte
	created time.Time
	expires time.Time

	used atomic.Int64 // Unix seconds; 0: never
}

func (e *entry) info() Info {
	i := Info{Name: e.name, Role: e.role, Created: e.created, Expires: e.expires}
	if used := e.used.Load(); used != 0 {
		i.LastUsed = time.Unix(used, 0).UTC()
	}
	return i
}

// Book knows all tokens. Any number of goroutines may use it. Make it with [Open].
type Book struct {
	// Static after construction.
	path  string
	admin Token

	// entries are replaced whole, with mu held, and read without it.
	entries atomic.Pointer[[]*entry]

	// mu is held by who changes them or writes the file; kept is what the file has.
	mu   sync.Mutex
	kept []byte
}

// Open makes the book of a data directory, whose admin token is given. A file
// that cannot be understood is set aside and nobody is let in by it: that is
// damaged, and no error. One that others can read or write is one.
func Open(dir string, admin Token) (b *Book, damaged, err error) {
	b = &Book{path: filepath.Join(dir, BookFile), admin: admin}
	entries, kept, err := readBook(b.path)
	if errors.Is(err, ErrMalformed) {
		aside, moved := atomicfile.SetAside(b.path)
		if moved != nil {
			return nil, nil, errors.Join(err, moved)
		}
		damaged = fmt.Errorf("%w; it is kept as %s", err, aside)
	} else if err != nil {
		return nil, nil, err
	}
	b.entries.Store(&entries)
	b.kept = kept
	return b, damaged, nil
}

// Sum is the SHA-256 of a token: it tells which one was presented, and cannot be
// presented itself.
type Sum = [sha256.Size]byte

// Check says whose token was presented: [ErrUnknown] or [ErrExpired] where it lets
// nobody in, the latter with the identity that it had. Every token is compared,
// whichever it is, in constant time.
func (b *Book) Check(presented string, now time.Time) (Identity, error) {
	if len(presented) > maxToken {
		return Identity{}, ErrUnknown
	}
	return b.CheckSum(sha256.Sum256([]byte(presented)), now)
}

// CheckSum is [Book.Check] of a token that was presented before, of which only the
// sum was kept.
func (b *Book) CheckSum(sum Sum, now time.Time) (Identity, error) {
	var found *entry
	for _, e := range *b.entries.Load() {
		if subtle.ConstantTimeCompare(sum[:], e.sum[:]) == 1 {
			found = e
		}
	}
	if b.admin.is(sum) {
		return Identity{AdminName, Admin}, nil
	}
	if found == nil {
		return Identity{}, ErrUnknown
	}
	who := Identity{found.name, found.role}
	if !found.expires.IsZero() && !now.Before(found.expires) {
		return who, ErrExpired
	}
	found.used.Store(now.Unix())
	return who, nil
}

// Wanted is a token to be made.
type Wanted struct {
	// Name may be empty: one is found.
	Name string
	Role Role
	// Expires is zero for a token that does not.
	Expires time.Time
}

// Add makes a token and returns it: it is told this once. It is in the file when
// this returns; on an error there is none.
func (b *Book) Add(want Wanted, now time.Time) (text string, info Info, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := *b.entries.Load()
	if want.Name == "" {
		want.Name = freeName(before, want.Role)
	}
	switch {
	case !goodName(want.Name):
		return "", Info{}, ErrName
	case find(before, want.Name) >= 0:
		return "", Info{}, ErrTaken
	case len(before) >= MaxTokens:
		return "", Info{}, ErrFull
	}
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // never fails
	text = prefix + base64.RawURLEncoding.EncodeToString(secret)
	e := &entry{
		name: want.Name, role: want.Role, sum: sha256.Sum256([]byte(text)),
		created: now.UTC().Truncate(time.Second), expires: want.Expires.UTC().Truncate(time.Second),
	}
	after := append(slices.Clone(before), e)
	if err := b.write(after); err != nil {
		return "", Info{}, err
	}
	b.entries.Store(&after)
	return text, e.info(), nil
}

// Remove makes a token worthless, at once, and returns what it was. With
// [ErrNotKept] it is so until the next start only.
func (b *Book) Remove(name string) (Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := *b.entries.Load()
	i := find(before, name)
	if i < 0 {
		return Info{}, ErrMissing
	}
	after := slices.Delete(slices.Clone(before), i, i+1)
	b.entries.Store(&after)
	if err := b.write(after); err != nil {
		return before[i].info(), fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	return before[i].info(), nil
}

// List is all tokens but the admin token, in the order they were made.
func (b *Book) List() []Info {
	entries := *b.entries.Load()
	list := make([]Info, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.info())
	}
	return list
}

// Save keeps when tokens were used last, if there is news of that.
func (b *Book) Save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write(*b.entries.Load())
}

func find(entries []*entry, name string) int {
	return slices.IndexFunc(entries, func(e *entry) bool { return e.name == name })
}

// freeName is a name that no token has.
func freeName(entries []*entry, r Role) string {
	for n := 1; ; n++ {
		if name := fmt.Sprintf("%s-%d", r, n); find(entries, name) < 0 {
			return name
		}
	}
}

// goodName says that a token can be called so: by what needs no quoting in a path,
// a log or a shell.
func goodName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return name != "" && len(name) <= maxName && strings.Trim(name, letters) == "" && strings.Trim(name, ".") != "" && name != AdminName
}
