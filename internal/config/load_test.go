package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

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
	want.Listeners = []Listener{{Address: "0.0.0.0:3333", TLS: TLSOff, ClientCertificates: ClientCertificatesOff, Ciphers: CiphersCompatible}}
	want.Pools = []Pool{{
		Name: "main", URL: "stratum+tcp://pool.example.com:3333", Username: "acct",
		Enabled: true, SuggestDifficulty: Suggest{Auto: true}, VersionBits: VersionBitsAuto, RefusalStreak: 50,
		Reconnect: ReconnectSameDomain, OnPayoutChange: PayoutAlert,
	}}
	want.Routes = []Route{{
		Name: "default", Mode: Shared, Pools: []string{"main"}, Worker: worker, OnOutage: OutageClose,
		OutageGrace: 20 * time.Second, ReturnAfter: 2 * time.Minute, MaxMinersPerConnection: 1000,
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
max_miners_per_connection = 250
[route.vardiff]
shares_per_minute = 20
fixed = 4096
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
fixed = 2e-10

[storage]
url = "postgres://u:p@h/db"
keep_shares = "24h"
keep_minutes = "48h"
max_disk = "1GiB"
archive = true
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
	if backup, _ := c.Pool("backup"); backup.SuggestDifficulty != (Suggest{}) || backup.Password != "" || backup.Worker.String() != "" {
		t.Errorf("pool backup: %+v", backup)
	}
	if _, ok := c.Pool("none"); ok {
		t.Error("a pool that is not there was found")
	}
	r := c.Routes[0]
	if r.Name != "rental" || r.Mode != Dedicated || r.Extranonce2Size != 8 || r.MaxMinersPerConnection != 250 || *r.Vardiff.Fixed != 4096 || r.Worker.String() != "{login}" || *r.Vardiff.SharesPerMinute != 20 ||
		r.Match.UserAgent != "NiceHash/*" || len(r.Match.CIDR) != 2 || r.Match.CIDR[1].String() != "::1/128" {
		t.Errorf("route: %+v", r)
	}
	if got := c.Routes[1]; got.Name != "route2" || got.Mode != Shared || strings.Join(got.Pools, ",") != "main,backup" {
		t.Errorf("second route: %+v", got)
	}
	if c.Vardiff != (Vardiff{12, 10, 1e-9, 100000, 2e-10}) || c.DataDir != "/var/lib/loka" || c.Instance != "farm-1" || c.HTTP.Listen != "127.0.0.1:9999" {
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

// What is set last in [vardiff], the listener's and the route's wins, and the
// figures fit together whatever the three say.
func TestVardiffFor(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+`
[[listener]]
address = "0.0.0.0:1"
[[listener]]
address = "0.0.0.0:2"
vardiff = { min = 65536, shares_per_minute = 10, fixed = 7 }
[[listener]]
address = "0.0.0.0:3"
vardiff = { start = 8 }
[[route]]
name = "plain"
match.worker = "a*"
[[route]]
name = "own"
match.worker = "b*"
vardiff = { shares_per_minute = 20, start = 100, fixed = 0 }
[[route]]
name = "low"
match.worker = "c*"
vardiff.max = 50
[[route]]
name = "high"
vardiff.min = 5000
[vardiff]
max = 1e6
`, Options{})
	for _, tt := range []struct {
		listener string
		route    int
		want     Vardiff
	}{
		{"0.0.0.0:1", 0, Vardiff{SharesPerMinute: 6, Start: 1024, Min: 0.001, Max: 1e6}},
		{"0.0.0.0:1", 1, Vardiff{SharesPerMinute: 20, Start: 100, Min: 0.001, Max: 1e6}},
		{"0.0.0.0:1", 2, Vardiff{SharesPerMinute: 6, Start: 50, Min: 0.001, Max: 50}},
		{"0.0.0.0:1", 3, Vardiff{SharesPerMinute: 6, Start: 5000, Min: 5000, Max: 1e6}},
		{"0.0.0.0:2", 0, Vardiff{SharesPerMinute: 10, Start: 65536, Min: 65536, Max: 1e6, Fixed: 7}},
		{"0.0.0.0:2", 1, Vardiff{SharesPerMinute: 20, Start: 65536, Min: 65536, Max: 1e6}},
		{"0.0.0.0:2", 2, Vardiff{SharesPerMinute: 10, Start: 50, Min: 50, Max: 50, Fixed: 7}},
		{"0.0.0.0:3", 0, Vardiff{SharesPerMinute: 6, Start: 8, Min: 0.001, Max: 1e6}},
		{"0.0.0.0:3", 3, Vardiff{SharesPerMinute: 6, Start: 5000, Min: 5000, Max: 1e6}},
		{"elsewhere", 9, Vardiff{SharesPerMinute: 6, Start: 1024, Min: 0.001, Max: 1e6}},
		{"0.0.0.0:2", -1, Vardiff{SharesPerMinute: 10, Start: 65536, Min: 65536, Max: 1e6, Fixed: 7}},
	} {
		if got := c.VardiffFor(tt.listener, tt.route); got != tt.want {
			t.Errorf("listener %s, route %d: %+v, want %+v", tt.listener, tt.route, got, tt.want)
		}
	}
}

func TestVardiffForFitsTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := func(name string) *float64 {
			if !rapid.Bool().Draw(t, name+" is set") {
				return nil
			}
			v := rapid.Float64Range(1e-9, 1e9).Draw(t, name)
			return &v
		}
		c := Defaults()
		c.Listeners = []Listener{{Address: "l", Vardiff: VardiffOverride{Start: set("start"), Min: set("min"), Max: set("max")}}}
		c.Routes = []Route{{Vardiff: VardiffOverride{Start: set("route start"), Min: set("route min"), Max: set("route max")}}}
		over := c.Routes[0].Vardiff
		if over.Min != nil && over.Max != nil && *over.Min > *over.Max {
			t.Skip("refused when it is read")
		}
		got := c.VardiffFor("l", 0)
		if got.Start < got.Min || got.Max > 0 && (got.Start > got.Max || got.Min > got.Max) {
			t.Fatalf("it does not fit together: %+v", got)
		}
		if over.Min != nil && got.Min != *over.Min || over.Max != nil && got.Max != *over.Max {
			t.Fatalf("a bound of the route's is not kept: %+v", got)
		}
	})
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
	if got, want := summary(c), "127.0.0.1:1 main=file:1,file,file second=file:2,file2, file 127.0.0.1:2 1m"; got != want {
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
mode = "dedicated"
pools = ["main"]
max_miners_per_connection = 5
[route.vardiff]
min = 1
[[route]]
name = "never"
mode = "dedicated"
pools = ["main"]
[vardiff]
start = 5
`, Options{})
	want := []string{
		`loka.toml:6:3: pool[1]: no route uses this pool`,
		`loka.toml:13:29: route[0].max_miners_per_connection: has no effect in dedicated mode, where each miner has a pool connection of its own`,
		`loka.toml:14:8: route[0].vardiff: has no effect in dedicated mode, where the pool sets the difficulty`,
		`loka.toml:16:3: route[1]: no miner gets here but by HTTP CONNECT: route all before it takes all others; put the route without a match last`,
		`loka.toml:20:2: vardiff: has no effect in dedicated mode, where the pool sets the difficulty`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), c.Notes.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A glob that no target of a CONNECT can match is remarked on, and a route that
// asks for a CONNECT may stand behind one that takes everybody.
func TestNotesOfConnect(t *testing.T) {
	t.Parallel()
	for glob, noted := range map[string]bool{
		"": false, "*": false, "pool.example.com:3333": false, "pool.example.com:*": false, "*.example.com:333?": false,
		"Pool*": false, "[2001:db8::1]:3333": false, "pool.example.com": true, "*.example.com": true, "stratum+tcp://pool:3333": true,
		"192.0.2.1": true, "pool:0": true,
	} {
		c := load(t, minimal+"[[route]]\nname = \"a\"\n[[route]]\nname = \"b\"\nmatch.connect = \""+glob+"\"\n", Options{})
		got := make([]string, 0, len(c.Notes))
		for _, n := range c.Notes {
			got = append(got, n.Key)
		}
		var want []string
		switch {
		case noted:
			want = []string{"route[1].match.connect"}
		case glob == "":
			want = []string{"route[1]"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: notes at %q, want %q", glob, got, want)
		}
	}
}

// A window of one minute is hardly meant, and all of a split are not all of the time.
func TestNotesOfWindows(t *testing.T) {
	t.Parallel()
	const few = "loka.toml:10:1: route[0].split: no part is in its window at times such as "
	for split, want := range map[string]string{
		`{ pool = "main", weight = 1, when = "* 22-23,0-5 * * *" }, { pool = "b", weight = 1 }`:                                              "",
		`{ pool = "main", weight = 1, when = "* 0-11 * * *" }, { pool = "b", weight = 1, when = "* 12-23 * * *" }`:                           "",
		`{ pool = "main", weight = 1, when = "* 0-11 * * *" }, { pool = "b", weight = 1, when = "* 13-23 * * *" }`:                           few + "Saturday 12:00 UTC; then all of them have their shares",
		`{ pool = "main", weight = 1, when = "* 0-11 * * *", time_zone = "Asia/Tokyo" }, { pool = "b", weight = 1, when = "* 12-23 * * *" }`: few + "Saturday 03:00 UTC; then all of them have their shares",
		`{ pool = "main", weight = 1, when = "0-29 * * * *" }, { pool = "b", weight = 1, when = "31-59 * * * *" }`:                           few + "Saturday 00:30 UTC; then all of them have their shares",
		`{ pool = "main", worker = "a", when = "* 1 * * *" }, { pool = "b", weight = 1 }`:                                                    "",
		`{ pool = "main", weight = 1, when = "* * * * 1-6" }, { pool = "b", worker = "b" }`:                                                  few + "Sunday 00:00 UTC; then all of them have their shares",
		`{ pool = "main", weight = 1, when = "0 22 * * *" }, { pool = "b", weight = 1 }`:                                                     "loka.toml:10:46: route[0].split[0].when: is one minute of an hour; for all of it write * in place of its first field",
	} {
		c := load(t, minimal+"[[pool]]\nname = \"b\"\nurl = \"b:1\"\n"+`username = "b"`+"\n[[route]]\nsplit = ["+split+"]\n", Options{})
		if got := c.Notes.Error(); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", split, got, want)
		}
	}
}

// A route's password is for pools that have none, and is checked like theirs.
func TestPasswordOfRoute(t *testing.T) {
	t.Parallel()
	const pools = minimal + "password = \"own\"\n[[pool]]\nname = \"spare\"\nurl = \"h:2\"\nusername = \"a\"\n[[route]]\npassword = \"r\"\n"
	c := load(t, pools, Options{})
	if len(c.Notes) > 0 || c.Routes[0].Password.Reveal() != "r" {
		t.Errorf("%v, %+v", c.Notes, c.Routes[0])
	}
	c = load(t, pools+"pools = [\"main\"]\n", Options{})
	if len(c.Notes) != 2 || c.Notes[1].Key != "route[0].password" {
		t.Errorf("notes: %v", c.Notes)
	}
	problems := problemsOf(t, minimal+"[[route]]\npassword = \"hunter 2\"\n", Options{})
	if len(problems) != 1 || problems[0].Key != "route[0].password" || strings.Contains(problems[0].Text, "hunter") {
		t.Errorf("problems: %v", problems)
	}
}

// A pool that is not enabled is read as such, and a route that has no other is
// remarked on.
func TestDisabledPools(t *testing.T) {
	t.Parallel()
	const pools = "[[pool]]\nurl = \"a:1\"\nusername = \"me\"\nenabled = false\n[[pool]]\nurl = \"b:1\"\nusername = \"me\"\nenabled = true\n"
	c := load(t, pools, Options{})
	if c.Pools[0].Enabled || !c.Pools[1].Enabled || len(c.Notes) != 0 {
		t.Errorf("pools %+v, notes %v", c.Pools, c.Notes)
	}
	c = load(t, pools+"[[route]]\nname = \"one\"\npools = [\"main\"]\nmatch.worker = \"a*\"\n[[route]]\nname = \"both\"\n", Options{})
	if len(c.Notes) != 1 || c.Notes[0].Key != "route[0]" || c.Notes[0].Text != "no pool of this route is enabled; its miners get no work" {
		t.Errorf("notes %v", c.Notes)
	}
}

// A vardiff table is without effect where all miners that it is for are on
// dedicated routes, and only there.
func TestNotesOfVardiff(t *testing.T) {
	t.Parallel()
	const listeners = minimal + `
[[listener]]
address = "127.0.0.1:1"
vardiff.min = 1
[[listener]]
address = "127.0.0.1:2"
vardiff.min = 1
[vardiff]
start = 5
`
	route := func(name, mode, more string) string {
		return "[[route]]\nname = \"" + name + "\"\nmode = \"" + mode + "\"\n" + more + "\n"
	}
	for name, tt := range map[string]struct {
		routes string
		want   []string // keys with a note
	}{
		"no route":        {"", nil},
		"shared":          {route("a", "shared", "vardiff.min = 2"), nil},
		"dedicated":       {route("a", "dedicated", "vardiff.min = 2"), []string{"listener[0].vardiff", "listener[1].vardiff", "route[0].vardiff", "vardiff"}},
		"by listener":     {route("a", "dedicated", `match.listen = "*:1"`) + route("b", "shared", ""), []string{"listener[0].vardiff"}},
		"shared first":    {route("a", "shared", `match.listen = "*:1"`) + route("b", "dedicated", "vardiff.min = 2"), []string{"listener[1].vardiff", "route[1].vardiff"}},
		"some of a port":  {route("a", "dedicated", "match = { listen = \"*:1\", worker = \"a*\" }") + route("b", "shared", ""), nil},
		"none at a port":  {route("a", "shared", `match.listen = "*:1"`), nil},
		"some by address": {route("a", "dedicated", `match.cidr = ["10.0.0.0/8"]`) + route("b", "shared", `match.listen = "*:2"`), []string{"listener[0].vardiff"}},
	} {
		c := load(t, listeners+tt.routes, Options{})
		var got []string
		for _, note := range c.Notes {
			if strings.Contains(note.Text, "has no effect in dedicated mode") {
				got = append(got, note.Key)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
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
	if diff := cmp.Diff(c.Vardiff, whole.Vardiff); diff != "" {
		t.Errorf("vardiff, commented out against set:\n%s", diff)
	}
	if got, want := whole.Routes[0].Mode, c.Routes[0].Mode; got != want {
		t.Errorf("mode, commented out %s, set %s", want, got)
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
