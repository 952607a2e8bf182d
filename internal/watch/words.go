package watch

import (
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	// mostSpoken is how many payees a person is told of, edgeSpoken how many digits of
	// a long text at either end.
	mostSpoken, edgeSpoken = 3, 8
	// keyBytes and fullKeyBytes are the lengths of public keys.
	keyBytes, fullKeyBytes = 33, 65
)

// spoken says for a person whom a key pays. Scripts have no end, and nobody compares more
// than the ends of one that is no address; [Report] has all of it.
func spoken(key string) string {
	texts := strings.Split(key, ",")
	said := make([]string, 0, mostSpoken+1)
	for i, text := range texts {
		if i == mostSpoken {
			said = append(said, fmt.Sprintf("%d more", len(texts)-i))
			break
		}
		script, err := hex.DecodeString(text)
		if err != nil {
			said = append(said, abridged(text))
			continue
		}
		said = append(said, spokenScript(script))
	}
	if n := len(said) - 1; n > 0 {
		return strings.Join(said[:n], ", ") + " and " + said[n]
	}
	return said[0]
}

// spokenScript is an address where a script has one, else what kind of script it is.
func spokenScript(script []byte) string {
	if a := Address(script); a != "" {
		return a
	}
	n := len(script)
	if (n == keyBytes+2 || n == fullKeyBytes+2) && int(script[0]) == n-2 && script[n-1] == opCheckSig {
		return "the public key " + abridged(hex.EncodeToString(script[1:n-1]))
	}
	if n == 1 && script[0] == op1 {
		return "whoever comes first (the script 51)"
	}
	return "the script " + abridged(hex.EncodeToString(script)) + ", which is no address"
}

// abridged keeps the ends of a text.
func abridged(text string) string {
	if len(text) <= 2*edgeSpoken+1 {
		return text
	}
	return text[:edgeSpoken] + "…" + text[len(text)-edgeSpoken:]
}
