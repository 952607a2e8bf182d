package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loadWith is Load with an environment that is listed too.
func loadWith(text string, vars map[string]string) (*Config, Problems) {
	return Load([]byte(text), "loka.toml", Options{Env: environ(vars), EnvNames: slices.Collect(maps.Keys(vars))})
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	const none = "docs/CONFIG.md has the variable of every key; keys within lists of tables have none"
	for name, want := range map[string]string{
		"LOKA_LISTEN":        "did you mean LOKA_SERVER_LISTEN or LOKA_HTTP_LISTEN?",
		"LOKA_HTTP":          "did you mean LOKA_HTTP_LISTEN or LOKA_HTTP_RATE_LIMIT or LOKA_HTTP_RATE_BURST?",
		"LOKA_DATA":          "did you mean LOKA_DATA_DIR?",
		"LOKA_POOLS":         "did you mean LOKA_POOL?",
		"LOKA_USERNAME":      "did you mean LOKA_USER?",
		"LOKA_POOL_PASSWORD": "did you mean LOKA_POOL or LOKA_PASSWORD?",
		"LOKA_SERVER_LISTNE": "did you mean LOKA_SERVER_LISTEN?",
		"LOKA_":              none,
		"LOKA_COLOUR":        none,
	} {
		_, problems := loadWith(minimal, map[string]string{name: "127.0.0.1:1"})
		want := name + ": no setting has this variable, so it would do nothing; " + want
		if diff := cmp.Diff(want, problems.Error()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestKnownVariables(t *testing.T) {
	t.Parallel()
	vars := map[string]string{
		"LOKA_TOKEN": "t", "LOKA_SOAK": "1m", "LOKA_E2E_RELAY": "1m", // read elsewhere
		"LOKA_BRAND_NEW": "", // not set
		"loka_listen":    "x", "LOKAL": "x", "PATH": "/bin",
		"LOKA_BRAIINS_PASSWORD": "hunter2", // used below
		"LOKA_POOL":             "a:1", "LOKA_SERVER_LISTEN": "127.0.0.1:1", "LOKA_VARDIFF_MIN": "1",
		// A Kubernetes service by the name of loka or loka-stratum.
		"LOKA_SERVICE_HOST": "10.0.0.1", "LOKA_SERVICE_PORT": "3333", "LOKA_STRATUM_SERVICE_PORT_MINERS": "3333",
		"LOKA_PORT": "tcp://10.0.0.1:3333", "LOKA_PORT_3333_TCP": "tcp://10.0.0.1:3333", "LOKA_PORT_3333_TCP_ADDR": "10.0.0.1",
	}
	c, problems := loadWith(minimal+"password = \"${LOKA_BRAIINS_PASSWORD}\"\n", vars)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := c.Pools[0].Password.Reveal(); got != "hunter2" {
		t.Errorf("password %s", got)
	}
	// Who does not list the environment has nothing checked.
	load(t, minimal, Options{Env: environ(map[string]string{"LOKA_LISTEN": "x"})})
}

// Load reads every variable that it lists, and lists all that it reads.
func TestVariables(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	load(t, minimal, Options{Env: func(name string) (string, bool) {
		asked[name] = true
		return "", false
	}})
	if diff := cmp.Diff(slices.Sorted(maps.Keys(asked)), slices.Sorted(slices.Values(Variables()))); diff != "" {
		t.Errorf("-read +listed:\n%s", diff)
	}
}

// A problem quotes what was written, not what was made of it.
func TestProblemsQuoteWhatWasWritten(t *testing.T) {
	t.Parallel()
	_, problems := loadWith(minimal+`[storage]
max_disk = "10Mb"
keep_shares = "30m"
[server]
idle_timeout = "-60s"
shutdown_timeout = "100m"
`, map[string]string{"LOKA_SERVER_HANDSHAKE_TIMEOUT": "0h"})
	got := problems.Error()
	for _, want := range []string{
		`storage.max_disk: "10Mb" is out of range`, `storage.keep_shares: "30m" is out of range`,
		`server.idle_timeout: "-60s" is out of range`, `server.shutdown_timeout: "100m" is out of range; write at most "1h"`,
		`LOKA_SERVER_HANDSHAKE_TIMEOUT: server.handshake_timeout: "0h" is out of range`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	_, problems = loadWith(minimal+"[storage]\nmax_disk = \"0.0kb\"\nurl = \"postgres://u:hunter2@h\"\n", nil)
	if got := problems.Error(); !strings.Contains(got, `storage.max_disk: "0.0kb" is out of range`) || strings.Contains(got, "hunter2") {
		t.Errorf("got %s", got)
	}
}
