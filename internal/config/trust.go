package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// ParseFingerprint reads the SHA-256 fingerprint of a certificate: 64 hex digits,
// with colons between the bytes or without.
func ParseFingerprint(text string) (digest [sha256.Size]byte, err error) {
	digits := strings.ReplaceAll(text, ":", "")
	if n, err := hex.Decode(digest[:], []byte(digits[:min(len(digits), 2*sha256.Size)])); err != nil || n != sha256.Size || len(digits) != 2*sha256.Size {
		return digest, fmt.Errorf("%q is no SHA-256 fingerprint; write its 64 hex digits, as openssl x509 -noout -fingerprint -sha256 prints them", text)
	}
	return digest, nil
}
