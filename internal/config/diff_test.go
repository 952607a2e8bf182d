package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	old := load(t, `
[server]
listen = ["0.0.0.0:1", "0.0.0.0:2"]
[[pool]]
name = "a"
url = "a:1"
username = "u"
password = "one"
[[pool]]
name = "b"
url = "b:1"
username = "u"
[[pool]]
name = "gone"
url = "gone:1"
username = "u"
`, Options{})
	now := load(t, `
data_dir = "elsewhere"
[server]
listen = ["0.0.0.0:1", "0.0.0.0:3"]
idle_timeout = "1h"
[[pool]]
name = "b"
url = "b:1"
username = "u"
[[pool]]
name = "a"
url = "a:2"
username = "u"
password = "two"
[[pool]]
name = "new"
url = "new:1"
username = "u"
[[route]]
name = "default"
pools = ["a"]
match.cidr = ["10.0.0.0/8"]
vardiff.min = 3
`, Options{})
	changes := Diff(old, now)
	lines := make([]string, 0, len(changes))
	for _, c := range changes {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Key, c.Old, c.New))
	}
	want := []string{
		`data_dir: "data" -> "elsewhere"`,
		`server.idle_timeout: "2h" -> "1h"`,
		`listener[0.0.0.0:2].address: "0.0.0.0:2" -> `,
		`pool[a].url: "a:1" -> "a:2"`,
		`pool[a].password: "***" -> "***"`,
		`pool[gone].name: "gone" -> `,
		`pool[gone].url: "gone:1" -> `,
		`pool[gone].username: "u" -> `,
		`route[default].pools: ["a", "b", "gone"] -> ["a"]`,
		`route[default].vardiff.min:  -> 3`,
		`route[default].match.cidr: [] -> ["10.0.0.0/8"]`,
		`listener[0.0.0.0:3].address:  -> "0.0.0.0:3"`,
		`pool[new].name:  -> "new"`,
		`pool[new].url:  -> "new:1"`,
		`pool[new].username:  -> "u"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := Diff(old, old); len(got) > 0 {
		t.Errorf("a Config differs from itself: %v", got)
	}
}

func TestDiffOfOrder(t *testing.T) {
	t.Parallel()
	pool := func(name string) string {
		return "[[pool]]\nname = \"" + name + "\"\nurl = \"h:1\"\nusername = \"u\"\n"
	}
	route := "[[route]]\nname = \"r\"\npools = [\"a\"]\n"
	a := load(t, pool("a")+pool("b")+route, Options{})
	b := load(t, pool("b")+pool("a")+route, Options{})
	want := []Change{{Key: "pool", Old: `"a", "b"`, New: `"b", "a"`}}
	if diff := cmp.Diff(want, Diff(a, b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Of a part of a split that came or went only what it says is listed.
func TestDiffOfSplit(t *testing.T) {
	t.Parallel()
	pools := minimal + "name = \"a\"\n[[pool]]\nname = \"b\"\nurl = \"b:1\"\nusername = \"u\"\n"
	split := func(parts string) *Config {
		return load(t, pools+"[[route]]\nname = \"farm\"\nsplit = ["+parts+"]\n", Options{})
	}
	a, b := split(`{ pool = "a", weight = 1 }`), split(`{ pool = "a", weight = 1 }, { pool = "b", worker = "x*" }`)
	want := []Change{{Key: "route[farm].split[1].pool", New: `"b"`}, {Key: "route[farm].split[1].worker", New: `"x*"`}}
	if diff := cmp.Diff(want, Diff(a, b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSecretsPrintAsStars(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+"password = \"hunter2\"\nproxy = \"socks5://farm:hunter2@p:1080\"\n[[route]]\npassword = \"hunter2\"\n", Options{})
	for _, text := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%s", c.Pools[0].Password)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("a secret is shown: %s", text)
		}
	}
	r := Redact(c)
	if got := r.Pools[0].Password.Reveal(); got != "***" {
		t.Errorf("redacted password is %q", got)
	}
	if got := r.Pools[0].Proxy.Reveal(); got != "***" {
		t.Errorf("redacted proxy is %q", got)
	}
	other := load(t, minimal+"password = \"hunter2\"\nproxy = \"socks5://farm:hunter3@p:1080\"\n[[route]]\npassword = \"hunter2\"\n", Options{})
	want := []Change{{Key: "pool[main].proxy", Old: `"***"`, New: `"***"`}}
	if diff := cmp.Diff(want, Diff(c, other)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := r.Routes[0].Password.Reveal(); got != "***" {
		t.Errorf("redacted password of a route is %q", got)
	}
	if got := c.Pools[0].Password.Reveal() + c.Routes[0].Password.Reveal(); got != "hunter2hunter2" {
		t.Errorf("Redact changed the original: %q", got)
	}
}

func TestValidateCompleteConfig(t *testing.T) {
	t.Parallel()
	c := load(t, minimal, Options{})
	if problems := Validate(c); len(problems) > 0 {
		t.Errorf("a loaded Config has problems: %v", problems)
	}
	broken := *c
	broken.Server.MaxConnections = 0
	broken.Routes = []Route{{Name: "r", Mode: Shared, Pools: []string{"nix"}, OnOutage: OutageHold}}
	problems := Validate(&broken)
	keys := make([]string, 0, len(problems))
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	if diff := cmp.Diff([]string{"server.max_connections", "route[0].pools[0]", "route[0].max_miners_per_connection", "route[0].outage_grace", "route[0].return_after"}, keys); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
