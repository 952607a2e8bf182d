package watch

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Whom a pool pays is said for a person: an address where there is one, the kind of script
// and its ends where there is none, and no more of them than one reads.
func TestSpokenPayees(t *testing.T) {
	one := "0014" + strings.Repeat("ab", 20)
	address := Address(bytesOf(t, one))
	key := strings.Repeat("02", 33)
	for _, c := range []struct{ name, key, want string }{
		{"an address", one, address},
		{"two", one + ",51", address + " and whoever comes first (the script 51)"},
		{"a public key", "21" + key + "ac", "the public key 02020202…02020202"},
		{"a long script", "6a24aa21a9ed" + strings.Repeat("cd", 32), "the script 6a24aa21…cdcdcdcd, which is no address"},
		{"a short one", "6a00", "the script 6a00, which is no address"},
		{"many", strings.Join([]string{one, one, one, one, one}, ","), address + ", " + address + ", " + address + " and 2 more"},
		{"no hex", "x", "x"},
	} {
		if got := spoken(c.key); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
