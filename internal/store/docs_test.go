package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// TestNumbersInTheTables: stores keep sides and verdicts as numbers, which must
// neither change nor be told otherwise.
func TestNumbersInTheTables(t *testing.T) {
	text, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]string, 0, 20)
	for _, v := range append(mining.Verdicts(), mining.Pending) {
		want = append(want, fmt.Sprintf("%d %s", v, v))
	}
	for _, s := range store.Sides() {
		want = append(want, fmt.Sprintf("| %d %s |", s, s))
	}
	for _, w := range want {
		if !strings.Contains(string(text), w) {
			t.Errorf("docs/OPERATIONS.md does not say %q", w)
		}
	}
}
