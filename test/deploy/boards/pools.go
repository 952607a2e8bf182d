package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// ofPool is the choice of instances and pools in a query.
const ofPool = of + `, pool=~"$pool"`

// by is the newest figure of a gauge by pool.
func by(metric string) string { return `max by (pool) (` + metric + `{` + ofPool + `})` }

// pools says what each pool does.
func pools() Board {
	return Board{
		Name: "pools", title: "Pools",
		says:      "What each pool does: whether it serves, how fast, and whether it pays for what it is sent.",
		variables: []cog.Builder[dashboard.VariableModel]{choice("pool", "Pool", `label_values(loka_pool_up{instance=~"$instance"}, pool)`)},
		rows: []row{
			{"Now", []panel{
				{
					kind: grid, title: "Pools", span: 24, height: 8, unit: "none",
					says:    "What each pool does now; hashrate over 5 minutes, what was refused and answers of the last 10 to 20.",
					columns: []string{hashrate, count, count, ratio, count, ratio, seconds, seconds, seconds, seconds},
					queries: []query{
						{`max by (pool) (pool:loka_paid_hashrate:rate5m{` + ofPool + `})`, "Paid hashrate"},
						{by("loka_pool_miners"), "Miners"},
						{by("loka_pool_connections"), "Connections"},
						{by("loka_pool_quality"), "Quality"},
						{by("loka_pool_difficulty"), "Difficulty"},
						{by("loka_pool_reject_ratio"), "Refused"},
						{by("loka_pool_submit_rtt_seconds"), "Answers in (median)"},
						{by("loka_pool_submit_rtt_p90_seconds"), "Answers in (p90)"},
						{by("loka_pool_block_delay_seconds"), "New blocks late by"},
						{`time() - max by (pool) (loka_pool_last_job_timestamp_seconds{` + ofPool + `} > 0)`, "Last job ago"},
					},
				},
				{
					kind: states, title: "State", span: 12, height: 8, unit: "none", runbook: "LokaPoolDown", words: poolStates(),
					says:    "Each pool's state over time.",
					queries: q(poolState(ofPool), "{{pool}}"),
				},
				{
					kind: states, title: "Signals", span: 12, height: 8, unit: "none", runbook: "LokaPoolSignal",
					words:   []word{{"0", "–", "transparent"}, {"1", "on", "red"}},
					says:    "What pools do that their operator should look at. CONFIG.md, Watching pools, says what each means.",
					queries: q(`max by (pool, signal) (loka_pool_signal{`+ofPool+`})`, "{{pool}} {{signal}}"),
				},
			}},
			{"Work", []panel{
				{
					kind: stack, title: "Paid hashrate", span: 12, height: 8, unit: hashrate,
					says:    "What each pool accepted, over 5 minutes.",
					queries: q(`sum by (pool) (pool:loka_paid_hashrate:rate5m{`+ofPool+`})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Miners", span: 12, height: 8, unit: count, runbook: "LokaFailover",
					says:    "Miners whose work comes from the pool. A switch is a step here.",
					queries: q(`sum by (pool) (loka_pool_miners{`+ofPool+`})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Refused", span: 8, height: 8, unit: ratio, warn: 0.01, bad: 0.03, runbook: "LokaPoolRejects",
					says:    "Part of an hour's shares that the pool refused.",
					queries: q(`max by (pool) (pool:loka_reject:ratio1h{`+ofPool+`})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Work that was not accepted", span: 8, height: 8, unit: ratio, warn: 0.01, bad: 0.02, runbook: "LokaPoolDiscrepancy",
					says:    "Part of the work of an hour that the pool was sent and did not accept.",
					queries: q(`max by (pool) (pool:loka_unpaid_work:ratio1h{`+ofPool+`})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Refused, and valid here", span: 8, height: 8, unit: perSec, runbook: "LokaRefusedValid",
					says:    "Shares a second that the pool refused though they are valid by our own check and no race explains it.",
					queries: q(`sum by (pool, verdict) (rate(loka_pool_discrepancies_total{`+ofPool+`}[$__rate_interval]))`, "{{pool}} {{verdict}}"),
				},
				{
					kind: lines, title: "Shares by the pool's verdict", span: 12, height: 8, unit: perSec, runbook: "LokaPoolRejects",
					says:    "Shares a second that the pool did not accept, by its verdict.",
					queries: q(`sum by (pool, verdict) (rate(loka_pool_shares_total{`+ofPool+`, verdict!="accepted"}[$__rate_interval]))`, "{{pool}} {{verdict}}"),
				},
				{
					kind: lines, title: "Lost at pools", span: 12, height: 8, unit: satoshi, runbook: "LokaPoolMoneyLost",
					says:    "What shares were expected to earn that the pool did not pay for, in satoshi an hour.",
					queries: q(`sum by (pool, reason) (rate(loka_lost_satoshi_total{`+ofPool+`, reason=~"pool_.*|not_submitted"}[$__rate_interval])) * 3600`, "{{pool}} {{reason}}"),
				},
				{
					kind: lines, title: "Difficulty", span: 12, height: 8, unit: count,
					says:    "The pool's difficulty at its last job.",
					queries: q(by("loka_pool_difficulty"), "{{pool}}"),
				},
				{
					kind: lines, title: "Blocks that were to be expected", span: 12, height: 8, unit: count,
					says: "Of all shares since the start; and what was found.",
					queries: []query{
						{`sum by (pool) (loka_blocks_expected_total{` + ofPool + `})`, "{{pool}} expected"},
						{`sum by (pool) (loka_blocks_found_total{` + ofPool + `})`, "{{pool}} found"},
					},
				},
			}},
			{"Speed", []panel{
				{
					kind: lines, title: "Answers to shares", span: 8, height: 8, unit: seconds, warn: 0.5, bad: 2, runbook: "LokaPoolSlow",
					says: "Time to the pool's answer, median and 90th percentile of 10 to 20 minutes; 0 where nothing was answered.",
					queries: []query{
						{by("loka_pool_submit_rtt_seconds"), "{{pool}} median"},
						{by("loka_pool_submit_rtt_p90_seconds"), "{{pool}} p90"},
					},
				},
				{
					kind: lines, title: "New blocks late by", span: 8, height: 8, unit: seconds, warn: 2, bad: 5, runbook: "LokaPoolLateBlocks",
					says:    "How much later than the first pool this one gave work on a new block, mean of the latest 16.",
					queries: q(by("loka_pool_block_delay_seconds"), "{{pool}}"),
				},
				{
					kind: lines, title: "On another block", span: 8, height: 8, unit: seconds, runbook: "LokaPoolSignal",
					says: "For how long at a time the pool worked on an old block, or on one that no other pool knew.",
					queries: []query{
						{by("loka_pool_tip_lag_seconds"), "{{pool}} behind"},
						{by("loka_pool_tip_alone_seconds"), "{{pool}} alone"},
					},
				},
				{
					kind: lines, title: "Jobs", span: 8, height: 8, unit: "cpm", runbook: "LokaPoolQuiet",
					says:    "Jobs of the pool that were passed on to miners, a minute.",
					queries: q(`sum by (pool) (rate(loka_jobs_total{`+ofPool+`}[$__rate_interval])) * 60`, "{{pool}}"),
				},
				{
					kind: lines, title: "Time to connect", span: 8, height: 8, unit: seconds,
					says:    "Median of the latest 16 connections.",
					queries: q(by("loka_pool_connect_rtt_seconds"), "{{pool}}"),
				},
				{
					kind: lines, title: "Quality", span: 8, height: 8, unit: ratio, max: 1, warn: 0.9, bad: 0.5, runbook: "LokaPoolDegraded",
					says:    "How well the pool serves, by all that is measured of it.",
					queries: q(by("loka_pool_quality"), "{{pool}}"),
				},
			}},
			{"Connections", []panel{
				{
					kind: lines, title: "Connections", span: 8, height: 8, unit: count,
					says:    "Open connections to the pool, the one that watches it included.",
					queries: q(`sum by (pool) (loka_pool_connections{`+ofPool+`})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Lost connections and silences", span: 8, height: 8, unit: count, runbook: "LokaPoolDegraded",
					says: "Of the last 10 to 20 minutes.",
					queries: []query{
						{by("loka_pool_disconnects"), "{{pool}} disconnects"},
						{by("loka_pool_silences"), "{{pool}} silences"},
					},
				},
				{
					kind: lines, title: "Ended connections, by reason", span: 8, height: 8, unit: perSec,
					says:    "Of all pools together, a second; those that never happened are left out. REASONS.md says what each means.",
					queries: q(`sum by (reason) (rate(loka_connections_closed_total{`+of+`, side="upstream"}[$__rate_interval]) > 0)`, "{{reason}}"),
				},
				{
					kind: states, title: "Breakers", span: 8, height: 8, unit: "none", runbook: "LokaPoolDown",
					words:   []word{{"0", "closed", "green"}, {"1", "half open", "yellow"}, {"2", "open", "red"}},
					says:    "Closed lets connections be made, open does not, half open lets one try.",
					queries: q(`max by (pool) (2 * loka_pool_breaker_state{`+ofPool+`, state="open"} or loka_pool_breaker_state{`+ofPool+`, state="half_open"})`, "{{pool}}"),
				},
				{
					kind: lines, title: "Requests to reconnect elsewhere", span: 8, height: 8, unit: count, runbook: "LokaPoolReconnectRefused",
					says:    "Of the last hour, by what became of them.",
					queries: q(`sum by (pool, outcome) (increase(loka_pool_reconnects_total{`+ofPool+`}[1h]))`, "{{pool}} {{outcome}}"),
				},
				{
					kind: lines, title: "Lines that make no sense", span: 8, height: 8, unit: perSec,
					says: "Malformed lines, answers that came late, and answers that came twice, a second.",
					queries: []query{
						{`sum by (pool) (rate(loka_pool_bad_lines_total{` + ofPool + `}[$__rate_interval]))`, "{{pool}} malformed"},
						{`sum by (pool) (rate(loka_pool_late_answers_total{` + ofPool + `}[$__rate_interval]))`, "{{pool}} late"},
						{`sum by (pool) (rate(loka_pool_answered_twice_total{` + ofPool + `}[$__rate_interval]))`, "{{pool}} twice"},
					},
				},
			}},
		},
	}
}
