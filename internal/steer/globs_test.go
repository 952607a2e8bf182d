package steer_test

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/steer"
)

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		globs []string
		text  string
		want  int
	}{
		{nil, "a", -1},
		{[]string{"a"}, "a", 0},
		{[]string{"a"}, "A", -1},
		{[]string{"b", "a*", "abc"}, "abc", 1},
		{[]string{"?"}, "", -1},
		{[]string{"*"}, "", 0},
		{[]string{"a.c"}, "abc", -1},
		{[]string{"(a+)+$"}, strings.Repeat("a", 10_000) + "!", -1},
		{[]string{"192.0.2.*"}, "192.0.2.77", 0},
	} {
		g := steer.CompileGlobs(c.globs)
		if got := g.Index(c.text); got != c.want || g.Match(c.text) != (c.want >= 0) {
			t.Errorf("%q on %.20q: %d, want %d", c.globs, c.text, got, c.want)
		}
		if g.Empty() != (len(c.globs) == 0) {
			t.Errorf("%q: empty %t", c.globs, g.Empty())
		}
	}
}
