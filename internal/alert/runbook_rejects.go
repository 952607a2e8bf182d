package alert

// The words that stand in several of these.
const (
	rejectedHere   = "the page of workers, sorted by refused shares: are they of a few workers, or of all of the route?"
	rejectedThere  = "the pool's page or `GET /api/v1/pools`: shares by verdict, and whether it began at one time; then the log, which has the pool's own words."
	tryAnotherPool = "Meanwhile `loka pool drain NAME` sends its miners to the route's next pool."
)

//nolint:gochecknoglobals // a table
var rejectRunbooks = map[string]runbook{
	"route_rejects_stale": {
		means:  "more than 2 % of the route's shares are for work that a new block has made worthless: jobs reach the miners late, or shares come back late.",
		costs:  "these shares: nobody pays for them, and the energy in them is gone.",
		look:   rejectedHere + " Then `loka_job_fanout_seconds`, how long a new job takes to the last miner.",
		do:     "A few workers, or one place: their network loses packets or is slow; see to the link, the wireless bridge, the switch. All, and the fan-out is slow: this machine is too busy or swaps. All, and it is fast: the pool is late with new blocks, see [`pool_late_blocks`](#alert-pool_late_blocks).",
		ignore: "below some ten thousand shares a day, where a few stale ones at each block are already 2 % of ten minutes.",
	},
	"route_rejects_duplicate": {
		means:  "more than 1 % of the route's shares were handed in before.",
		costs:  "nothing directly, since each was counted once; but a machine that does its work twice earns half.",
		look:   rejectedHere + " `GET /api/v1/miners` has what they call themselves, and from where they come.",
		do:     "One model or firmware: it begins its search anew with the same numbers, so update it. One login behind one address with several machines: a proxy of the farm's between them and this one gives all of them the same extranonce; have them connect here themselves.",
		ignore: "for a minute after miners were reconnected in great numbers: some hand in their last shares again to be sure.",
	},
	"route_rejects_low_difficulty": {
		means:  "more than 1 % of the route's shares miss the difficulty that their miner was given.",
		costs:  "the work behind them, where hardware computes wrongly; nothing, where a miner only hands in more than it was asked for.",
		look:   rejectedHere,
		do:     "A few workers: overclocked or failing boards; lower the clock, replace the board. One firmware: it does not follow `mining.set_difficulty`, so update it, or fix its difficulty by a `d=` in its password if `[vardiff]` lets it. All at once: a change of `[vardiff]`, which can be taken back.",
		ignore: "where it is one test machine, or a rental that you hand in for somebody else who is not charged for refused shares.",
	},
	"route_rejects_job_not_found": {
		means:  "more than 1 % of the route's shares name jobs that the miner was not given here, or long ago.",
		costs:  "these shares, and mostly more: such a miner works on old jobs.",
		look:   rejectedHere + " A miner's user agent is in `GET /api/v1/miners`.",
		do:     "A firmware that does not take clean jobs, or that mixes up the pools in its list when it comes back from another one: update it, or leave this proxy as its only pool. A proxy of the farm's between: restart it.",
		ignore: "for some minutes after this proxy was restarted or its miners were moved from another one.",
	},
	"route_rejects_invalid": {
		means:  "more than 1 % of the route's shares cannot be shares: fields of the wrong length, times out of range, version bits that were not agreed on.",
		costs:  "these shares, and the machines that send nothing else.",
		look:   rejectedHere + " The warnings of the connections are in `GET /api/v1/miners`, and say which field.",
		do:     "Version bits: a firmware that rolls them without having asked, so update it or turn its version rolling off. Times: the machine's clock is wrong. Fields of a wrong length: no miner of Bitcoin, or somebody who tries something; `loka worker ban NAME` keeps it out.",
		ignore: "where somebody tests a firmware of his own, on a route of its own.",
	},
	"route_rejects_unauthorized": {
		means:  "more than 1 % of the route's shares are for a worker that was not let in on that connection.",
		costs:  "these shares: they are nobody's.",
		look:   rejectedHere + " `loka_logins_refused_total` says why logins are refused.",
		do:     "The login in the machines is not one of `[logins]`, its secret is wrong, or it is paused or banned: `loka ban list`, `loka worker resume NAME`. A firmware that hands in for another worker than it logged in with: set one login.",
		ignore: "where you have paused or banned the worker yourself and its machine goes on trying.",
	},
	"pool_rejects_stale": {
		means:  "the pool refuses more than 2 % of the shares as stale: they reach it after it has gone on to another block.",
		costs:  "these shares. They were accepted here, so the workers' figures do not show it.",
		look:   rejectedThere + " Compare `submit_rtt_seconds` and `block_delay_seconds` in the `quality` of the pools.",
		do:     "A long way: choose a server of the pool that is nearer. A short way and late blocks: the pool is slow to hear of blocks; see [`pool_late_blocks`](#alert-pool_late_blocks). " + tryAnotherPool,
		ignore: "up to the part that the pool's other customers see as well, which many pools publish.",
	},
	"pool_rejects_duplicate": {
		means:  "the pool says of more than 1 % of the shares that it had them before, though they are new here.",
		costs:  "these shares, and trust: each was found once only, which the log of shares shows.",
		look:   rejectedThere,
		do:     "Something between may send lines twice, or the pool mixes up two of our connections that it gave one extranonce: ask it, with single shares of `loka export --what shares`. " + tryAnotherPool,
		ignore: "right after a connection was lost: a share whose answer was lost with it may be there twice.",
	},
	"pool_rejects_low_difficulty": {
		means:  "the pool says of more than 1 % of the shares that they miss its difficulty, which they meet by our own check.",
		costs:  "these shares: the pool pays nothing for them.",
		look:   rejectedThere + " Its `difficulty` and `version_bits` are there, too.",
		do:     "At each rise of its difficulty: the pool holds old jobs to the new difficulty; set `suggest_difficulty`, so that it changes less often. All the time: it reads version bits in another way, so set `version_bits` of the pool, or ask it. " + tryAnotherPool,
		ignore: "for the first five minutes of a new connection, while its difficulty climbs.",
	},
	"pool_rejects_job_not_found": {
		means:  "the pool does not know jobs any more that it has given out itself.",
		costs:  "these shares, and all work on such jobs.",
		look:   rejectedThere + " Are there many connections that it ended?",
		do:     "A load balancer of the pool's that sends a connection to ever other servers does this: choose a single server's address, or ask the pool. " + tryAnotherPool,
		ignore: "once, when the pool restarted: its jobs of before are gone, and so are these refusals after a minute.",
	},
	"pool_rejects_invalid": {
		means:  "the pool refuses more than 1 % of the shares for reasons that it has no code for.",
		costs:  "these shares, though they are valid by our own check.",
		look:   rejectedThere,
		do:     "Its words mostly name it: a time that is too far ahead (this machine's clock, or miners that roll ntime too far), version bits that it does not want (`version_bits`), a limit of shares a second. Else take single shares of `loka export --what shares` to the pool. " + tryAnotherPool,
		ignore: "never for long: what a pool refuses for no reason that it can name is not paid.",
	},
	"pool_rejects_unauthorized": {
		means:  "the pool does not know the workers or the account that shares are handed in for.",
		costs:  "all shares of these workers.",
		look:   rejectedThere + " `username` and `worker` of the pool say what name it is sent.",
		do:     "Correct the account (`username`), or make the workers at the pool where it wants them made first, or hand in for one name only (`worker`), and `loka reload`. Where it worked yesterday, the account may be locked: look at the pool's page, by its own address.",
		ignore: "where a pool learns new workers by their first share and refuses that one.",
	},
	"pool_unanswered": {
		means:  "the pool leaves more than 2 % of the shares without an answer for 30 s.",
		costs:  "perhaps nothing, if it counts them all the same; perhaps all of these shares. What comes late is booked when it comes.",
		look:   "the pool's `reconciliation` in `GET /api/v1/pools`, and its latency on its page: does it rise before?",
		do:     "Latency high too: the pool or the way to it is overloaded; choose another server of it. Latency low: the pool drops answers, so compare its own page with `accepted` here over an hour. " + tryAnotherPool,
		ignore: "for a few minutes while the pool restarts its servers; its other shares are answered.",
	},
}
