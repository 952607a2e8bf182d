package alert

//nolint:gochecknoglobals // a table
var listenerRunbooks = map[string]runbook{
	"listener_down": {
		means:  "loka has connected to its own address for miners, and nobody accepted.",
		costs:  "every miner that comes, or comes back: it does not get in here. Those that are connected stay.",
		look:   "the check `listener:ADDRESS` of `/health`, which has the error, and the log for what accept says; `loka status` shows all listeners.",
		do:     "`too many open files`: raise `LimitNOFILE`, and see [`files_high`](#alert-files_high). Refused, or a timeout: a firewall of this machine that closes loopback or the port (`nft list ruleset`, `ss -ltn`). An address that is gone from this machine (`ip addr`): give it back, or correct `[[listener]]` and `loka reload`. It tries on by itself.",
		ignore: "never while miners are to come in there. One that is needed no more is taken out of the file.",
	},
	"certificate_expires": {
		means:  "a certificate that miners are shown at this listener ends within two weeks.",
		costs:  "nothing yet. Once it has ended, miners that verify it cannot connect.",
		look:   "`GET /api/v1/listeners`: which certificate, of which file, and until when.",
		do:     "Renew it in its files; loka takes them within 30 s, without a restart, and shows the former one until then. Where certbot or another client should have done that, see its log: the port that it needs may be closed, or its hook copies to another place.",
		ignore: "when you know that your client renews within the last two weeks; better have it begin earlier.",
	},
	"certificate_expired": {
		means:  "a certificate of this listener has ended, or does within two days.",
		costs:  "all miners that verify it: they do not connect again once their connection has ended, for whatever reason.",
		look:   "`GET /api/v1/listeners`, and from outside: `openssl s_client -connect ADDRESS` prints what is shown.",
		do:     "Renew it now, in its files; it is taken within 30 s. Where the files are new already, the key does not fit or they are unreadable: [`certificate_problem`](#alert-certificate_problem) says what. Until then miners can use a listener without TLS, inside a network that you trust.",
		ignore: "when no miner verifies it, as with many firmwares; then a certificate of loka's own making, without an end that matters, is less trouble.",
	},
	"certificate_problem": {
		means:  "the files of a certificate of this listener cannot be used as they are: unreadable, no certificate, or a key that is another's.",
		costs:  "nothing while the former certificate is shown; after a restart there may be none.",
		look:   "the alert's own text, or the check `tls` of `/health`: it names the file and what is wrong.",
		do:     "Correct the files: certificate first and what signed it after it, the key of the same certificate, both readable for loka's user (`ls -l`, and the folders above). They are read again within 30 s.",
		ignore: "for a moment while a renewal writes one file after the other; it has to last a minute to fire.",
	},
}

//nolint:gochecknoglobals // a table
var proxyRunbooks = map[string]runbook{
	"disk_low": {
		means:  "the disk that `data_dir` is on is more than 90 % full.",
		costs:  "nothing yet. Once it is full, what happens is kept in memory only.",
		look:   "`df -h` and `du -xh --max-depth 2 DATA_DIR`: is it loka's own, or something else's?",
		do:     "loka's own: lower `storage.max_disk` or `storage.keep_shares` and restart loka, for `storage` is read at the start only; it makes room by itself. What is in `archive` it never drops: move that away. Something else's: old logs (`journalctl --vacuum-size=500M`), core dumps, backups beside it.",
		ignore: "where the disk is large and does not grow: look whether it was the same a week ago.",
	},
	"disk_full": {
		means:  "the disk that `data_dir` is on is more than 97 % full.",
		costs:  "single shares first, which are forgotten early while their sums stay; at the end whatever has not been written is lost by a crash. Mining goes on.",
		look:   "`df -h`, `df -i`, and `du -xh --max-depth 2 DATA_DIR`.",
		do:     "Make room now, outside of `data_dir`: logs, dumps, backups. Never remove files of `data_dir` by hand while loka runs, but for `traces`. **Do not restart loka** while `journal` in `/health` is down: what waits is in memory. Then as for [`disk_low`](#alert-disk_low).",
		ignore: "never.",
	},
	"memory_high": {
		means:  "loka has more than 90 % of the memory that it may have: the least of GOMEMLIMIT, the container's limit and the machine's memory.",
		costs:  "processor first, for it collects garbage ever more often; at the limit the kernel kills it, and all connections end with it.",
		look:   "`loka status`: how many miners and strangers are there? A connection takes some tens of KiB; what is far more than that is something else.",
		do:     "Give it more, or lower `access.strangers_memory` and `server.max_connections`. Strangers in great numbers are an [`attack`](#alert-attack). Where neither explains it, keep a profile (`GET /debug/pprof/heap`), report it, and restart at a quiet time.",
		ignore: "where GOMEMLIMIT is set that low on purpose: it is kept to, at the cost of processor.",
	},
	"files_high": {
		means:  "more than 90 % of the descriptors that the process may have are open. Each connection takes one.",
		costs:  "newcomers, soon: miners are not accepted once there are none. Those that are there stay.",
		look:   "`loka status` for miners and strangers, against the limit: `GET /health`, check `descriptors`.",
		do:     "Raise `LimitNOFILE` in the unit (`ulimits` of compose, `ulimit -n` in a shell) and restart at a quiet time; `server.max_connections` is clamped to what the limit allows. Far fewer connections than descriptors are a fault: report it with `ls -l /proc/PID/fd`.",
		ignore: "when the farm is as large as it gets, and the limit was chosen for it.",
	},
	"journal_failing": {
		means:  "nothing could be written to `data_dir` for half a minute.",
		costs:  "all that was booked since, if the process ends now: shares, and with them payouts. While it runs nothing is lost.",
		look:   "the check `journal` of `/health`, which has the error; then `df -h`, `df -i`, `ls -ld DATA_DIR`, and `dmesg` for the disk.",
		do:     "Make room, give the folder back to loka's user, or have the file system writable again (`mount -o remount,rw`). **Do not restart loka before that**: what waits is in memory, and is written as soon as it can be.",
		ignore: "never.",
	},
	"store_failing": {
		means:  "the database has taken nothing for five minutes. What happens waits on this disk.",
		costs:  "history, exports and payouts show nothing newer; nothing is lost, and mining goes on.",
		look:   "the check `store` of `/health`: its error names the cause. Then the log of the database itself.",
		do:     "Is it up, can this machine reach it, is its disk full, was the password changed, has it a newer schema? Correct `storage.url`, or the database; loka sends what waits by itself. Where it takes long, see that `data_dir` has room for what waits, which the alert's text says.",
		ignore: "while the database is updated; silence it for as long.",
	},
	"shares_dropped": {
		means:  "single shares were forgotten early, for there was no room for them.",
		costs:  "detail: exports of single shares have a gap. Sums, earnings and payouts are whole, unless loka's log says that a frame of the journal cannot be read: the disk has spoiled it, and what happened within it, some tenths of a second, is missing everywhere.",
		look:   "`/health`: is the `store` behind, or the disk low?",
		do:     "Have the database take things again ([`store_failing`](#alert-store_failing)), or give `storage.max_disk` more. Where it keeps up and drops all the same, there are more shares than it can take: raise the miners' difficulty (`[vardiff]`), which costs nobody anything.",
		ignore: "where nobody needs single shares; `storage.keep_shares = \"0s\"` keeps none.",
	},
	"attack": {
		means:  "very many connections do not log in, wait, or misbehave, or many addresses were banned within ten minutes.",
		costs:  "mostly nothing: miners that are at work are served first. New ones wait longer for their turn.",
		look:   "`loka status`, `loka ban list`, and the security board: from where do they come, and how do they end? A farm that comes back after a power cut looks alike for two minutes, but logs in.",
		do:     "From a few networks: `loka ban add NETWORK --for 24h`, and `bans.kernel` has the kernel drop them. From everywhere: let in who you know only (`[access]`), or put a packet filter before this machine. Your own farm's addresses belong into `bans.never` before that. Nothing needs a restart.",
		ignore: "when your own farm is coming back, or somebody load-tests; it ends by itself.",
	},
	"sinks_down": {
		means:  "at least one of the places that alerts are told at has taken nothing for five minutes.",
		costs:  "nobody hears of an alert there. Up to 1,000 wait for it, for up to 6 h.",
		look:   "`GET /api/v1/alerts/sinks` or the page of alerts: which one, and what it said.",
		do:     "`loka alerts test NAME` tries it. A token that was revoked, a chat that is gone: write the new url and `loka reload`, and what waits is told there. Not reached: this machine's way out, DNS, a firewall. Of several chats or recipients one may be at fault: the error says `not all of them`.",
		ignore: "while the service has an outage of its own that is known; what waits is told afterwards.",
	},
	"check_failing": {
		means:  "a check of `/health` is not well that no other rule tells of: the clock, the database's answers, the audit record, a crash of the run before, and so on.",
		costs:  "depends on the check; its text says what does not work.",
		look:   "`/health`, or the alert's own text: what was found, and what to do. [Health checks](#health-checks) has a line for each.",
		do:     "What the check advises. `loka alerts list` shows when it is over: nothing has to be confirmed.",
		ignore: "`last_crash` once you have sent in `crash.last.log`: it ends after an hour. `telemetry` and `flight_recorder` harm nothing else.",
	},
}
