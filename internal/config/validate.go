package config

import (
	"strings"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
)

// Bounds of what may be configured.
const (
	maxConnections   = 10_000_000
	maxNameLength    = 64
	maxLoginLength   = 128
	maxExtranonce2   = 8
	maxMinersPerLink = 65_536
	maxTimeout       = 7 * 24 * time.Hour
	nameAlphabet     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	hostAlphabet     = "abcdefghijklmnopqrstuvwxyz0123456789.:-_*"
	nameAlphabetText = `letters, digits, ".", "_" and "-"`
)

// validate checks a complete Config.
func (l *loader) validate(c *Config) {
	l.shift = len(c.Server.Listen)
	l.checkServer(c)
	l.checkAccess(c.Access)
	l.checkAddresses(c)
	l.checkPools(c)
	l.checkLoops(c)
	l.checkRoutes(c)
	l.checkVardiff(c)
	l.checkStorage(c.Storage)
	l.checkGuard(c)
	l.checkBans(c.Bans)
	l.checkMetrics(c.Metrics)
	l.checkWatch(&c.Watch)
	l.noteInert(c)
}

func (l *loader) checkServer(c *Config) {
	s := c.Server
	if strings.TrimSpace(c.DataDir) == "" {
		l.add("data_dir", `no folder named; write data_dir = "data"`)
	}
	if c.Instance != "" {
		l.checkName("instance", c.Instance)
	}
	if s.MaxConnections < 1 || s.MaxConnections > maxConnections {
		l.add("server.max_connections", "%d is out of range; write a number from 1 to %d", s.MaxConnections, maxConnections)
	}
	l.checkTimeout("server.first_byte_timeout", s.FirstByteTimeout, maxTimeout)
	l.checkTimeout("server.handshake_timeout", s.HandshakeTimeout, maxTimeout)
	l.checkTimeout("server.authorize_timeout", s.AuthorizeTimeout, maxTimeout)
	l.checkTimeout("server.idle_timeout", s.IdleTimeout, maxTimeout)
	l.checkTimeout("server.shutdown_timeout", s.ShutdownTimeout, time.Hour)
}

func (l *loader) checkTimeout(path string, d, most time.Duration) {
	if d <= 0 {
		l.add(path, `%s is out of range; write a duration above 0, such as "30s"`, l.quote(path, d))
	} else if d > most {
		l.add(path, "%s is out of range; write at most %q", l.quote(path, d), formatDuration(most))
	}
}

// checkName checks what becomes a metric label and a part of API paths.
func (l *loader) checkName(path, name string) {
	switch {
	case name == "":
		l.add(path, "the name is empty; write a name of %s, or leave the key out", nameAlphabetText)
	case len(name) > maxNameLength:
		l.add(path, "the name has %d characters; at most %d are allowed", len(name), maxNameLength)
	case strings.Trim(name, nameAlphabet) != "":
		l.add(path, "%q has characters that a name may not have; use only %s", name, nameAlphabetText)
	}
}

// maxRefusalStreak bounds a number that nobody counts to.
const maxRefusalStreak = 1_000_000

func (l *loader) checkPools(c *Config) {
	if len(c.Pools) == 0 {
		advice := "; add a [[pool]] with url and username"
		if !l.hasFile {
			advice = "; give --pool URL and --user ACCOUNT, or a file with -c FILE (`loka init` writes an example)"
		}
		l.missing("pool", "no pool to mine at%s", advice)
	}
	used := map[string]string{}
	for _, r := range c.Routes {
		for _, name := range r.EveryPool() {
			if _, ok := used[name]; !ok {
				used[name] = r.Name
			}
		}
	}
	first := map[string]int{}
	for i, p := range c.Pools {
		at := index("pool", i)
		l.checkName(join(at, "name"), p.Name)
		if other, dup := first[p.Name]; dup {
			l.add(join(at, "name"), "%q is the name of pool[%d] already; give each pool a name of its own", p.Name, other)
		} else {
			first[p.Name] = i
		}
		l.checkURL(join(at, "url"), p.URL)
		l.checkAccount(at, p, used)
		if n := p.RefusalStreak; n < 0 || n > maxRefusalStreak {
			l.add(join(at, "refusal_streak"), "%d is out of range; write 1 to %d, or 0 for any number", n, maxRefusalStreak)
		}
		l.checkTrust(at, p)
		l.checkProxy(join(at, "proxy"), p.Proxy)
		l.checkHosts(join(at, "reconnect_hosts"), p.ReconnectHosts)
		l.checkPayout(at, &p)
	}
}

// checkTrust checks which certificates of a pool are taken.
func (l *loader) checkTrust(at string, p Pool) {
	if p.CA != "" {
		if _, err := certs.ReadCA(p.CA); err != nil {
			l.add(join(at, "ca"), "%v", err)
		}
	}
	for i, text := range p.Fingerprints {
		if _, err := ParseFingerprint(text); err != nil {
			l.add(index(join(at, "fingerprints"), i), "%v", err)
		}
	}
}

// checkProxy checks a proxy's URL, which is not echoed.
func (l *loader) checkProxy(at string, url mining.Secret) {
	if url == "" {
		return
	}
	if _, err := dial.ParseProxy(url.Reveal()); err != nil {
		l.add(at, "%v", err)
	}
}

// checkHosts checks globs of host names.
func (l *loader) checkHosts(at string, globs []string) {
	for i, glob := range globs {
		switch {
		case glob == "" || strings.Trim(glob, hostAlphabet) != "":
			l.add(index(at, i), `%q is no host; write a name in lower case such as "eu.example.com", * for any text in it`, glob)
		case strings.Trim(glob, "*.") == "":
			l.add(index(at, i), `%q lets the pool send miners anywhere, which is how they were stolen; name the domain, as in "*.example.com"`, glob)
		}
	}
}

func (l *loader) checkAccount(at string, p Pool, used map[string]string) {
	path := join(at, "username")
	_, needed := used[p.Name]
	switch {
	case p.Username == "" && needed && l.hasFile:
		l.missing(path, `no username; write the account or address that this pool pays, as in username = "ACCOUNT"`)
	case p.Username == "" && needed:
		l.missing(path, "no username; give the account or address that this pool pays with --user ACCOUNT")
	case !isPrintable(p.Username):
		l.add(path, "%q has spaces or characters that no pool takes; use visible ASCII characters only", p.Username)
	case len(p.Username) > maxLoginLength:
		l.add(path, "the username has %d characters; at most %d are allowed", len(p.Username), maxLoginLength)
	}
	l.checkPassword(join(at, "password"), p.Password)
	if path = join(at, "worker"); !isPrintable(p.Worker.String()) {
		l.add(path, "%q has spaces or characters that no pool takes; use visible ASCII characters only", p.Worker)
	}
}

// checkPassword checks what goes to a pool, without a word of it.
func (l *loader) checkPassword(path string, password mining.Secret) {
	if !isPrintable(password.Reveal()) {
		l.add(path, "the password has spaces or characters that no pool takes; use visible ASCII characters only")
	}
}

// isPrintable says whether a text has visible ASCII characters only.
func isPrintable(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7e {
			return false
		}
	}
	return true
}

func (l *loader) checkVardiff(c *Config) {
	l.checkVardiffOf("vardiff", c.Vardiff)
	for i, one := range c.Listeners {
		if (one.Vardiff != VardiffOverride{}) {
			l.checkVardiffOf(join(index("listener", i), "vardiff"), c.Vardiff.With(one.Vardiff))
		}
	}
	for i, r := range c.Routes {
		if (r.Vardiff != VardiffOverride{}) {
			l.checkVardiffOf(join(index("route", i), "vardiff"), c.Vardiff.With(r.Vardiff))
		}
	}
}

// checkVardiffOf checks the [vardiff] table, or another one as it stands over
// that.
func (l *loader) checkVardiffOf(path string, common Vardiff) {
	positive := func(key string, v float64) {
		if v <= 0 {
			l.add(join(path, key), "%s is out of range; write a number above 0", formatFloat(v))
		}
	}
	positive("shares_per_minute", common.SharesPerMinute)
	positive("start", common.Start)
	positive("min", common.Min)
	if common.Fixed < 0 {
		l.add(join(path, "fixed"), "%s is out of range; write a number above 0, or 0 to adjust it to the miner", formatFloat(common.Fixed))
	}
	switch {
	case common.Max < 0:
		l.add(join(path, "max"), "%s is out of range; write a number above 0, or 0 for the pool's difficulty", formatFloat(common.Max))
	case common.Max > 0 && common.Max < common.Min:
		l.add(join(path, "max"), "%s is below min, which is %s; write a max of at least that", formatFloat(common.Max), formatFloat(common.Min))
	case common.Max > 0 && common.Start > common.Max:
		l.add(join(path, "start"), "%s is above max, which is %s; write a start between min and max", formatFloat(common.Start), formatFloat(common.Max))
	case common.Start > 0 && common.Start < common.Min:
		l.add(join(path, "start"), "%s is below min, which is %s; write a start between min and max", formatFloat(common.Start), formatFloat(common.Min))
	}
}
