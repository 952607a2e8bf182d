package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loka/stratum/internal/mining"
)

// load is Load that must succeed.
func load(t *testing.T, text string, opts Options) *Config {
	t.Helper()
	c, problems := Load([]byte(text), "loka.toml", opts)
	if len(problems) > 0 {
		t.Fatalf("unexpected problems:\n%s", problems.Error())
	}
	return c
}

// environ is a lookup function over a map.
func environ(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

const minimal = `
[[pool]]
url = "stratum+tcp://pool.example.com:3333"
username = "acct"
`

func TestLoadMinimalFillsDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, minimal, Options{})
	worker, err := mining.ParseTemplate(mining.DefaultTemplate)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Listeners = []Listener{{Address: "0.0.0.0:3333", TLS: TLSOff}}
	want.Pools = []Pool{{
		Name: "main", URL: "stratum+tcp://pool.example.com:3333", Username: "acct", Password: "x",
		SuggestDifficulty: Suggest{Auto: true}, VersionBits: VersionBitsAuto,
	}}
	want.Routes = []Route{{
		Name: "default", Mode: Dedicated, Pools: []string{"main"}, Worker: worker, OnOutage: OutageClose,
	}}
	if diff := cmp.Diff(&want, c, cmpopts.EquateEmpty(), cmp.AllowUnexported(mining.Template{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadEveryKey(t *testing.T) {
	t.Parallel()
	c := load(t, `
data_dir = "/var/lib/loka"
instance = "farm-1"

[server]
listen = ["0.0.0.0:3333", "[::1]:3333"]
max_connections = 5
handshake_timeout = "1s"
authorize_timeout = "2s"
idle_timeout = "3m"
shutdown_timeout = "4s"

[[listener]]
address = "0.0.0.0:3334"
tls = "off"
proxy_from = []
[listener.vardiff]
min = 65536.0
start = 65536

[http]
listen = "127.0.0.1:9999"

[[pool]]
name = "main"
url = "stratum+ssl://pool.example.com:443"
username = "ACCOUNT"
password = "secret"
worker = "{account}"
suggest_difficulty = 2048
version_bits = "xor"

[[pool]]
name = "backup"
url = "pool2.example.com:3333"
username = "b"
suggest_difficulty = "off"

[[route]]
name = "rental"
mode = "dedicated"
pools = ["backup", "main"]
worker = "{login}"
on_outage = "close"
extranonce2_size = 8
[route.vardiff]
shares_per_minute = 20
[route.match]
listen = "0.0.0.0:3333"
worker = "a*"
user_agent = "NiceHash/*"
cidr = ["10.0.0.0/8", "::1/128"]

[[route]]

[vardiff]
shares_per_minute = 12
start = 10
min = 1e-9
max = 100000

[storage]
url = ""
keep_shares = "48h"
max_disk = "10GiB"
`, Options{})
	if got := c.Listeners; len(got) != 3 || got[0].Address != "0.0.0.0:3333" || got[2].Address != "0.0.0.0:3334" || *got[2].Vardiff.Min != 65536 {
		t.Errorf("listeners: %+v", got)
	}
	if got := c.Server; got.MaxConnections != 5 || got.HandshakeTimeout != time.Second || got.AuthorizeTimeout != 2*time.Second ||
		got.IdleTimeout != 3*time.Minute || got.ShutdownTimeout != 4*time.Second {
		t.Errorf("server: %+v", got)
	}
	main, ok := c.Pool("main")
	if !ok || main.Password.Reveal() != "secret" || main.Worker.String() != "{account}" ||
		main.SuggestDifficulty != (Suggest{Difficulty: 2048}) || main.VersionBits != VersionBitsXor {
		t.Errorf("pool main: %+v", main)
	}
	if backup, _ := c.Pool("backup"); backup.SuggestDifficulty != (Suggest{}) || backup.Password.Reveal() != "x" || backup.Worker.String() != "" {
		t.Errorf("pool backup: %+v", backup)
	}
	if _, ok := c.Pool("none"); ok {
		t.Error("a pool that is not there was found")
	}
	r := c.Routes[0]
	if r.Name != "rental" || r.Extranonce2Size != 8 || r.Worker.String() != "{login}" || *r.Vardiff.SharesPerMinute != 20 ||
		r.Match.UserAgent != "NiceHash/*" || len(r.Match.CIDR) != 2 || r.Match.CIDR[1].String() != "::1/128" {
		t.Errorf("route: %+v", r)
	}
	if got := c.Routes[1]; got.Name != "route2" || strings.Join(got.Pools, ",") != "main,backup" {
		t.Errorf("second route: %+v", got)
	}
	if c.Vardiff != (Vardiff{12, 10, 1e-9, 100000}) || c.DataDir != "/var/lib/loka" || c.Instance != "farm-1" || c.HTTP.Listen != "127.0.0.1:9999" {
		t.Errorf("rest: %+v", c)
	}
}

// A start that is not set gives way to bounds that are.
func TestVardiffStartIsBounded(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+`
[[listener]]
address = "0.0.0.0:3334"
vardiff.min = 65536.0
[[route]]
vardiff.max = 100
[vardiff]
start = 1024.0
`, Options{})
	if got := c.Vardiff.With(c.Listeners[0].Vardiff); got.Start != 65536 || got.Min != 65536 {
		t.Errorf("listener: %+v", got)
	}
	if got := c.Vardiff.With(c.Routes[0].Vardiff); got.Start != 100 || got.Max != 100 {
		t.Errorf("route: %+v", got)
	}
	if c = load(t, minimal+"[vardiff]\nmin = 5000\n", Options{}); c.Vardiff.Start != 5000 {
		t.Errorf("common: %+v", c.Vardiff)
	}
}

func TestLoadListenerReplacesDefaultListen(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+"[[listener]]\naddress = \"127.0.0.1:4000\"\n", Options{})
	if len(c.Listeners) != 1 || c.Listeners[0].Address != "127.0.0.1:4000" || len(c.Server.Listen) != 0 {
		t.Errorf("listeners: %+v, server.listen: %v", c.Listeners, c.Server.Listen)
	}
}

func TestLoadExpandsVariables(t *testing.T) {
	t.Parallel()
	env := environ(map[string]string{"PW": "p${X}", "HOST": "h.example", "T": "7s", "EMPTY": ""})
	c := load(t, `
[server]
handshake_timeout = "${T}"
[[pool]]
url = "stratum+tcp://${HOST}:${EMPTY}1"
username = "$${PW}-$5"
password = "${PW}"
`, Options{Env: env})
	p := c.Pools[0]
	if p.URL != "stratum+tcp://h.example:1" || p.Username != "${PW}-$5" || p.Password.Reveal() != "p${X}" ||
		c.Server.HandshakeTimeout != 7*time.Second {
		t.Errorf("got %+v, password %q, timeout %s", p, p.Password.Reveal(), c.Server.HandshakeTimeout)
	}
}

func TestLoadWithoutFile(t *testing.T) {
	t.Parallel()
	c, problems := Load(nil, "", Options{Flags: Flags{
		Pools: []string{"stratum+tcp://a:1", "b:2", "c:3"}, User: "me", Listen: []string{"127.0.0.1:0"},
		HTTP: "127.0.0.1:0", DataDir: "d", Mode: "dedicated", Password: "pw",
	}})
	if len(problems) > 0 {
		t.Fatal(problems.Error())
	}
	names := make([]string, 0, len(c.Pools))
	for _, p := range c.Pools {
		names = append(names, p.Name+" "+p.URL+" "+p.Username+" "+p.Password.Reveal())
	}
	want := []string{"main stratum+tcp://a:1 me pw", "pool2 b:2 me pw", "pool3 c:3 me pw"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("pools -want +got:\n%s", diff)
	}
	if got := c.Routes[0]; strings.Join(got.Pools, ",") != "main,pool2,pool3" {
		t.Errorf("route: %+v", got)
	}
	if c.DataDir != "d" || c.HTTP.Listen != "127.0.0.1:0" || c.Listeners[0].Address != "127.0.0.1:0" {
		t.Errorf("config: %+v", c)
	}
}

func TestLoadWithoutAnything(t *testing.T) {
	t.Parallel()
	_, problems := Load(nil, "", Options{})
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "--pool") || problems[0].Line != 0 {
		t.Errorf("problems: %v", problems)
	}
	_, problems = Load(nil, "", Options{Flags: Flags{Pools: []string{"a:1"}}})
	if len(problems) != 1 || problems[0].String() != "--pool: pool[0].username: no username; give the account or address that this pool pays with --user ACCOUNT" {
		t.Errorf("problems: %v", problems)
	}
}

func TestLoadPrecedence(t *testing.T) {
	t.Parallel()
	file := `
data_dir = "file"
[server]
listen = ["127.0.0.1:1"]
max_connections = 1
idle_timeout = "1m"
[http]
listen = "127.0.0.1:2"
[[pool]]
url = "file:1"
username = "file"
password = "file"
[[pool]]
name = "second"
url = "file:2"
username = "file2"
`
	env := environ(map[string]string{
		"LOKA_DATA_DIR": "env", "LOKA_SERVER_LISTEN": "127.0.0.1:11, 127.0.0.1:12", "LOKA_SERVER_MAX_CONNECTIONS": "11",
		"LOKA_SERVER_IDLE_TIMEOUT": "", "LOKA_HTTP_LISTEN": "127.0.0.1:13", "LOKA_POOL": "env:1", "LOKA_USER": "env",
		"LOKA_PASSWORD": "env", "LOKA_INSTANCE": "${HOME}", "LOKA_MODE": "dedicated", "LOKA_TOKEN": "t",
	})
	summary := func(c *Config) string {
		var b strings.Builder
		for _, l := range c.Listeners {
			b.WriteString(l.Address + " ")
		}
		for _, p := range c.Pools {
			b.WriteString(p.Name + "=" + p.URL + "," + p.Username + "," + p.Password.Reveal() + " ")
		}
		return b.String() + c.DataDir + " " + c.HTTP.Listen + " " + formatDuration(c.Server.IdleTimeout)
	}
	c := load(t, file, Options{})
	if got, want := summary(c), "127.0.0.1:1 main=file:1,file,file second=file:2,file2,x file 127.0.0.1:2 1m"; got != want {
		t.Errorf("file:\n got %s\nwant %s", got, want)
	}
	_, problems := Load([]byte(file), "loka.toml", Options{Env: env})
	if len(problems) != 1 || problems[0].Origin != "LOKA_INSTANCE" {
		t.Errorf("a name from the environment is checked and not expanded: %v", problems)
	}
	withoutInstance := func(name string) (string, bool) {
		if name == "LOKA_INSTANCE" {
			return "", false
		}
		return env(name)
	}
	c = load(t, file, Options{Env: withoutInstance})
	if got, want := summary(c), "127.0.0.1:11 127.0.0.1:12 main=env:1,env,env second=file:2,env,env env 127.0.0.1:13 1m"; got != want {
		t.Errorf("environment:\n got %s\nwant %s", got, want)
	}
	c = load(t, file, Options{Env: withoutInstance, Flags: Flags{
		Listen: []string{"127.0.0.1:21"}, HTTP: "127.0.0.1:22", Pools: []string{"flag:1", "flag:2", "flag:3"},
		User: "flag", Password: "flag", Mode: "dedicated", DataDir: "flag",
	}})
	if got, want := summary(c), "127.0.0.1:21 main=flag:1,flag,flag second=flag:2,flag,flag pool3=flag:3,flag,flag flag 127.0.0.1:22 1m"; got != want {
		t.Errorf("flags:\n got %s\nwant %s", got, want)
	}
	for _, o := range c.Overrides {
		if o.Key == "server.listen" && o.From != "--listen" {
			t.Errorf("override: %+v", o)
		}
	}
}

func TestLoadNotes(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+`
[[pool]]
name = "spare"
url = "spare:1"
[[route]]
name = "all"
pools = ["main"]
[route.vardiff]
min = 1
[[route]]
name = "never"
pools = ["main"]
[vardiff]
start = 5
`, Options{})
	want := []string{
		`loka.toml:6:3: pool[1]: no route uses this pool`,
		`loka.toml:12:8: route[0].vardiff: has no effect in dedicated mode, where the pool sets the difficulty`,
		`loka.toml:14:3: route[1]: no miner gets here: route all before it takes them all; put the route without a match last`,
		`loka.toml:17:2: vardiff: has no effect in dedicated mode, where the pool sets the difficulty`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), c.Notes.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExampleIsValid(t *testing.T) {
	t.Parallel()
	c := load(t, Example(), Options{})
	if len(c.Notes) > 0 {
		t.Errorf("notes: %v", c.Notes)
	}
	// What is commented out is valid too, and shows the default.
	var b strings.Builder
	for line := range strings.Lines(Example()) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.Contains(rest, " = ") || strings.HasPrefix(rest, "[")) &&
			!strings.HasPrefix(rest, "Texts") {
			line = rest
		}
		b.WriteString(line)
	}
	whole := load(t, b.String(), Options{})
	if len(whole.Pools) != 2 || len(whole.Routes) != 1 || whole.Routes[0].Name != "farm" {
		t.Fatalf("uncommented: %+v", whole)
	}
	if diff := cmp.Diff(c.Server, whole.Server); diff != "" {
		t.Errorf("server, commented out against set:\n%s", diff)
	}
	if diff := cmp.Diff(c.Pools[0], whole.Pools[0], cmp.AllowUnexported(mining.Template{})); diff != "" {
		t.Errorf("pool, commented out against set:\n%s", diff)
	}
}

func TestLoadRefusesHugeFile(t *testing.T) {
	t.Parallel()
	_, problems := Load(make([]byte, MaxFileSize+1), "big", Options{})
	if len(problems) != 1 || problems[0].Line != 1 {
		t.Errorf("problems: %v", problems)
	}
}
