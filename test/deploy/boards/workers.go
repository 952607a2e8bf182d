package boards

// workers says what miners do.
func workers() Board {
	return Board{
		Name: "workers", title: "Workers",
		says: "What miners do: how many there are, what they hand in, and why they leave.",
		rows: []row{
			{"Miners", []panel{
				{
					kind: lines, title: "Connected", span: 12, height: 8, unit: count, runbook: "LokaMinersLeft",
					says: "Open connections of miners, those that have not logged in yet, and slots of pool connections that are in use.",
					queries: []query{
						{`sum(loka_miners_connected{` + of + `})`, "connected"},
						{`sum(loka_strangers_connected{` + of + `})`, "not logged in"},
						{`sum(loka_slots_in_use{` + of + `})`, "slots"},
					},
				},
				{
					kind: lines, title: "Come and go", span: 12, height: 8, unit: perSec,
					says: "Connections a second that were accepted, and that ended.",
					queries: []query{
						{`sum(rate(loka_connections_accepted_total{` + of + `}[$__rate_interval]))`, "accepted"},
						{`sum(rate(loka_connections_closed_total{` + of + `, side="downstream"}[$__rate_interval]))`, "ended"},
					},
				},
				{
					kind: bars, title: "Why they left, of the last hour", span: 12, height: 9, unit: count, hue: "blue",
					says:    "By reason, most first; REASONS.md says what each means and what to do.",
					queries: q(`topk(12, sum by (reason) (increase(loka_connections_closed_total{`+of+`, side="downstream"}[1h])))`, "{{reason}}"),
				},
				{
					kind: lines, title: "Difficulty changes", span: 12, height: 9, unit: perSec,
					says:    "Changes a second of a miner's difficulty in shared mode. They settle within minutes of a start.",
					queries: q(`sum by (direction) (rate(loka_vardiff_changes_total{`+of+`}[$__rate_interval]))`, "{{direction}}"),
				},
			}},
			{"Routes", []panel{
				{
					kind: stack, title: "Hashrate by route", span: 12, height: 8, unit: hashrate, runbook: "LokaRouteHashrateDropped",
					says:    "What the miners of each route do, by our own word.",
					queries: q(`sum by (route) (route:loka_hashrate:rate5m{`+of+`})`, "{{route}}"),
				},
				{
					kind: lines, title: "Miners by route", span: 12, height: 8, unit: count, runbook: "LokaUnpaidWork",
					says: "Miners of each route, and those of them that are kept on work that nobody pays for.",
					queries: []query{
						{`sum by (route) (loka_route_miners{` + of + `})`, "{{route}}"},
						{`sum by (route) (loka_route_unpaid_miners{` + of + `})`, "{{route}} unpaid"},
					},
				},
				{
					kind: grid, title: "Routes", span: 24, height: 6, unit: "none", runbook: "LokaRouteDown",
					says:    "Whether a new miner would be given work, and what each route does, over 5 minutes.",
					columns: []string{"bool_yes_no", count, count, hashrate, hashrate, ratio},
					queries: []query{
						{`min by (route) (loka_route_ready{` + of + `})`, "Ready"},
						{`sum by (route) (loka_route_miners{` + of + `})`, "Miners"},
						{`sum by (route) (loka_route_connections{` + of + `})`, "Pool connections"},
						{`sum by (route) (route:loka_hashrate:rate5m{` + of + `})`, "Hashrate"},
						{`sum by (route) (route:loka_paid_hashrate:rate5m{` + of + `})`, "Paid hashrate"},
						{`sum by (route) (route:loka_hashrate:rate5m{` + of + `}) / sum by (route) (route:loka_hashrate:avg1d{` + of + `})`, "Against its day"},
					},
				},
			}},
			{"Shares", []panel{
				{
					kind: lines, title: "Shares", span: 12, height: 8, unit: perSec, runbook: "LokaNoShares",
					says:    "Accepted shares a second, by our own verdict.",
					queries: q(`sum(verdict:loka_shares:rate5m{`+of+`, verdict="accepted"})`, "accepted"),
				},
				{
					kind: lines, title: "Refused shares", span: 12, height: 8, unit: perSec, runbook: "LokaRejects",
					says:    "A second, by our own verdict.",
					queries: q(`sum by (verdict) (verdict:loka_shares:rate5m{`+of+`, verdict!="accepted"})`, "{{verdict}}"),
				},
				{
					kind: lines, title: "Work for which there was no pool", span: 12, height: 8, unit: hashrate,
					says: "Work that miners did above the pool's difficulty while it climbed, and that the pool could not be paid for; and work of shares that belong to no pool.",
					queries: []query{
						{`sum by (pool) (rate(loka_work_not_submitted_total{` + of + `}[$__rate_interval])) * 2^32`, "{{pool}} not submitted"},
						{`sum(rate(loka_work_accepted_total{` + of + `, pool="(none)"}[$__rate_interval])) * 2^32`, "no pool"},
					},
				},
				{
					kind: lines, title: "Logins that were refused", span: 12, height: 8, unit: perSec,
					says:    "A second, by cause.",
					queries: q(`sum by (cause) (rate(loka_logins_refused_total{`+of+`}[$__rate_interval]))`, "{{cause}}"),
				},
			}},
			{"Each worker, with [metrics] per_worker = true", []panel{
				{
					kind: grid, title: "Workers", span: 24, height: 12, unit: "none", runbook: "LokaWorkerSilent",
					says:    "The 100 with the largest hashrate: by the shares of 10 minutes, and what was refused of all since the books began.",
					columns: []string{hashrate, count, ratio, seconds},
					queries: []query{
						{`topk(100, max by (worker) (loka_worker_hashrate{` + of + `}))`, "Hashrate"},
						{`sum by (worker) (loka_worker_shares_accepted_total{` + of + `}) and on (worker) topk(100, max by (worker) (loka_worker_hashrate{` + of + `}))`, "Accepted"},
						{`sum by (worker) (loka_worker_shares_rejected_total{` + of + `}) / (sum by (worker) (loka_worker_shares_accepted_total{` + of + `} + loka_worker_shares_rejected_total{` + of + `}) > 0) and on (worker) topk(100, max by (worker) (loka_worker_hashrate{` + of + `}))`, "Refused"},
						{`time() - max by (worker) (loka_worker_last_share_timestamp_seconds{` + of + `} > 0) and on (worker) topk(100, max by (worker) (loka_worker_hashrate{` + of + `}))`, "Last share ago"},
					},
				},
				{
					kind: figure, title: "Workers that are known", span: 4, height: 6, unit: count, hue: "blue",
					says:    "Connected now, or with a share ever.",
					queries: q(`sum(loka_workers{`+of+`})`, "workers"),
				},
				{
					kind: figure, title: "Without series", span: 4, height: 6, unit: count, warn: 1, bad: 1000,
					says:    "Workers that have no series although they are on: raise metrics.max_workers.",
					queries: q(`sum(loka_worker_series_left_out{`+of+`})`, "left out"),
				},
				{
					kind: bars, title: "Silent longest", span: 16, height: 6, unit: seconds, warn: 600, bad: 1800, runbook: "LokaWorkerSilent",
					says:    "Time since the last share of those that are silent longest, of those that handed in one within a day.",
					queries: q(`topk(8, max by (worker) ((time() - (loka_worker_last_share_timestamp_seconds{`+of+`} > 0)) < 86400))`, "{{worker}}"),
				},
				{
					kind: lines, title: "The largest", span: 12, height: 9, unit: hashrate, runbook: "LokaWorkerHashrateDropped",
					says:    "Hashrate of the 15 largest, by the shares of 10 minutes.",
					queries: q(`topk(15, max by (worker) (loka_worker_hashrate{`+of+`}))`, "{{worker}}"),
				},
				{
					kind: lines, title: "Those with most refused", span: 12, height: 9, unit: perSec, runbook: "LokaRejects",
					says:    "Refused shares a second of the 15 workers with most.",
					queries: q(`topk(15, sum by (worker) (rate(loka_worker_shares_rejected_total{`+of+`}[$__rate_interval])))`, "{{worker}}"),
				},
			}},
		},
	}
}
