package config

import "strings"

// guardReference is the part of docs/CONFIG.md about who is let in and how they
// must behave; in its source ~ stands for a backtick.
func guardReference() string { return strings.ReplaceAll(referenceGuard, "~", "`") }

const referenceGuard = `
## Logins

Without ~[logins]~ every miner is let in. What is set there must all hold:

~~~toml
[logins]
allow = ["farm.*"]                     # globs on the whole login
password = "${MINERS_PASSWORD}"        # what every miner's password begins with
file = "/etc/loka/miners.passwd"       # other secrets for some
client_certificate = "name"            # over TLS: made out to the login, or to a half of it
~~~

- The secret is what stands in the miner's password before the first comma. Options come after it: ~s3cret,d=1024,group=barn~. A secret has visible ASCII
  characters without ~, ; & " \~ and at most 128 of them.
- ~loka password LOGIN~ asks for a secret and prints a line for ~file~, ~LOGIN:HASH~; ~LOGIN~ may be a glob. A login's own line counts before the globs, of which
  the first that matches does, and either before ~password~. Without ~LOGIN~ it prints the hash alone, which may stand in ~password~, too.
- A miner sends its password in the clear, unless it speaks TLS. So the hashes (PBKDF2 with SHA-256) have 1,000 iterations, 0.4 ms of a core each: 18,000
  machines with a secret each are let in within 8 s by one core after a restart, and in no time with a common one, for what was right is remembered by
  the process. Half of the cores are used for it at the most. ~loka password --iterations~ makes others.
- Who is refused is told error 24, whatever was wrong, and after ~max_refused~ of them the connection ends as ~login_refused~. The log has the login, never
  the password; ~loka_logins_refused_total~ has the cause.
- Miners that are in stay when a reload changes this; it holds for logins from then on.

~[patterns]~ keeps miners out by name: by what they call themselves, log in as, or by their address as text. Globs are as everywhere, ~*~ for any text and ~?~
for one character; case matters. It holds for who comes from then on, too.

## Limits

~[limits]~ bounds how fast a connection is listened to. Nothing is refused and no share is lost: a line that comes too soon is answered, and then what follows
waits in the miner's own socket for its turn; nobody else does. Each limit has a rate and a burst, a token bucket. The defaults are never met by a miner
that is of use: 300 TH/s at difficulty 256 send 273 shares a second. A connection that has logged in several workers may send as many times the shares.

~worker~, ~address~ and ~subnet~ are of all connections together, and off: a farm of 18,000 machines behind one address that comes back after a power cut sends
100,000 lines in ten seconds. What is held is counted in ~loka_lines_held_total~.

## Misbehaviour

Each connection has a score. Bad lines and shares add to it (~[threat.weights]~), accepted shares take away from it, and it halves every ~half_life~. At ~slow~ the
connection is slowed down (50 ms after each line, more above it, 2 s at the most), at ~refuse~ its shares are refused with error 20 but for those that are
blocks (in dedicated mode the pool goes on judging them), at ~close~ it ends as ~misbehaved~. What miners do in ordinary life is no offence: stale shares count
nothing, and for ~grace~ after a connection has come, or its difficulty has changed, shares of before count a tenth. A machine half of whose shares are
bad stays below all thresholds. ~GET /api/v1/miners~ shows scores, ~loka_threat_responses_total~ counts answers.

A route may leave out ~logins~, ~patterns~, ~rate_limit~ and ~threat~ for its miners: ~skip = ["threat", "rate_limit"]~. Before a miner has its route all holds.

Who is closed so again and again is kept out for a while: [bans](OPERATIONS.md#bans).
`
