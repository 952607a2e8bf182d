package logins

import (
	"bytes"
	"fmt"
	"strings"
)

// Entry is one line of a file: a login, or a glob on logins, and the hash of its
// secret.
type Entry struct {
	Login string
	Hash  Hash
}

// LineError is what is wrong with a line of a file. It repeats nothing of it.
type LineError struct {
	Line int
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap is what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// ParseFile reads lines of LOGIN:HASH, or GLOB:HASH; empty lines and those that
// begin with # are nothing. Of a login that is there twice the second is an error.
func ParseFile(text []byte) ([]Entry, error) {
	var all []Entry
	seen := make(map[string]int)
	n := 0
	for line := range bytes.Lines(text) {
		n++
		one := strings.TrimSpace(string(line))
		if one == "" || strings.HasPrefix(one, "#") {
			continue
		}
		colon := strings.LastIndexByte(one, ':')
		if colon < 1 {
			return nil, &LineError{n, fmt.Errorf("not LOGIN:HASH: %w", errNotHash)}
		}
		login := strings.TrimSpace(one[:colon])
		h, err := ParseHash(strings.TrimSpace(one[colon+1:]))
		if err != nil {
			return nil, &LineError{n, err}
		}
		if before, twice := seen[login]; twice {
			return nil, &LineError{n, fmt.Errorf("the login is in line %d already", before)}
		}
		seen[login] = n
		all = append(all, Entry{login, h})
	}
	return all, nil
}

// isGlob says that a login of a file is a glob.
func isGlob(login string) bool { return strings.ContainsAny(login, "*?") }
