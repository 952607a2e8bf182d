package alert

//nolint:gochecknoglobals // a table
var poolRunbooks = map[string]runbook{
	"pool_down": {
		means:  "the pool cannot be used for a minute: its connection fails, it refuses our login, or it gives no work.",
		costs:  "nothing while the route has another pool; without one see [`route_down`](#alert-route_down).",
		look:   "the pool's error in `loka status`, and what it means in [REASONS.md](REASONS.md#pools-connections-sideupstream).",
		do:     "A refused login: `username` and `password` of the pool, and whether the account is still there. No name, no route, a timeout: `nc -vz HOST PORT` from this machine; where that fails for all pools it is the network or DNS here. A certificate: `ca` or `fingerprints`, and never turn verification off for it. loka tries again by itself; `loka pool disable NAME` has it stop.",
		ignore: "when the pool has announced its maintenance; it is gone back to by itself.",
	},
	"pool_quiet": {
		means:  "the pool is connected and has sent no job for five minutes, where one or two a minute are usual.",
		costs:  "much, if it has missed a block meanwhile: all that its miners do since is worth nothing.",
		look:   "`GET /api/v1/pools`: has it the signal `tip_lag`, which says that others are on a later block? Then the pool's status page.",
		do:     "`loka pool drain NAME` if another pool serves the route: its miners go on without a new connection. Its connection may hang on something between, too: `loka pool disable NAME` and `loka pool enable NAME` make a new one.",
		ignore: "on a test network, or at a pool of your own that gives work at new blocks only; then give the rule another figure in the file.",
	},
	"pool_discrepancy": {
		means:  "of the work that the pool was sent within an hour it has not accepted more than 3 %.",
		costs:  "that part of what its miners earn. They were all told that their shares were accepted.",
		look:   "`reconciliation` of the pool in `GET /api/v1/pools`, and `GET /api/v1/revenue?pool=NAME`: refused, unanswered, or lost with a connection?",
		do:     "Refused: the alert `pool_rejects_…` for it. Unanswered or lost: its connections break off, see [`pool_disconnects`](#alert-pool_disconnects). Compare the hashrate that its own page shows for an hour with ours; where that is less as well, `loka pool drain NAME` and write to its operator, with `loka export --what shares --pool NAME`.",
		ignore: "in the first hour of a pool with very few shares, where two or three are a per cent.",
	},
	"pool_slow": {
		means:  "one share in ten waits longer than two seconds for the pool's answer, for ten minutes.",
		costs:  "stale shares at each new block; in dedicated mode miners wait for these answers, too.",
		look:   "`quality` of the pool in `GET /api/v1/pools`: `connect_rtt_seconds` is the way there alone, `submit_rtt_p90_seconds` the pool's own time besides.",
		do:     "Both high: a server of the pool that is nearer, or this machine's way out is full (`mtr HOST`, uploads at the same time). Only the second: the pool is overloaded; `loka pool drain NAME` until it is better.",
		ignore: "while its refused shares stay as few as they were: slow answers alone cost nothing.",
	},
	"pool_late_blocks": {
		means:  "on new blocks the pool's work comes more than five seconds later than that of the first pool, on average of its last blocks.",
		costs:  "some five seconds of each ten minutes, near one per cent of what its miners earn, where it does not pay for stale shares.",
		look:   "`block_delay_seconds` of all pools, over some hours, on the page of pools or on the board.",
		do:     "Try another server of the pool, which may be nearer to its node. Where it stays so, put another pool first in the route, or tell its operator: it is their node's connection, or how they send jobs to very many miners.",
		ignore: "where the pool pays for every share whatever its age (some pools by FPPS do), as its figures of stale shares show.",
	},
	"pool_disconnects": {
		means:  "the pool, or the network on the way to it, has ended more than five connections within minutes.",
		costs:  "shares that were on their way when it ended; each miner goes on with the next link's work.",
		look:   "the log, for the reason of each end: `peer_closed` is the pool, `read_failed` and timeouts are the network. [REASONS.md](REASONS.md#pools-connections-sideupstream) has all.",
		do:     "The pool's: it restarts, has too many of our connections, or does not like what we send (its last words are in the log); drain it meanwhile. The network's: do connections to other pools end, too? Then it is this machine's line, or a firewall that forgets connections.",
		ignore: "once, while the pool restarts its servers one after the other.",
	},
}

// What stands in several of the signals.
const (
	whatItWas      = "the pool's `signals` in `GET /api/v1/pools`, which have what was seen, and since when; the log has it when it began."
	drainMeanwhile = " Until that is clear, `loka pool drain NAME` sends its miners to the next pool."
)

//nolint:gochecknoglobals // a table
var signalRunbooks = map[string]runbook{
	"payout_changed": {
		means:  "the jobs of the pool pay another address than they should. Pools were taken over like that, by hijacked routes and names: the miners' work then pays a thief.",
		costs:  "perhaps all that its miners do, from now on.",
		look:   whatItWas + " `payout` of the pool has what is expected (`expected`) and what its latest job pays (`outputs`).",
		do:     "`loka pool disable NAME` first. Then ask the pool, by another way than its own page or its chat's links: its old mails, its operator's signed announcement. If the change is its own: `loka pool accept-payout NAME` and `loka pool enable NAME`. If nobody knows of it, keep it disabled, and change the password of the account there. `on_payout_change = \"failover\"` does the first step by itself.",
		ignore: "never unseen. Where a pool of your own pays by turns to several addresses, write all of them into `payout`.",
	},
	"tag_changed": {
		means:  "the pool signs its jobs with another text than it did: another pool may stand behind its address.",
		costs:  "nothing if it only has a new name; all of it if somebody else answers there.",
		look:   whatItWas + " Is there [`payout_changed`](#alert-payout_changed), too? Then that comes first.",
		do:     "Look for the new text at a block explorer: which pool signs like that? Ask yours. If it is its own: `loka pool accept-payout NAME`, or correct `pool_tag`." + drainMeanwhile,
		ignore: "when the pool has announced a new name, or now works by another pool's jobs on purpose, as many small ones do.",
	},
	"tip_lag": {
		means:  "the pool still works on a block to which most other pools have found the next one.",
		costs:  "all that its miners do meanwhile: no block can come of it, and the shares may be refused.",
		look:   whatItWas + " What does a block explorer have as the latest block?",
		do:     "`loka pool drain NAME` while it lasts. Of two pools nobody knows which is right: look at the explorer. Where it comes again and again at this pool, take another server of it, or another pool.",
		ignore: "when it was a few seconds at one block, and is over.",
	},
	"tip_alone": {
		means:  "the pool works on a block that no other pool knows, though the others agree: it is on a fork of its own, or on another coin.",
		costs:  "all that its miners do since then, unless the others are the ones who are wrong.",
		look:   whatItWas + " Look for the block that is named there at two block explorers.",
		do:     "`loka pool disable NAME`. Ask it which chain and coin it works on; is its port of another coin? Enable it once that block is known elsewhere, or its jobs name one that is.",
		ignore: "for a minute after two blocks were found at the same time, where pools are of two minds; it has to last to fire.",
	},
	"height_back": {
		means:  "the pool works on a lower block than it did before.",
		costs:  "what its miners do until it is back at the tip.",
		look:   whatItWas + " Have other pools gone on, as a block explorer shows?",
		do:     "Servers of the pool that lag behind one another do this, where something sends our connection to ever other ones: choose a single server of it. Ask the pool if it goes on." + drainMeanwhile,
		ignore: "once, by one block: two blocks at the same height, one of which lost.",
	},
	"other_coin": {
		means:  "at the same height the pool's jobs have another network difficulty than those of most others: this is another coin.",
		costs:  "all that its miners earn, if that is not the coin that you want to mine; a coin by the same algorithm looks no other way.",
		look:   "`url` and port of the pool in the file against what its own page says, and " + whatItWas,
		do:     "`loka pool disable NAME`. Correct the port, and `loka reload`. Where the port is right, ask the pool: some send a part of the time to whatever pays best.",
		ignore: "where you mine another coin on purpose beside pools of this one: give it a proxy of its own, or switch the rule off in the file.",
	},
	"difficulty_jump": {
		means:  "the pool has multiplied the difficulty of a connection at once, while that was earning.",
		costs:  "the shares between the old difficulty and the new one: `loka_work_not_submitted_total` has them.",
		look:   whatItWas + " Is it one connection, or all of the pool's?",
		do:     "Set `suggest_difficulty` of the pool (`\"auto\"` follows the hashrate), or a port of it with a fixed difficulty. Where it rose because much more hashrate came to one connection, that is in order." + drainMeanwhile,
		ignore: "when many miners have just joined this pool; it settles within five minutes.",
	},
	"extranonce_changes": {
		means:  "the pool changes the extranonce of a connection again and again, and each time all work before is worth nothing.",
		costs:  "the shares that are on their way at each change; with many of them some per cent.",
		look:   whatItWas,
		do:     "Something between sends this connection to ever other servers, or the pool balances its load like that: take a single server's address, and ask the pool." + drainMeanwhile,
		ignore: "where the changes are few and its refused shares do not rise.",
	},
	"empty_blocks": {
		means:  "block after block the pool's jobs still have no transactions a minute after the block before.",
		costs:  "the fees of its blocks, which it cannot pay to anybody: a few per cent, at times much more.",
		look:   whatItWas,
		do:     "Ask the pool whether its node is in order; its node may have just started and know no transactions yet. Take another pool if it stays so.",
		ignore: "on a test network, where empty blocks are usual.",
	},
	"unknown_replies": {
		means:  "the pool answers what it was not asked, or answers twice.",
		costs:  "nothing by itself; but somebody who writes into the connection can do more than that.",
		look:   whatItWas + " Is it the same at another server of the pool?",
		do:     "Use `stratum+ssl://` if the pool has it, with its certificate verified. Ask the pool: a server of it that mixes up connections sends us others' answers." + drainMeanwhile,
		ignore: "when it is a few after a connection was lost and made again, and no more come.",
	},
	"credit_short": {
		means:  "the pool has accepted clearly less work than it was sent within ten minutes.",
		costs:  "that part of what its miners earn, while they are told that all is well.",
		look:   "`reconciliation` of the pool in `GET /api/v1/pools`, for what became of the rest; then its own page: what hashrate does it show?",
		do:     "As for [`pool_discrepancy`](#alert-pool_discrepancy), which looks at an hour: this one is quicker, and more is missing." + drainMeanwhile,
		ignore: "right after a link to the pool was lost with its answers; it is over ten minutes later.",
	},
	"refused_valid": {
		means:  "the pool refuses shares that are valid by our own check, where no race explains it.",
		costs:  "these shares.",
		look:   "the log for the pool's words, `loka_pool_discrepancies_total` by verdict, and `version_bits` and `difficulty` of the pool.",
		do:     "One verdict only: the alert `pool_rejects_…` for it has what that points at. All kinds, or in bursts: the pool counts otherwise than it says. Take single shares to it (`loka export --what shares --pool NAME`): each can be checked by anybody." + drainMeanwhile,
		ignore: "when it is some shares at one change of its difficulty, and over.",
	},
	"job_flood": {
		means:  "the pool sends jobs so fast that miners spend their time on beginning anew.",
		costs:  "hashrate of slow firmware, and bandwidth: each job goes to each miner.",
		look:   whatItWas + " `loka_jobs_total` by pool shows how many there are.",
		do:     "Ask the pool; a test server, or something between that repeats lines, does this." + drainMeanwhile,
		ignore: "for a minute, when many transactions with high fees come and the pool follows each of them.",
	},
}
