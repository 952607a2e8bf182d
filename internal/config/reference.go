package config

import (
	"fmt"
	"strings"
)

// Reference is docs/CONFIG.md: every key with its type, default and meaning.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	table := "-"
	for _, k := range Keys() {
		name, key := "", k.Path
		if dot := strings.LastIndexByte(k.Path, '.'); dot >= 0 {
			name, key = k.Path[:dot], k.Path[dot+1:]
		}
		if name != table {
			table = name
			fmt.Fprintf(&b, "\n### %s\n\n%s", tableTitle(name), tableHead)
		}
		env := ""
		if k.Env != "" {
			env = "`" + k.Env + "`"
		}
		def := k.Default
		if def == "" {
			def = `""`
		}
		if !strings.ContainsAny(def, "` ") || strings.HasPrefix(def, "[") {
			def = "`" + def + "`"
			def = strings.Replace(def, "`required`", "required", 1)
			def = strings.Replace(def, "`any`", "any", 1)
		}
		cells := []string{"`" + key + "`", k.Type, def, strings.ReplaceAll(k.Meaning, "|", `\|`), env}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	b.WriteString(referenceMiners)
	b.WriteString(policyReference())
	b.WriteString(guardReference())
	b.WriteString(referenceWork)
	b.WriteString(watchReference())
	b.WriteString(alertReference())
	b.WriteString(telemetryReference())
	return b.String()
}

// tableTitle writes a table's name as the file has it.
func tableTitle(name string) string {
	switch {
	case name == "":
		return "At the top of the file"
	case strings.HasSuffix(name, "split[]"):
		return "`split = [{ … }]` in a `[[route]]`"
	case strings.HasSuffix(name, "[]"):
		return "`[[" + strings.TrimSuffix(name, "[]") + "]]`, any number of them"
	case strings.Contains(name, "[]"):
		array, _, _ := strings.Cut(name, "[]")
		return "`[" + strings.Replace(name, "[]", "", 1) + "]` of the `[[" + array + "]]` above it"
	}
	return "`[" + name + "]`"
}

const tableHead = "| key | type | default | meaning | variable |\n|---|---|---|---|---|\n"

const referenceHead = `# Configuration

<!-- Generated from internal/config by "go test ./internal/config -update"; edit the tables there. -->

One TOML file, given with ` + "`loka start -c FILE`" + `. ` + "`loka init`" + ` writes an example to begin with, ` + "`loka check FILE`" + ` names every
problem of a file with its line and column. A key that is not known is an error.

## Where a value comes from

Flags override environment variables, which override the file, which overrides the defaults.

| flag | variable | sets |
|---|---|---|
| ` + "`--pool URL`" + ` (may be repeated) | ` + "`LOKA_POOL`" + ` (several with commas) | the url of the first pool, of the second …; a pool that the file does not have is added |
| ` + "`--user ACCOUNT`" + ` | ` + "`LOKA_USER`" + ` | the username at every pool |
| ` + "`--password PW`" + ` | ` + "`LOKA_PASSWORD`" + ` | the password at every pool |
| ` + "`--mode MODE`" + ` | ` + "`LOKA_MODE`" + ` | the mode of every route |
| ` + "`--listen ADDR`" + ` (may be repeated) | ` + "`LOKA_SERVER_LISTEN`" + ` (several with commas) | ` + "`server.listen`" + ` |
| ` + "`--http ADDR`" + ` | ` + "`LOKA_HTTP_LISTEN`" + ` | ` + "`http.listen`" + ` |
| ` + "`--data DIR`" + ` | ` + "`LOKA_DATA_DIR`" + ` | ` + "`data_dir`" + ` |

Every key outside the lists of tables has a variable; the tables below name it. An empty variable counts as not set.
A variable that begins with ` + "`LOKA_`" + ` and sets nothing is an error, unless the file uses it as ` + "`${LOKA_…}`" + `.
With no file at all, ` + "`--pool` and `--user`" + ` are enough.

## How values are written

| type | examples |
|---|---|
| a text | ` + "`\"farm\"`; `${NAME}` in it is replaced by that environment variable (one that is not set is an error), `$${` is a plain `${`" + ` |
| a duration | ` + "`\"500ms\"`, `\"30s\"`, `\"15m\"`, `\"1h30m\"`" + ` |
| a size | ` + "`\"512B\"`, `\"64KiB\"`, `\"10GiB\"` (powers of 1024), `\"10GB\"` (powers of 1000)" + ` |
| a hashrate | ` + "`\"500TH/s\"`, `\"1.5PH/s\"`" + ` |
| a CIDR | ` + "`\"10.0.0.0/8\"`, `\"2001:db8::/32\"`" + ` |

## Every key
`

// referenceMiners is about how miners come in.
const referenceMiners = `
## TLS to miners

` + "```toml" + `
[[listener]]
address = "0.0.0.0:3334"
tls = "required"                       # or "optional": plain connections, too
cert = "/etc/loka/fullchain.pem"       # leave cert and key out for a certificate that signs itself
key = "/etc/loka/key.pem"
# client_ca = "/etc/loka/miners.pem"   # who signs miners' certificates, for:
# client_certificates = "required"     # or "optional"

[[route]]
name = "farm-b"
match.server_name = "b.farm.example.com"
` + "```" + `

A miner connects with ` + "`stratum+ssl://b.farm.example.com:3334`" + ` (or ` + "`stratum+tls://`" + `). The name that it asks for is known before its first line, so routes can
go by it. Everything here changes with ` + "`loka reload`" + ` for miners that connect from then on; it closes no miner.

**Files** are looked at every 30 s and with each reload, through symlinks, by what is in them. A pair that cannot be used (a key that is not the certificate's, half a
file) does not take the place of the one there is: the log says so and ` + "`/health`" + ` is degraded until it is mended. It is degraded, too, from 14 days before a certificate
ends; ` + "`loka_tls_certificate_expiry_timestamp_seconds`" + ` says when that is.

**Without ` + "`cert` and `key`" + `** two certificates that sign themselves are made at the first start, one by ECDSA and one by RSA for old firmware, and kept for 10 years in
` + "`data_dir/tls`" + ` with their keys (mode 0600). Each miner gets the first that it can verify. They are for ` + "`localhost`" + `, the machine's name and its addresses as they were then; to
have others made, remove the files there and reload. Their SHA-256 fingerprints are in the log at start, in ` + "`loka status`" + ` and in ` + "`/api/v1/listeners`" + `, which has the certificates as PEM, too, for
firmware that wants to know the one it trusts. A miner that checks nothing is safe from who listens, and not from who sits between.

**Versions and ciphers.** TLS 1.2 and 1.3. Who offers 1.1 or older only is closed as ` + "`tls_too_old`" + `, who has no cipher that we have as ` + "`tls_handshake_failed`" + `.

| cipher of TLS 1.2 | ` + "`compatible`" + ` | ` + "`modern`" + ` | what is wrong with it |
|---|---|---|---|
| ECDHE with AES-GCM or ChaCha20 | yes | yes | nothing |
| ECDHE with AES-CBC and SHA-1 | yes | no | padding attacks of the Lucky 13 kind need a peer that lets one measure; a nuisance at most for a miner |
| RSA key exchange with AES-GCM or AES-CBC | yes | no | no forward secrecy: who records a connection and gets the RSA key later can read it, worker names and passwords among it |
| 3DES, RC4, CBC with SHA-256, anonymous, export | no | no | broken, or nobody's only one |

The better cipher is always chosen, and nobody who sits between can make a miner seem to offer less, so that those of the second and third line are used by miners alone that have nothing
else and would have to speak plain Stratum without. Where all firmware is recent, ` + "`tls_ciphers = \"modern\"`" + ` closes the rest.

**Certificates of miners.** With ` + "`client_certificates`" + ` a miner's own certificate has to be signed by one in ` + "`client_ca`" + `, be valid now, and be for client authentication if it says what it is for.
One that is not is closed as ` + "`tls_client_certificate`" + `; so is, with ` + "`required`" + `, a miner that shows none. Its name is the certificate's common name, or its first DNS name, and ` + "`/api/v1/miners`" + `
shows it as ` + "`client_name`" + `. There are no revocation lists: to shut a miner out, sign the others with another issuer and put that into ` + "`client_ca`" + `.

**Power cycles and floods.** Miners that come back resume their session without a signature of ours (session tickets, whose keys change daily and are in memory only). As a hello costs its
sender nothing and us up to some milliseconds, handshakes compute on half of the processors at the most (on one where there is one), one address after the other; the other half is for shares. A miner
whose turn does not come within ` + "`server.handshake_timeout`" + ` is closed as ` + "`handshake_timeout`" + `. Nobody has a turn while it is waited for.

## HTTP CONNECT

A miner whose firmware has a setting for an HTTP proxy can keep its pool's address and name this proxy there, at the port that miners connect to. Its
` + "`CONNECT pool.example.com:3333 HTTP/1.1`" + ` is answered, and what follows is Stratum with loka itself, as on any other connection: nothing is dialled
for it, and no other address can be reached by it. The target says which routes it may match:

- a route with ` + "`match.connect`" + `: if that glob matches the target, which need not be one of the pools then;
- a route without: if one of its pools has that host and port in its ` + "`url`" + `. The miner goes to any of the route's pools, as all of its miners do.
- ` + "`CONNECT pool.example.com:3333/farm`" + ` matches the route ` + "`farm`" + ` only, on the same terms, wherever it stands in the file.

All else that a route asks for holds, too. Case does not matter in a host name, nor does a dot at its end.

| answer | means |
|---|---|
| 200 | Stratum follows |
| 400 | the request is malformed, or its head is longer than 8 KiB |
| 403 | the target is no pool and no route's ` + "`connect`" + `, or no route takes this miner to it |
| 404 | there is no route of that name |
| 502 | none of the pools that the miner might come to can be reached now |

With ` + "`tls = \"required\"`" + ` the CONNECT itself may come without TLS, but what follows it may not; TLS may as well be around both.

A request with another method than CONNECT is answered with 400. Passwords that a client sends to a proxy are not looked at and not logged.

## Passwords

A miner's password is not checked unless [` + "`[logins]`" + `](#logins) asks for a secret, and never reaches a pool or a log. It may carry options between commas, semicolons, ` + "`&`" + ` or spaces, such as
` + "`x,d=1024,group=barn`" + `. Those of the worker that a miner logs in with first hold:

| option | asks for |
|---|---|
| ` + "`d=1024`, `diff=1024`" + ` | this difficulty, unless the operator has fixed one |
| ` + "`md=512`" + ` | no lower difficulty than this |
| ` + "`pool=NAME`" + ` | the routes whose ` + "`match.pool`" + ` matches the name |
| ` + "`group=NAME`" + ` | the routes whose ` + "`match.group`" + ` matches the name |

Names have 64 bytes at most. They mean what the routes make of them: where no route asks, they change nothing, and a miner without one matches no
route that does. Everything else in a password is ignored.

## Worker names

A miner's login splits at its first ` + "`.`" + ` into ` + "`{user}` and `{worker}`" + `; without one it is all ` + "`{worker}`" + `. Case and characters are kept.

| field | is |
|---|---|
| ` + "`{account}`" + ` | the pool's username |
| ` + "`{login}`" + ` | the miner's whole login |
| ` + "`{user}`, `{worker}`" + ` | its two halves |
| ` + "`{name}`" + ` | ` + "`{worker}`" + ` when the user is empty or the account itself, else ` + "`{user}_{worker}`" + ` |
`

// referenceWork is about what they work on, and for whom.
const referenceWork = `
## Difficulty

In shared mode each miner has a difficulty of its own. It begins at ` + "`start`" + ` and is adjusted between ` + "`min` and `max`" + ` until the miner sends
` + "`shares_per_minute`" + `. With ` + "`fixed`" + ` it is that from the first job on. It is not above the pool's once that has settled, for a share that the pool
would take must not be missed. While a new connection's difficulty is still far too low for its miners they stay above it, or they would flood it
with shares; the work that is not handed in meanwhile is counted as ` + "`work_not_submitted`" + `. In dedicated mode the pool sets the difficulty, and none
of this has an effect.

A miner may ask too, in the [password](#passwords) that it logs in with first. A ` + "`mining.suggest_difficulty`" + ` is where it starts.

` + "`[vardiff]`" + ` holds for all, ` + "`[listener.vardiff]`" + ` over it for the miners of one address, and ` + "`[route.vardiff]`" + ` over both for the miners of one route, key
by key. A bound that crosses one of a table further up is an error, but where a route's crosses a listener's, the route's holds. A
` + "`start`" + ` of a table further up is moved between the bounds that hold.

## Splits

A route can divide what its miners do among pools, by weights, by hashrates or both:

` + "```toml" + `
[[route]]
name = "farm"
split = [
  { pool = "buyer", hashrate = "500TH/s" },      # what it has been sold, before all others
  { pool = "main", weight = 70 },                # of the rest, 70 in 100
  { pools = ["a", "b"], weight = 30 },           # the other 30: at a, and at b while a is away
]
` + "```" + `

With 2 PH/s of miners ` + "`buyer`" + ` gets 500 TH/s, ` + "`main`" + ` 1,050 and ` + "`a`" + ` 450. With 400 TH/s ` + "`buyer`" + ` gets all; where the hashrates that are asked
for are more than there is, each gets as much less. Without a part by weight, what is left over goes to the parts by hashrate, too.

- What is divided is accepted work (difficulty times shares), not miners. Miners are sent from one part to another, whole, each once in 10 seconds at the
  most; they keep their connection and notice nothing but another job. So one miner can be divided, too, by turns.
- Three miners with hashrates as 1 to 10 to 100 come to within 1 point (of 100) of what is asked for over any hour, and to within 3 points in 95 of 100
  windows of 10 minutes; 1,000 miners come to within 0.5 points over 10 minutes.
- A part all of whose pools are away, drained or of no use goes to the others in their proportions, unless ` + "`on_dead`" + ` says whose. Once one of them has been well for
  ` + "`return_after`" + ` it has its part again; what it missed is not made up for.
- A part with ` + "`worker`" + `, such as ` + "`{ pool = \"vip\", worker = \"vip.*\" }`" + `, is for the miners whose first login matches: they are there whatever the others
  weigh, the first part that matches has them, and what they do is not divided. With a ` + "`weight`" + ` or a ` + "`hashrate`" + ` the part has its share of the rest, too.
  Until it is known who a miner is, it is placed as any other; so are the part's miners while its pools are away. A split has at least one part with
  a weight or a hashrate, or with ` + "`worker = \"*\"`" + `, for everybody else.
- A part with ` + "`when`" + `, such as ` + "`{ pool = \"night\", weight = 30, when = \"* 22-23,0-5 * * mon-fri\", time_zone = \"Europe/Prague\" }`" + `, counts in every minute
  that the expression matches by that zone's clock. Outside it has no share: its miners are sent to the others at once, and nothing is owed to it. Its own
  (` + "`worker`" + `) are placed as any other. An hour that the clock skips in spring is in no window, one that it has twice in autumn is twice. Each range stays
  within its field, so that the night is ` + "`22-23,0-5`" + `, and its hours after midnight are of the next day. Where no part that is in its window has a pool of
  use, windows do not count; ` + "`loka check`" + ` says so where that comes by the clock alone.
- With ` + "`on_dead = \"main\"`" + ` the part of the pool ` + "`main`" + ` has all of the part's share while that is away, drained or of no use, and its own miners, and
  nobody else has more for it. That is not so outside its window, and while ` + "`main`" + ` is away, too: then all others have it.
- In dedicated mode a move costs the pool a connection, and the one before stays for two minutes, for late shares. So a miner is moved once in 10 minutes
  at the most, and not in its first 10, until which miners are divided by their number. What cannot wait is not bound by that: a part that is for the
  miner, or a part that is away or outside its window; miners then go 50 a second. Once that has settled, after an hour, 100 miners in two parts come to
  within 2 points over any hour and are moved less than once an hour each, 10 in three parts to within 3 points, but three as 1 to 10 to 100 only to within
  15. That is by a simulation in which each has six shares a minute, by chance; fewer shares make it worse.
- Miners of pools whose extranonce2 has 2 or 3 bytes have a pool connection of their own and that pool's own extranonce, in either mode: they come to the
  part that misses most, and cannot be moved. The others are divided around them.
- Until a miner's hashrate is known, miners are divided by their number.
- While the route is pinned to a pool (` + "`loka pool pin`" + `) it is not divided.
- ` + "`loka route split farm 'buyer=300TH/s,main=70,a/b=30'`" + ` splits a route that the file has in order, or otherwise, among its pools,
  without a restart; a part with more keys is an argument of its own, such as ` + "`'vip;worker=vip.*'`" + `. See [API.md](API.md#writes). ` + "`/api/v1/routes`" + ` and the page show what each part should have and has.

## Reconnects

A pool may ask its miners to reconnect elsewhere (` + "`client.reconnect`" + `), to balance its load or before it restarts. Pools whose addresses were hijacked have
sent miners to thieves by it, so it is followed within bounds only:

- to the host of ` + "`url`" + `, to hosts of the same registrable domain, and to those of ` + "`reconnect_hosts`" + `; with ` + "`reconnect = \"off\"`" + ` to none;
- from a pool on the Internet never to an address that is private, loopback, link-local, multicast or a carrier's, whatever a name resolves to. Behind a
  ` + "`proxy`" + `, which resolves names itself, that is known of literal addresses only;
- ` + "`stratum+ssl://`, `ca`, `fingerprints` and `proxy`" + ` hold there as well: the certificate has to be the new host's, or one of the fingerprints;
- three times within 10 minutes at the most, the connections that follow one that was lost among them, and after at most 60 s if the pool wants us to wait.

The connection that there is serves until the new one has a job, or until the pool ends it. Only the connection that was asked goes there, and once: what
comes after it goes to ` + "`url`" + ` again, and so it does where nobody is there. The log and ` + "`loka_pool_reconnects_total`" + ` tell of all such wishes.
`
