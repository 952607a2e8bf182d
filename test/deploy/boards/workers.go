package boards

// workers says what miners do.
func workers() Board {
	return Board{
		Name: "workers", title: "Workers",
		says: "What miners do: how many there are, what they hand in, and why they leave.",
		rows: []row{
			{"Miners", []panel{
				{kind: lines, title: "Connected", span: 12, height: 8, unit: count, runbook: "miners_left",
					says: "Open connections of miners, those that have not logged in yet, and slots of pool connections that are in use.",
					queries: []query{
						{`sum(loka_miners_connected{` + of + `})`, "connected"},
						{`sum(loka_strangers_connected{` + of + `})`, "not logged in"},
						{`sum(loka_slots_in_use{` + of + `})`, "slots"},
					}},
				{kind: lines, title: "Come and go", span: 12, height: 8, unit: perSec,
					says: "Connections a second that were accepted, and that ended.",
					queries: []query{
						{`sum(rate(loka_connections_accepted_total{` + of + `}[$__rate_interval]))`, "accepted"},
						{`sum(rate(loka_connections_closed_total{` + of + `, side="downstream"}[$__rate_interval]))`, "ended"},
					}},
				{kind: bars, title: "Why they left, of the last hour", span: 12, height: 9, unit: count, hue: "blue",
					says:    "By reason, most first; REASONS.md says what each means and what to do.",
					queries: q(`topk(12, sum by (reason) (increase(loka_connections_closed_total{`+of+`, side="downstream"}[1h])))`, "{{reason}}")},
				{kind: lines, title: "Difficulty changes", span: 12, height: 9, unit: perSec,
					says:    "Changes a second of a miner's difficulty in shared mode. They settle within minutes of a start.",
					queries: q(`sum by (direction) (rate(loka_vardiff_changes_total{`+of+`}[$__rate_interval]))`, "{{direction}}")},
			}},
			{"Shares", []panel{
				{kind: lines, title: "Shares", span: 12, height: 8, unit: perSec, runbook: "no_shares",
					says:    "Accepted shares a second, by our own verdict.",
					queries: q(`sum(verdict:loka_shares:rate5m{`+of+`, verdict="accepted"})`, "accepted")},
				{kind: lines, title: "Refused shares", span: 12, height: 8, unit: perSec, runbook: "rejects",
					says:    "A second, by our own verdict.",
					queries: q(`sum by (verdict) (verdict:loka_shares:rate5m{`+of+`, verdict!="accepted"})`, "{{verdict}}")},
				{kind: lines, title: "Work for which there was no pool", span: 12, height: 8, unit: hashrate,
					says: "Work that miners did above the pool's difficulty while it climbed, and that the pool could not be paid for; and work of shares that belong to no pool.",
					queries: []query{
						{`sum by (pool) (rate(loka_work_not_submitted_total{` + of + `}[$__rate_interval])) * 2^32`, "{{pool}} not submitted"},
						{`sum(rate(loka_work_accepted_total{` + of + `, pool="(none)"}[$__rate_interval])) * 2^32`, "no pool"},
					}},
				{kind: lines, title: "Logins that were refused", span: 12, height: 8, unit: perSec,
					says:    "A second, by cause.",
					queries: q(`sum by (cause) (rate(loka_logins_refused_total{`+of+`}[$__rate_interval]))`, "{{cause}}")},
			}},
		},
	}
}
