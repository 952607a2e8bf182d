package config

import (
	"maps"
	"reflect"
)

// Key describes one key of the file.
type Key struct {
	// Path is the key's pattern, such as "pool[].url".
	Path string
	// Type is what its value is called, Default what holds without it, as the
	// file would have it.
	Type, Default string
	// Env is the variable that overrides it, empty where there is none.
	Env string
	// Meaning is what it does.
	Meaning string
}

// Keys lists every key in the order of the Config's fields.
func Keys() []Key {
	sample := Defaults()
	sample.Listeners = []Listener{defaultListener()}
	sample.Pools = []Pool{defaultPool()}
	sample.Routes = []Route{defaultRoute()}
	sample.Routes[0].Split = []SplitPart{{}}
	sample.Alerts.Rules, sample.Alerts.Sinks = []AlertRule{defaultAlertRule()}, []AlertSink{defaultAlertSink()}
	var keys []Key
	leaves("", reflect.ValueOf(sample), func(path string, v reflect.Value) {
		at := pattern(path)
		m := meanings()[at]
		k := Key{
			Path: at, Type: kindOf(v.Type()).name, Default: format(v), Env: envName(path),
			Meaning: m.text,
		}
		if m.without != "" {
			k.Default = m.without
		} else if v.Kind() == reflect.Slice && v.Len() == 0 {
			k.Default = "[]"
		}
		keys = append(keys, k)
	})
	return keys
}

// meaning is what the documentation says of a key.
type meaning struct {
	text string
	// without describes the default where it is no plain value.
	without string
}

// poolMeanings is the documentation of a pool's keys.
func poolMeanings() map[string]meaning {
	return map[string]meaning{
		"pool[].name":               {"The pool's name in routes, metrics and API: letters, digits, `.`, `_` and `-`, at most 64; unique.", "`main` for the first, then `pool2`, `pool3` …"},
		"pool[].url":                {"`stratum+tcp://HOST:PORT`, `stratum+ssl://HOST:PORT` (the certificate is verified) or `HOST:PORT`.", "required"},
		"pool[].username":           {"Our account at the pool: visible ASCII, at most 128 characters.", "required where a route uses the pool"},
		"pool[].password":           {"Our password at the pool; a miner's own never reaches it.", "the route's"},
		"pool[].worker":             {"What this pool sees as a worker's name; overrides the route's. See [worker names](#worker-names).", "the route's"},
		"pool[].enabled":            {"With `false` nothing is connected to this pool, and `loka pool enable` does not change that; routes do without it.", ""},
		"pool[].suggest_difficulty": {"What we ask this pool for: `\"auto\"`, `\"off\"` or a difficulty above 0.", ""},
		"pool[].version_bits":       {"How the pool reads the version bits of a submit: it replaces the job's bits within the mask, sets them (`or`) or flips them (`xor`).", ""},
		"pool[].refusal_streak":     {"How many shares in a row that are valid here the pool may refuse before miners of shared routes are sent to another pool for 5 minutes, if there is any; 0 is any number.", ""},
		"pool[].ca":                 {"PEM file of the certificates that may sign the pool's, for `stratum+ssl://`. Read at start and with each reload.", "the system's"},
		"pool[].fingerprints":       {"SHA-256 fingerprints of the pool's certificate, for `stratum+ssl://`: 64 hex digits each, with colons or without. A certificate with one of them is taken whoever signed it, and no other.", "none: its signature is verified"},
		"pool[].proxy":              {"A proxy by way of which the pool is reached: `socks5://[USER:PASSWORD@]HOST:PORT` (`socks5h://` is the same), or `http://…` or `https://…` for one that takes `CONNECT`. The proxy resolves the pool's name. A TLS pool's certificate is verified as without one. In user and password `@` is written `%40`, `:` `%3A`, `/` `%2F` and `%` `%25`.", "none"},
		"pool[].reconnect":          {"Where the pool may send its connections (`client.reconnect`): to hosts of the registrable domain of `url` (`example.com`, `example.co.uk`) and those of `reconnect_hosts`, or nowhere. See [reconnects](#reconnects).", ""},
		"pool[].reconnect_hosts":    {"Other hosts that the pool may send its connections to; globs, such as `\"*.example.net\"`.", ""},
	}
}

// routeMeanings is the documentation of the keys of routes.
func routeMeanings() map[string]meaning {
	return map[string]meaning{
		"route[].name":                      {"The route's name in API and metrics; unique, made like a pool's.", "`route1`, `route2` …"},
		"route[].mode":                      {"`shared`: many miners on few pool connections; every share is checked here, and each miner has a difficulty of its own. `dedicated`: one pool connection for each miner, with the pool's difficulty and verdicts.", ""},
		"route[].pools":                     {"Names of pools in failover order.", "all pools in file order"},
		"route[].split[].pool":              {"The pool of this part of the split; a route has either `pools` or a `split`. A pool is in one part only. See [splits](#splits).", ""},
		"route[].split[].pools":             {"Several pools of this part, in failover order, in place of `pool`.", ""},
		"route[].split[].weight":            {"This part's share of the hashrate that no part asks for by `hashrate`, against the other weights. What a part cannot take, for all its pools are away, goes to the others.", "either this or `hashrate`"},
		"route[].split[].hashrate":          {"This part's hashrate, such as `\"500TH/s\"`, in place of `weight`.", "either this or `weight`"},
		"route[].split[].worker":            {"Glob on the first login of the miners that are this part's, whatever the others ask for. With it a part needs neither `weight` nor `hashrate`.", "none in particular"},
		"route[].split[].when":              {"When this part counts, as cron writes it: minute, hour, day of the month, month, weekday; `\"* 22-23,0-5 * * *\"` is from 22:00 to 6:00.", "always"},
		"route[].split[].time_zone":         {"The time zone of `when`, such as `\"Europe/Prague\"`.", "`\"UTC\"`"},
		"route[].split[].on_dead":           {"Who has this part's share while all its pools are away: `\"others\"`, or the name of a pool, whose part has all of it.", "`\"others\"`"},
		"route[].worker":                    {"What pools see as a worker's name. See [worker names](#worker-names).", ""},
		"route[].password":                  {"Our password at those of the route's pools that have none of their own.", "`\"x\"`"},
		"route[].on_outage":                 {"When no pool of the route can be reached, miners are disconnected after `outage_grace`, so that their own failover works (`close`), or kept on their last work, for which nobody pays (`hold`; their shares are answered as accepted and counted as `unpaid`). A miner whose extranonce is its own pool connection's (an extranonce2 of 2 or 3 bytes) is disconnected all the same.", ""},
		"route[].outage_grace":              {"How long miners are kept while none of the route's pools serves, at most 1 h.", ""},
		"route[].return_after":              {"How long a better pool must have been healthy before miners are sent back to it, at most 24 h.", ""},
		"route[].extranonce2_size":          {"Least bytes of extranonce2 that this route's miners need, 1 to 8 (rental services ask for 4 or more).", "no such need"},
		"route[].max_miners_per_connection": {"Most miners that share one pool connection in shared mode, 1 to 65,536; a pool with a short extranonce2 may have room for fewer.", ""},

		"route[].match.listen":      {"Glob on the address that the miner came in by, as configured.", "any"},
		"route[].match.worker":      {"Glob on the miner's login.", "any"},
		"route[].match.user_agent":  {"Glob on what the miner calls itself.", "any"},
		"route[].match.cidr":        {"Networks that the miner may come from.", "any"},
		"route[].match.server_name": {"Glob on the name that the miner asked for in its TLS hello, whatever its case; a miner that asked for none does not match.", "any, or none at all"},
		"route[].match.connect":     {"Glob on the target of the HTTP CONNECT that the miner came by, `HOST:PORT` in lower case; a miner that came without one does not match. See [HTTP CONNECT](#http-connect).", "any of the route's pools, or no CONNECT at all"},
		"route[].match.pool":        {"Glob on `pool=NAME` in the password of the miner's first worker; a miner without it does not match. See [passwords](#passwords).", "any, or none at all"},
		"route[].match.group":       {"Glob on `group=NAME` in that password, likewise.", "any, or none at all"},
	}
}

// meanings is the documentation of every key.
func meanings() map[string]meaning {
	m := map[string]meaning{
		"data_dir": {"Folder for state, journals and the admin token `api.token`; made if it is not there.", ""},
		"instance": {"Name of this instance in logs and API.", "random, kept in `data_dir`"},

		"server.listen":             {"Addresses that miners connect to, `HOST:PORT`; `0.0.0.0` is all of IPv4, `[::]` all of both. Short for a `[[listener]]` with nothing else set. With a `[[listener]]` in the file, the default is none.", ""},
		"server.max_connections":    {"Most miners at one time, 1 to 10,000,000; lowered at start, with a word in the log, to what the descriptor limit allows.", ""},
		"server.first_byte_timeout": {"Time for a miner's first byte; no more than `handshake_timeout` in any case.", ""},
		"server.handshake_timeout":  {"Time for a miner's first complete line.", ""},
		"server.authorize_timeout":  {"Time until a miner has an authorized worker.", ""},
		"server.idle_timeout":       {"A miner that says nothing for so long is disconnected.", ""},
		"server.shutdown_timeout":   {"Most time that a stop may take.", ""},

		"listener[].address":    {"Address that miners connect to, `HOST:PORT`.", "required"},
		"listener[].proxy_from": {"Networks of load balancers whose PROXY protocol header, version 1 or 2, is believed: the connection counts as of the address in it, for `[access]`, bans and routes. A connection without a header counts as the load balancer's own; a header from elsewhere is refused.", ""},

		"http.listen": {"Address of page, API, metrics and health. Off loopback everything but `/live` and `/ready` needs a token.", ""},

		"storage.url":          {"Empty: SQLite in `data_dir`. Else a PostgreSQL database, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with parameters such as `?sslmode=verify-full` after it; `?host=/var/run/postgresql` names a socket's folder. In user and password `@` is written `%40`, `:` `%3A`, `/` `%2F` and `%` `%25`.", ""},
		"storage.keep_shares":  {"How long single shares are kept, at least 1 h; `\"0s\"` keeps none. They are dropped by whole days.", ""},
		"storage.keep_minutes": {"How long sums of a minute are kept, at least 1 h. Those of an hour and of a day are not dropped.", ""},
		"storage.max_disk":     {"Most disk space that the store may take, at least 64 MiB: days of single shares are dropped early, the oldest first, to stay below it.", ""},
		"storage.archive":      {"Whether the single shares of a day are compressed into `data_dir/archive` before they are dropped. loka does not drop what is there, and `max_disk` does not count it.", ""},
	}
	for _, more := range []map[string]meaning{
		poolMeanings(), routeMeanings(), skipMeanings(), policyMeanings(), limitsMeanings(), threatMeanings(), patternsMeanings(), loginsMeanings(),
		banMeanings(), httpMeanings(), metricsMeanings(), accessMeanings(), watchMeanings(), alertMeanings(), telemetryMeanings(),
	} {
		maps.Copy(m, more)
	}
	addTLSMeanings(m)
	for at, without := range map[string]string{"vardiff": "", "listener[].vardiff": "`[vardiff]`'s", "route[].vardiff": "the listener's or `[vardiff]`'s"} {
		m[at+".shares_per_minute"] = meaning{"Shares a minute that a miner should send in shared mode; above 0. See [difficulty](#difficulty).", without}
		m[at+".start"] = meaning{"A new miner's difficulty, between min and max; without it, moved between them.", without}
		m[at+".min"] = meaning{"Lowest difficulty; any number above 0.", without}
		m[at+".max"] = meaning{"Highest difficulty; 0 leaves it to the pool's.", without}
		m[at+".fixed"] = meaning{"Every miner gets this difficulty, bounded by the pool's and by the least that the miner's firmware can be told; any number above 0, or 0 to adjust it to the miner.", without}
	}
	return m
}
