package steer_test

import (
	"testing"

	"github.com/loka/stratum/internal/steer"
)

func TestOwners(t *testing.T) {
	for _, c := range []struct {
		globs []string
		login string
		part  int
		ok    bool
	}{
		{nil, "vip.1", 0, false},
		{[]string{"", ""}, "vip.1", 0, false},
		{[]string{"", "vip.*"}, "vip.1", 1, true},
		{[]string{"", "vip.*"}, "vip", 0, false},
		{[]string{"", "vip.*"}, "", 0, false},
		{[]string{"vip.?", "vip.*"}, "vip.1", 0, true}, // the first
		{[]string{"vip.?", "vip.*"}, "vip.12", 1, true},
		{[]string{"vip.*", "*"}, "anybody", 1, true},
		{[]string{"*", "vip.*"}, "vip.1", 0, true},
	} {
		part, ok := steer.CompileOwners(c.globs).Owner(c.login)
		if part != c.part || ok != c.ok {
			t.Errorf("%q of %q: part %d, %t", c.login, c.globs, part, ok)
		}
	}
}
