package alert

//nolint:gochecknoglobals // a table
var farmRunbooks = map[string]runbook{
	"farm_hashrate_dropped": {
		means:  "all miners together do less than 70 % of the mean of their last day, by more than chance explains.",
		costs:  "that part of the farm's earnings, for as long as it lasts. While it fires, drops of routes, users and workers are not told one by one.",
		look:   "`loka status`: are miners gone, or are they there and do less? Then the page of workers, the idle ones first, and `loka alerts list` for pools and routes at the same time.",
		do:     "Where miners are gone, see to power, cooling and network of the part that they stand in, which their addresses show. Where they are there, see what is refused (`route_rejects_…` and `pool_rejects_…`) and whether they throttle for heat. Where it began with a reload or a new firmware, take that back.",
		ignore: "when a part of the farm was switched off on purpose: `loka alerts silence name=farm_hashrate_dropped --for 12h --comment WHY`. What lasts becomes usual within a day, and the alert ends by itself.",
	},
	"no_miners": {
		means:  "not one miner is connected, where there were some within the last day.",
		costs:  "everything: nobody mines by this proxy. Miners with another pool configured work for that one.",
		look:   "`loka status` for the listeners, and from a machine in the farm's network whether the miners' port answers: `nc -vz ADDRESS PORT`.",
		do:     "Where the port does not answer, see to switches, routes and firewalls between the farm and this machine, and whether its address has changed. Where it answers, the log says why connections end: `banned`, `access_denied`, `no_route` and the like are this proxy's configuration, perhaps since the last reload. Then power: a farm that is dark is gone all at once.",
		ignore: "when the whole farm is off on purpose, or its miners were moved to another proxy; silence it until they are back.",
	},
}

//nolint:gochecknoglobals // a table
var routeRunbooks = map[string]runbook{
	"route_down": {
		means:  "none of the route's pools can serve work.",
		costs:  "all that its miners would earn. With `on_outage = \"close\"` they are closed after `outage_grace`, and go to the next pool in their own list; with `hold` they stay on their last work, which nobody pays for.",
		look:   "`loka status`: each pool of the route has a state and an error. One error for all of them is this machine's network or DNS; different ones are the pools'.",
		do:     "Bring one pool back: undo a `loka pool disable NAME` or `loka pool drain NAME` (`enable`, `undrain`), correct url or account and `loka reload`, or add a pool that is not of the same operator. Test this machine's own way out with `nc -vz HOST PORT` for one of the pools.",
		ignore: "when the route is being set up, or has no miners and is to be taken out of the file.",
	},
	"failover": {
		means:  "the pool that the route prefers is not used, and another one is in its place.",
		costs:  "mostly nothing: shares are paid by the other pool. It may have another fee, another way to pay, or be farther away.",
		look:   "the state and error of the preferred pool in `loka status` or on the page of pools; an alert `pool_down` for it has more.",
		do:     "Nothing for the route itself: it goes back once the preferred pool has been well for `return_after`. To stay with the other one on purpose, `loka pool pin ROUTE NAME`.",
		ignore: "when somebody has drained or disabled the preferred pool, which the audit record (`GET /api/v1/audit`) says, or when the pool announced its maintenance.",
	},
	"route_switching": {
		means:  "the route has changed its pool more than six times within an hour: one of its pools comes and goes.",
		costs:  "little for each change, in which a share or two of each miner may be stale; with many it shows as refused shares, and pools that pay by a window of shares (PPLNS) pay less to who comes and goes.",
		look:   "the page of events, or `GET /api/v1/log?kinds=pool,switch`: each change with its reason. `GET /api/v1/pools/NAME/timeline` has the states that a pool was in.",
		do:     "`loka pool drain NAME` for the pool that comes and goes, until its operator has mended it; or raise `return_after`, so that a pool has to be well for longer before it is gone back to.",
		ignore: "while somebody tries out pools by hand, with pins and drains.",
	},
	"unpaid_work": {
		means:  "miners are held on their last work, for no pool of the route serves and `on_outage` is `hold`.",
		costs:  "the power of these miners, for work that no pool takes; it is in `loka_lost_satoshi_total` as `unpaid`.",
		look:   "`loka status` for the route's pools: as for [`route_down`](#alert-route_down), which fires beside it.",
		do:     "Bring a pool back or add one; the miners go on by themselves, without a new connection. Where it will take long, have them closed so that their own failover works: `on_outage = \"close\"` and `loka reload`.",
		ignore: "for some minutes, where holding is what you want because the miners have no other pool.",
	},
	"route_hashrate_dropped": {
		means:  "the miners of one route do less than 70 % of what they did on average of a day, while the farm as a whole is well.",
		costs:  "that part of what the route's pools earn; where its miners now match another route, they earn there instead.",
		look:   "the page of routes, or `GET /api/v1/routes`: has another route grown by as much? Then the workers of the route, the idle ones first.",
		do:     "Where the miners are in another route, it began with a reload or with a change of logins: `loka check FILE --plan` shows who would go where. Where they are gone, they stand in one place or have one owner: see [`farm_hashrate_dropped`](#alert-farm_hashrate_dropped).",
		ignore: "when the route's share was changed on purpose (`loka route split`), or its miners are sold or moved.",
	},
}

//nolint:gochecknoglobals // a table
var workerRunbooks = map[string]runbook{
	"user_hashrate_dropped": {
		means:  "the workers of one user (what stands before the first dot of their logins) do less than 60 % of what they did on average of a day, while the farm as a whole is well.",
		costs:  "that part of what this user earns. Where you host others' machines, this is what their owner will ask about.",
		look:   "the page of workers, searched for `USER.`: are all a little slower, or some gone? `GET /api/v1/workers?search=USER` has the same.",
		do:     "Some gone: see to their rack, breaker or switch; their last addresses are in their pages. All slower: a shared limit of power or heat, a firmware that was rolled out to them, or a setting of their owner's. Tell the owner.",
		ignore: "when the owner has taken machines away or down-clocks them: `loka alerts silence subject=USER --for 24h --comment WHY`.",
	},
	"worker_hashrate_dropped": {
		means:  "a worker does less than 60 % of its mean of a day, by more than chance explains, and is still at work.",
		costs:  "the missing part of this one machine, or of all machines that share the login.",
		look:   "the worker's page, or `GET /api/v1/workers/NAME/history`: since when, at one step or slowly, and how many connections it has.",
		do:     "One step is a board or a power supply that has failed: restart the machine and look at its own page for the board that is missing. Slowly is heat or dust: see to fans and air. Fewer connections are machines of the same login that are gone.",
		ignore: "when the machine is down-clocked or one of several behind a login was taken out; it ends by itself within a day.",
	},
	"worker_silent": {
		means:  "a worker that handed in shares regularly has handed in none for ten minutes and for twenty times its usual pause.",
		costs:  "the whole of this machine, until it is back.",
		look:   "the worker's page: is it connected? `loka alerts list` shows whether its neighbours are silent, too, which is a switch or a breaker and no machine.",
		do:     "Not connected: power, cable, and the pool setting of the machine; the log has why its last connection ended. Connected: it hangs, so restart it, or `loka worker disconnect NAME` to have it begin anew; where it never has a share, its difficulty is too high for it (`[vardiff]`).",
		ignore: "when the machine is off on purpose. One that stays away is no alert any more after a day.",
	},
	"worker_rejects": {
		means:  "more than a tenth of a worker's shares of ten minutes were refused here.",
		costs:  "that part of what this machine would earn; the power is paid all the same.",
		look:   "the worker's page, which has the refused shares by verdict.",
		do:     "`low_difficulty` or `invalid`: it is overclocked or a chip computes wrongly, so lower its clock, or replace the board. `stale`: its way here is slow or lossy. `duplicate` or `job_not_found`: its firmware; another version may be right. `unauthorized`: its login.",
		ignore: "right after a machine started, or after a change of pool, where some shares come for work that is gone; it needs ten minutes of it to fire.",
	},
}
