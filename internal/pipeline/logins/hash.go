package logins

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// DefaultIterations is what [NewHash] is given where nobody says otherwise, and
// MaxIterations the most that a hash may have: they are worked on with each login.
const (
	DefaultIterations = 1000
	MaxIterations     = 100_000
)

const (
	hashPrefix = "pbkdf2-sha256"
	saltSize   = 16
	// maxSalt bounds a salt of others' making, in bytes.
	maxSalt = 64
)

// Hash is a secret's, with the salt and the iterations that it was made with. The
// zero Hash matches nothing.
type Hash struct {
	iterations int
	salt, key  []byte
}

// NewHash hashes a secret with a salt of its own.
func NewHash(secret string, iterations int) (Hash, error) {
	h := Hash{iterations: iterations, salt: make([]byte, saltSize)}
	if iterations < 1 || iterations > MaxIterations {
		return Hash{}, fmt.Errorf("%d iterations are out of range; from 1 to %d", iterations, MaxIterations)
	}
	_, _ = rand.Read(h.salt) // crypto/rand.Read never fails
	h.key = h.derive(secret)
	return h, nil
}

// derive makes the key of a secret.
func (h Hash) derive(secret string) []byte {
	key, err := pbkdf2.Key(sha256.New, secret, h.salt, h.iterations, sha256.Size)
	if err != nil {
		return nil // in FIPS mode a short salt is refused: then nothing matches
	}
	return key
}

// Matches says whether the hash is of a secret. It takes the same time for all
// secrets of one length.
func (h Hash) Matches(secret string) bool {
	key := h.derive(secret)
	return len(key) > 0 && subtle.ConstantTimeCompare(key, h.key) == 1
}

// String is the hash as [ParseHash] reads it: pbkdf2-sha256$ITERATIONS$SALT$KEY.
func (h Hash) String() string {
	enc := base64.RawStdEncoding
	return hashPrefix + "$" + strconv.Itoa(h.iterations) + "$" + enc.EncodeToString(h.salt) + "$" + enc.EncodeToString(h.key)
}

// IsHash says that a text is meant to be a hash and no secret itself.
func IsHash(text string) bool { return strings.HasPrefix(text, hashPrefix+"$") }

// errNotHash repeats nothing of what was read: it may have been a secret.
var errNotHash = errors.New("not a hash; `loka password` makes one, pbkdf2-sha256$1000$…$…")

// ParseHash reads a hash.
func ParseHash(text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 4 || parts[0] != hashPrefix {
		return Hash{}, errNotHash
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return Hash{}, errNotHash
	}
	if n < 1 || n > MaxIterations {
		return Hash{}, fmt.Errorf("a hash with %d iterations; from 1 to %d are taken", n, MaxIterations)
	}
	h := Hash{iterations: n}
	enc := base64.RawStdEncoding.Strict()
	var errSalt, errKey error
	h.salt, errSalt = enc.DecodeString(parts[2])
	h.key, errKey = enc.DecodeString(parts[3])
	if errSalt != nil || errKey != nil || len(h.salt) == 0 || len(h.salt) > maxSalt || len(h.key) != sha256.Size {
		return Hash{}, errNotHash
	}
	return h, nil
}

// CheckSecret says why a text cannot be a miner's secret: a password ends at its
// first comma, and other characters do not survive firmware or are options.
func CheckSecret(secret string) error {
	switch {
	case secret == "":
		return errors.New("the secret is empty")
	case len(secret) > maxSecret:
		return fmt.Errorf("the secret has %d bytes; at most %d", len(secret), maxSecret)
	}
	for _, c := range []byte(secret) {
		if c < 0x21 || c > 0x7e || strings.IndexByte(`,;&"\`, c) >= 0 {
			return errors.New(`the secret has a space, one of , ; & " \ or a character that is not ASCII, which firmware does not send as it is`)
		}
	}
	return nil
}

// maxSecret is the longest secret, in bytes.
const maxSecret = 128
