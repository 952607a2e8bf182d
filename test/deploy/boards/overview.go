package boards

// of is the choice of instances in a query.
const of = `instance=~"$instance"`

// overview says in one look whether money is being lost.
func overview() Board {
	return Board{
		Name: "overview", title: "Overview",
		says: "Whether money is being lost, where and why.",
		rows: []row{
			{"Now", []panel{
				{
					kind: figure, title: "Hashrate", span: 4, height: 4, unit: hashrate, hue: "blue", runbook: "LokaFarmHashrateDropped",
					says:    "What the miners do, by our own check of every share, over 5 minutes.",
					queries: q(`sum(instance:loka_hashrate:rate5m{`+of+`})`, "hashrate"),
				},
				{
					kind: figure, title: "Paid hashrate", span: 4, height: 4, unit: hashrate, hue: "blue", runbook: "LokaPoolDiscrepancy",
					says:    "What pools have accepted, over 5 minutes. It swings more than ours where the pool's difficulty is high, and is the same over an hour.",
					queries: q(`sum(instance:loka_paid_hashrate:rate5m{`+of+`})`, "paid"),
				},
				{
					kind: figure, title: "Against its day", span: 4, height: 4, unit: ratio, warn: 0.9, bad: 0.7, runbook: "LokaFarmHashrateDropped",
					says:    "Hashrate now, against the mean of the last day. Below 70 % is an alert.",
					queries: q(`sum(instance:loka_hashrate:rate5m{`+of+`}) / sum(instance:loka_hashrate:avg1d{`+of+`})`, "of its day"),
				},
				{
					kind: figure, title: "Miners", span: 4, height: 4, unit: count, hue: "blue", runbook: "LokaMinersLeft",
					says:    "Open connections of miners.",
					queries: q(`sum(loka_miners_connected{`+of+`})`, "miners"),
				},
				{
					kind: figure, title: "Pools that serve", span: 4, height: 4, unit: ratio, warn: 1, bad: 0.5, runbook: "LokaPoolDown",
					says: "Part of the pools that serve work or could; those that are disabled are left out.",
					queries: q(`sum(loka_pool_up{`+of+`}) / (count(loka_pool_up{`+of+`}) - sum(loka_pool_state{`+of+`, state="disabled"}))`,
						"serve"),
				},
				{
					kind: figure, title: "Alerts", span: 4, height: 4, unit: count, warn: 1, bad: 3,
					says:    "Alerts of Prometheus that fire now; the table below has them.",
					queries: q(`count(ALERTS{alertstate="firing", alertname=~"Loka.*", `+of+`}) or vector(0)`, "firing"),
				},
			}},
			{"Money", []panel{
				{
					kind: figure, title: "Earned within a day", span: 6, height: 4, unit: satoshi, hue: "green",
					says:    "What the shares that pools accepted were expected to earn, of the last 24 hours.",
					queries: q(`sum(pool:loka_pool_value_satoshi:increase1d{`+of+`})`, "earned"),
				},
				{
					kind: figure, title: "Lost within a day", span: 6, height: 4, unit: ratio, warn: 0.005, bad: 0.02, runbook: "LokaMoneyLost",
					says: "What shares were expected to earn that nobody pays for, against all, of the last 24 hours. In dedicated mode our verdict is the pool's, and counts once.",
					queries: q(`sum(reason:loka_lost_satoshi:increase1d{`+of+`, reason!~"pool_.*"}) / sum(pool:loka_value_satoshi:increase1d{`+of+`})`,
						"lost here"),
				},
				{
					kind: figure, title: "Refused here", span: 6, height: 4, unit: ratio, warn: 0.01, bad: 0.03, runbook: "LokaRejects",
					says:    "Part of an hour's shares that our own check refused.",
					queries: q(`max(instance:loka_reject:ratio1h{`+of+`})`, "refused"),
				},
				{
					kind: figure, title: "Refused by the worst pool", span: 6, height: 4, unit: ratio, warn: 0.01, bad: 0.03, runbook: "LokaPoolRejects",
					says:    "Part of an hour's shares that the pool refused which refuses most.",
					queries: q(`max(pool:loka_reject:ratio1h{`+of+`})`, "refused"),
				},
				{
					kind: bars, title: "Lost within a day, by reason", span: 12, height: 8, unit: satoshi, hue: "orange", runbook: "LokaMoneyLost",
					says:    "In satoshi. pool_… is what the pool refused of what was valid here. REASONS.md says what each means and what to do.",
					queries: q(`topk(10, sum by (reason) (reason:loka_lost_satoshi:increase1d{`+of+`}))`, "{{reason}}"),
				},
				{
					kind: lines, title: "Earned an hour, by pool", span: 12, height: 8, unit: satoshi,
					says:    "What the pool's accepted shares were expected to earn, in satoshi an hour.",
					queries: q(`sum by (pool) (rate(loka_pool_value_satoshi_total{`+of+`}[$__rate_interval])) * 3600`, "{{pool}}"),
				},
			}},
			{"Hashrate and shares", []panel{
				{
					kind: lines, title: "Hashrate over time", span: 12, height: 9, unit: hashrate, runbook: "LokaFarmHashrateDropped",
					says: "By our own word, by the pools', and what is usual: the mean of a day.",
					queries: []query{
						{`sum(instance:loka_hashrate:rate5m{` + of + `})`, "by our word"},
						{`sum(instance:loka_paid_hashrate:rate5m{` + of + `})`, "by the pools'"},
						{`sum(instance:loka_hashrate:avg1d{` + of + `})`, "mean of a day"},
					},
				},
				{
					kind: stack, title: "Hashrate by pool", span: 12, height: 9, unit: hashrate, runbook: "LokaFailover",
					says:    "Where the work comes from that miners do. A switch is to be seen here.",
					queries: q(`sum by (pool) (pool:loka_hashrate:rate5m{`+of+`})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Shares that were refused here", span: 12, height: 8, unit: perSec, runbook: "LokaRejects",
					says:    "A second, by verdict. Single stale ones at a new block are usual.",
					queries: q(`sum by (verdict) (verdict:loka_shares:rate5m{`+of+`, verdict!="accepted"})`, "{{verdict}}"),
				},
				{
					kind: lines, title: "Shares that pools refused", span: 12, height: 8, unit: perSec, runbook: "LokaPoolRejects",
					says:    "A second, by verdict.",
					queries: q(`sum by (verdict) (verdict:loka_pool_shares:rate5m{`+of+`, verdict!="accepted"})`, "{{verdict}}"),
				},
			}},
			{"loka's own alerts", []panel{
				{
					kind: lines, title: "Own alerts that fire", span: 8, height: 8, unit: count, runbook: "LokaOwnCritical",
					says:    "Alerts of the rules in loka's own file, silenced or not. loka alerts list and the page say which.",
					queries: q(`sum by (severity) (loka_alerts_firing{`+of+`})`, "{{severity}}"),
				},
				{
					kind: states, title: "Sinks", span: 8, height: 8, unit: "none", runbook: "LokaSinkFailing", words: []word{{"1", "takes alerts", "green"}, {"0", "takes none", "red"}},
					says:    "Whether the last attempt to tell each place went well. Nobody hears of an alert where none does.",
					queries: q(`min by (instance, sink) (loka_alert_sink_up{`+of+`})`, "{{instance}} {{sink}}"),
				},
				{
					kind: lines, title: "Alerts that were not told", span: 8, height: 8, unit: count, runbook: "LokaSinkDropped",
					says: "Those that wait for a sink, attempts that went wrong within an hour, and those that were given up. Nothing is good.",
					queries: []query{
						{`sum by (sink) (loka_alert_sink_waiting{` + of + `})`, "{{sink}} waiting"},
						{`sum by (sink) (increase(loka_alert_sink_messages_total{` + of + `, result="failed"}[1h]))`, "{{sink}} failed"},
						{`sum by (sink) (increase(loka_alert_sink_dropped_total{` + of + `}[1h]))`, "{{sink}} given up"},
					},
				},
			}},
			{"Pools and alerts", []panel{
				{
					kind: states, title: "Pools", span: 12, height: 8, unit: "none", runbook: "LokaPoolDown", words: poolStates(),
					says:    "Each pool's state over time.",
					queries: q(poolState(of), "{{pool}}"),
				},
				{
					kind: grid, title: "Alerts that fire", span: 12, height: 8, unit: "none",
					says:    "Empty is good.",
					queries: q(`sum by (alertname, severity, instance, pool, reason, signal) (ALERTS{alertstate="firing", alertname=~"Loka.*", `+of+`})`, "Firing"),
				},
			}},
		},
	}
}

// poolState is a pool's state as a figure, which poolStates reads.
func poolState(selector string) string {
	s := func(state string) string { return `loka_pool_state{` + selector + `, state="` + state + `"}` }
	return "max by (pool) (6 * " + s("active") + " or 5 * " + s("standby") + " or 4 * " + s("connecting") +
		" or 3 * " + s("degraded") + " or 2 * " + s("down") + " or 1 * " + s("disabled") + ")"
}

func poolStates() []word {
	return []word{
		{"6", "active", "green"},
		{"5", "standby", "blue"},
		{"4", "connecting", "light-yellow"},
		{"3", "degraded", "orange"},
		{"2", "down", "red"},
		{"1", "disabled", "text"},
	}
}
