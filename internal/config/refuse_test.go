package config

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatARouteRefuses(t *testing.T) {
	t.Parallel()
	c, problems := Load([]byte(guardDoc+"[[route]]\nrefuse = [\"password_options\", \"without_tls\"]\nworkers = [\"*.?*\"]\n"), "f", Options{})
	if problems != nil {
		t.Fatal(problems)
	}
	if r := c.Routes[0]; !slices.Equal(r.Refuse, []string{RefusePasswordOptions, RefuseWithoutTLS}) || !slices.Equal(r.Workers, []string{"*.?*"}) {
		t.Errorf("%+v", r)
	}
	for _, tt := range []struct{ add, want string }{
		{"refuse = [\"tls\"]", `f:5:11: route[0].refuse[0]: nothing that can be refused is called "tls"; write some of "without_tls", "version_rolling", "suggest_difficulty", "password_options"`},
		{"refuse = [\"version_roling\"]", `f:5:11: route[0].refuse[0]: nothing that can be refused is called "version_roling", did you mean "version_rolling"?`},
		{"refuse = [\"without_tls\", \"without_tls\"]", `f:5:26: route[0].refuse[1]: "without_tls" is named twice; once is enough`},
		{"workers = [\"a\", \"\\n\"]", `f:5:17: route[0].workers[1]: "\n" has characters that no miner sends; use ASCII characters only, * for any text and ? for any character`},
		{"refuse = [\"password_options\"]\nmatch.group = \"x\"", `f:6:15: route[0].match.group: asks for an option of the password, which the route's refuse gives no weight to; take one of them out`},
	} {
		_, problems := Load([]byte(guardDoc+"[[route]]\n"+tt.add+"\n"), "f", Options{})
		if got := problems.Error(); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.add, got, tt.want)
		}
	}
}

// A route where nobody could log in is remarked on.
func TestNoteOfARouteWithoutTLS(t *testing.T) {
	t.Parallel()
	for add, noted := range map[string]bool{"": false, "refuse = [\"without_tls\"]\n": true} {
		c, problems := Load([]byte(guardDoc+"[[route]]\n"+add), "f", Options{})
		if problems != nil {
			t.Fatal(problems)
		}
		found := slices.ContainsFunc(c.Notes, func(n Problem) bool { return strings.Contains(n.String(), "nobody can log in") })
		if found != noted {
			t.Errorf("%q: remarked on: %t, want %t", add, found, noted)
		}
	}
}
