package config

import (
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Config is everything an operator can decide. It is immutable once [Load]
// returned it: a reload makes a new one and replaces it whole.
type Config struct {
	// DataDir is where state, journals and the admin token live.
	DataDir string `toml:"data_dir"`
	// Instance is the name of this instance; empty is a random one, kept in
	// DataDir.
	Instance string `toml:"instance"`

	Server Server `toml:"server"`
	// Listeners is every address that miners connect to: first those of
	// server.listen, then the file's [[listener]] tables.
	Listeners []Listener `toml:"listener"`
	Access    Access     `toml:"access"`
	HTTP      HTTP       `toml:"http"`
	// Pools has at least one entry, in file order, names unique.
	Pools []Pool `toml:"pool"`
	// Routes has at least one entry, in file order, names unique. Every
	// route's Pools is filled in.
	Routes  []Route `toml:"route"`
	Vardiff Vardiff `toml:"vardiff"`

	Logins   Logins   `toml:"logins"`
	Patterns Patterns `toml:"patterns"`
	Limits   Limits   `toml:"limits"`
	Threat   Threat   `toml:"threat"`
	Bans     Bans     `toml:"bans"`
	Watch    Watch    `toml:"watch"`
	Storage  Storage  `toml:"storage"`
	Metrics  Metrics  `toml:"metrics"`
	Alerts   Alerts   `toml:"alerts"`

	Telemetry      Telemetry      `toml:"telemetry"`
	FlightRecorder FlightRecorder `toml:"flight_recorder"`

	// Notes are remarks on settings that are valid but do nothing, or not
	// what their writer may think.
	Notes Problems
	// Overrides names what environment and flags overrode, in key order.
	Overrides []Override
	// Shown names the variables that the file has in values that are no secrets.
	Shown []string
}

// Server is the [server] table.
type Server struct {
	// Listen holds addresses of listeners with nothing else set; they are
	// also the first of Config.Listeners.
	Listen []string `toml:"listen"`
	// MaxConnections is the most miners at one time; the descriptor limit may
	// allow fewer.
	MaxConnections int `toml:"max_connections"`
	// FirstByteTimeout is for the first byte of all.
	FirstByteTimeout time.Duration `toml:"first_byte_timeout"`
	// HandshakeTimeout is for the first complete line, AuthorizeTimeout for
	// an authorized worker, IdleTimeout for the next line.
	HandshakeTimeout time.Duration `toml:"handshake_timeout"`
	AuthorizeTimeout time.Duration `toml:"authorize_timeout"`
	IdleTimeout      time.Duration `toml:"idle_timeout"`
	// ShutdownTimeout bounds a graceful stop.
	ShutdownTimeout time.Duration `toml:"shutdown_timeout"`
}

// Listener is one address that miners connect to.
type Listener struct {
	// Address is host:port as configured, and the listener's name.
	Address string  `toml:"address"`
	TLS     TLSMode `toml:"tls"`
	// Cert and Key are paths of PEM files, both empty for certificates that sign
	// themselves. ClientCA is that of the certificates that may sign miners'.
	Cert               string             `toml:"cert"`
	Key                string             `toml:"key"`
	ClientCA           string             `toml:"client_ca"`
	ClientCertificates ClientCertificates `toml:"client_certificates"`
	Ciphers            TLSCiphers         `toml:"tls_ciphers"`
	// ProxyFrom is whose PROXY protocol header is believed.
	ProxyFrom []netip.Prefix  `toml:"proxy_from"`
	Vardiff   VardiffOverride `toml:"vardiff"`
}

// HTTP is the [http] table.
type HTTP struct {
	// Listen is the host:port of page, API, metrics and health.
	Listen string `toml:"listen"`
	// RateLimit is how many requests a second one token, or one address without one, may
	// send on the whole, and RateBurst how many at once; a RateLimit of 0 is any number.
	RateLimit float64 `toml:"rate_limit"`
	RateBurst int     `toml:"rate_burst"`
}

// Pool is one [[pool]].
type Pool struct {
	// Name is the pool's name in routes, metrics and API.
	Name string `toml:"name"`
	// URL is as configured; it parses.
	URL string `toml:"url"`
	// Username is our account at the pool. It is never empty for a pool that
	// a route uses.
	Username string `toml:"username"`
	// Password is our password there, empty for the route's.
	Password mining.Secret `toml:"password"`
	// Worker is what the pool sees as a worker's name; the zero Template
	// leaves it to the route.
	Worker mining.Template `toml:"worker"`
	// Enabled says that the pool is connected to.
	Enabled bool `toml:"enabled"`
	// SuggestDifficulty is what we ask this pool for.
	SuggestDifficulty Suggest `toml:"suggest_difficulty"`
	// VersionBits is how the pool reads the version bits of a submit.
	VersionBits VersionBits `toml:"version_bits"`
	// RefusalStreak is how many valid shares in a row the pool may refuse before
	// miners of shared routes are kept away from it for a while; 0 is any number.
	RefusalStreak int `toml:"refusal_streak"`
	// CA is the path of a PEM file of the certificates that may sign the pool's,
	// empty for the system's.
	CA string `toml:"ca"`
	// Fingerprints are those of the pool's certificate, any of which will do;
	// [ParseFingerprint] reads them. They count in place of who has signed it.
	Fingerprints []string `toml:"fingerprints"`
	// Proxy is the URL of a proxy by way of which the pool is reached, empty for
	// none; [dial.ParseProxy] reads it. There may be a password in it.
	Proxy mining.Secret `toml:"proxy"`
	// Reconnect is where the pool may send its connections, besides the hosts that
	// ReconnectHosts names: globs of host names in lower case.
	Reconnect      Reconnect `toml:"reconnect"`
	ReconnectHosts []string  `toml:"reconnect_hosts"`
	// Payout are addresses or output scripts in hex that its coinbase may pay, and
	// PoolTag is a glob on the text that it is signed with; empty: they are learnt.
	// [watch.ParsePayout] reads the former.
	Payout  []string `toml:"payout"`
	PoolTag string   `toml:"pool_tag"`
	// OnPayoutChange is what is done where it pays another.
	OnPayoutChange OnPayoutChange `toml:"on_payout_change"`
}

// Route is one [[route]]: which miners go to which pools.
type Route struct {
	Name string `toml:"name"`
	Mode Mode   `toml:"mode"`
	// Pools names pools in failover order. It is empty only if Split is not.
	Pools []string `toml:"pools"`
	// Worker is what a pool sees, where the pool has no template of its own.
	Worker mining.Template `toml:"worker"`
	// Password goes to pools that have none of their own, empty for "x".
	Password mining.Secret `toml:"password"`
	OnOutage OnOutage      `toml:"on_outage"`
	// OutageGrace is how long miners are kept while no pool of the route serves,
	// with OutageClose.
	OutageGrace time.Duration `toml:"outage_grace"`
	// ReturnAfter is how long a better pool must have been healthy before
	// miners are sent back to it.
	ReturnAfter time.Duration `toml:"return_after"`
	// Extranonce2Size is the least number of bytes that this route's miners
	// need, 0 for no such need.
	Extranonce2Size int `toml:"extranonce2_size"`
	// MaxMinersPerConnection is the most miners that share one pool
	// connection in shared mode; a pool with a short extranonce2 may have
	// room for fewer.
	MaxMinersPerConnection int `toml:"max_miners_per_connection"`
	// Skip names what is left out for this route's miners.
	Skip []string `toml:"skip"`
	// Refuse is what this route's miners may not, of [Refusable]; Workers are globs of
	// which one matches their logins, empty for any.
	Refuse  []string        `toml:"refuse"`
	Workers []string        `toml:"workers"`
	Split   []SplitPart     `toml:"split"`
	Vardiff VardiffOverride `toml:"vardiff"`
	Match   Match           `toml:"match"`
}

// SplitPart is one part of a route's split: one pool, or several in failover
// order, and either a weight or a hashrate, or neither where it is for some
// workers only.
type SplitPart struct {
	Pool     string   `toml:"pool"`
	Pools    []string `toml:"pools"`
	Weight   float64  `toml:"weight"`
	Hashrate Hashrate `toml:"hashrate"`
	// Worker is a glob on the first login of the miners that are this part's
	// whatever the others have; empty is none.
	Worker string `toml:"worker"`
	// When is when the part counts, as [steer.ParseWindow] reads it, and TimeZone
	// the name of the zone whose clock that goes by; empty are always and UTC.
	When     string `toml:"when"`
	TimeZone string `toml:"time_zone"`
	// OnDead is a pool of another part, which has this one's share while none of
	// its pools is of use; empty and [Others] leave it to all others.
	OnDead string `toml:"on_dead"`
}

// Others is what a part's OnDead says where nobody in particular has its share.
const Others = "others"

// Match says which miners a route is for. All fields given must hold; an
// empty field holds always. Texts are globs.
type Match struct {
	Listen    string         `toml:"listen"`
	Worker    string         `toml:"worker"`
	UserAgent string         `toml:"user_agent"`
	CIDR      []netip.Prefix `toml:"cidr"`
	// ServerName is a glob on the name that the miner asked for in its TLS hello,
	// Connect one on the target of its HTTP CONNECT, Pool and Group on the options
	// of these names in its password. Unlike the others they do not hold for a
	// miner that has none.
	ServerName string `toml:"server_name"`
	Connect    string `toml:"connect"`
	Pool       string `toml:"pool"`
	Group      string `toml:"group"`
}

// Vardiff is the [vardiff] table, for shared mode. Difficulties are in
// difficulty-1 shares.
type Vardiff struct {
	SharesPerMinute float64 `toml:"shares_per_minute"`
	Start           float64 `toml:"start"`
	Min             float64 `toml:"min"`
	// Max of 0 leaves the bound to the pool's difficulty.
	Max float64 `toml:"max"`
	// Fixed is every miner's difficulty, bounded by the pool's and by the least
	// that the firmware can be told; 0 adjusts it to the miner.
	Fixed float64 `toml:"fixed"`
}

// VardiffOverride holds what a listener or a route sets otherwise than
// [vardiff]; nil is not set. [Config.VardiffFor] puts the three together.
type VardiffOverride struct {
	SharesPerMinute *float64 `toml:"shares_per_minute"`
	Start           *float64 `toml:"start"`
	Min             *float64 `toml:"min"`
	Max             *float64 `toml:"max"`
	Fixed           *float64 `toml:"fixed"`
}

// Storage is the [storage] table.
type Storage struct {
	// URL is empty for SQLite in Config.DataDir, else it is that of a PostgreSQL
	// database. There may be a password in it.
	URL mining.Secret `toml:"url"`
	// KeepShares is how long single shares are kept; 0 keeps none.
	KeepShares time.Duration `toml:"keep_shares"`
	// KeepMinutes is how long sums of a minute are kept; those of an hour and a
	// day stay.
	KeepMinutes time.Duration `toml:"keep_minutes"`
	// MaxDisk bounds what the store may use.
	MaxDisk Size `toml:"max_disk"`
	// Archive says that the single shares of a day are compressed into the folder
	// archive of Config.DataDir before they are dropped.
	Archive bool `toml:"archive"`
}

// Defaults returns what holds where nothing is configured. It has no pool and
// no route, so it is not a valid Config by itself.
func Defaults() Config {
	return Config{
		DataDir: "data",
		Server: Server{
			Listen:           []string{"0.0.0.0:3333"},
			MaxConnections:   100_000,
			FirstByteTimeout: defaultFirstByte,
			HandshakeTimeout: 15 * time.Second,
			AuthorizeTimeout: 60 * time.Second,
			IdleTimeout:      2 * time.Hour,
			ShutdownTimeout:  30 * time.Second,
		},
		Access:  defaultAccess(),
		HTTP:    HTTP{Listen: "127.0.0.1:9090", RateLimit: 100, RateBurst: 1000},
		Vardiff: Vardiff{SharesPerMinute: 6, Start: 1024, Min: 0.001},
		Storage: Storage{KeepShares: 48 * time.Hour, KeepMinutes: 30 * 24 * time.Hour, MaxDisk: 10 << 30},
		Limits:  defaultLimits(), Threat: defaultThreat(), Patterns: defaultPatterns(), Logins: defaultLogins(),
		Bans:    defaultBans(),
		Metrics: defaultMetrics(),
		Watch:   defaultWatch(),
		Alerts:  defaultAlerts(),

		Telemetry: defaultTelemetry(), FlightRecorder: defaultFlightRecorder(),
	}
}

// defaultPool returns what holds in a [[pool]] where nothing is set.
func defaultPool() Pool {
	return Pool{Enabled: true, SuggestDifficulty: Suggest{Auto: true}, VersionBits: VersionBitsAuto, RefusalStreak: 50, Reconnect: ReconnectSameDomain, OnPayoutChange: PayoutAlert}
}

// defaultListener returns what holds in a [[listener]] where nothing is set.
func defaultListener() Listener {
	return Listener{TLS: TLSOff, ClientCertificates: ClientCertificatesOff, Ciphers: CiphersCompatible}
}

// defaultRoute returns what holds in a [[route]] where nothing is set.
func defaultRoute() Route {
	worker, err := mining.ParseTemplate(mining.DefaultTemplate)
	if err != nil {
		panic(err) // a constant of ours, and tested
	}
	return Route{
		Mode: Shared, Worker: worker, OnOutage: OutageClose,
		OutageGrace: 20 * time.Second, ReturnAfter: 2 * time.Minute, MaxMinersPerConnection: 1000,
	}
}

// Pool returns the pool of that name.
func (c *Config) Pool(name string) (Pool, bool) {
	for _, p := range c.Pools {
		if p.Name == name {
			return p, true
		}
	}
	return Pool{}, false
}

// Route returns the route of that name.
func (c *Config) Route(name string) (Route, bool) {
	for _, r := range c.Routes {
		if r.Name == name {
			return r, true
		}
	}
	return Route{}, false
}
