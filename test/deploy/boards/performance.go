package boards

// job is the choice of this program's own series of its runtime.
const job = `job="loka", ` + of

// performance says how long miners wait, and what loka costs.
func performance() Board {
	return Board{
		Name: "performance", title: "Performance",
		says: "How long shares and jobs take, and what the program costs its machine.",
		rows: []row{
			{"Shares and jobs", []panel{
				{
					kind: lines, title: "Shares", span: 12, height: 8, unit: seconds, warn: 0.25, bad: 1, runbook: "LokaSharesSlow",
					says: "Time from a share's line to its verdict. In dedicated mode the pool's answer is part of it.",
					queries: []query{
						{`max(instance:loka_share_duration_seconds:p50_5m{` + of + `})`, "median"},
						{`max(instance:loka_share_duration_seconds:p99_5m{` + of + `})`, "p99"},
					},
				},
				{
					kind: lines, title: "Jobs", span: 12, height: 8, unit: seconds, warn: 0.25, bad: 1, runbook: "LokaFanoutSlow",
					says: "Time from the last byte of a pool's job to the last write on a miner's socket.",
					queries: []query{
						{`max(instance:loka_job_fanout_seconds:p50_5m{` + of + `})`, "median"},
						{`max(instance:loka_job_fanout_seconds:p99_5m{` + of + `})`, "p99"},
					},
				},
				{
					kind: heat, title: "Shares, all of them", span: 12, height: 8, unit: seconds,
					says:    "How many shares took how long.",
					queries: q(`sum by (le) (increase(loka_share_duration_seconds_bucket{`+of+`}[$__rate_interval]))`, "{{le}}"),
				},
				{
					kind: heat, title: "Jobs, all of them", span: 12, height: 8, unit: seconds,
					says:    "How many jobs took how long to the last miner.",
					queries: q(`sum by (le) (increase(loka_job_fanout_seconds_bucket{`+of+`}[$__rate_interval]))`, "{{le}}"),
				},
			}},
			{"Each step of the way", []panel{
				{
					kind: lines, title: "A share's steps, p99", span: 12, height: 10, unit: seconds, runbook: "LokaSharesSlow",
					says:    "99 in 100 shares took at most so long for each step; the profile (/api/v1/profile) says what each is. pool is the pool's answer.",
					queries: q(`max by (step) (step:loka_step_duration_seconds:p99_5m{`+of+`, walk="share"})`, "{{step}}"),
				},
				{
					kind: lines, title: "A job's steps, p99", span: 12, height: 10, unit: seconds, runbook: "LokaFanoutSlow",
					says:    "99 in 100 jobs took at most so long for each step; last_write is from the pool's line to the last miner of a group.",
					queries: q(`max by (step) (step:loka_step_duration_seconds:p99_5m{`+of+`, walk="job"})`, "{{step}}"),
				},
				{
					kind: bars, title: "A share's steps, median", span: 12, height: 10, unit: seconds, hue: "blue",
					says:    "Half of the shares took at most so long for each step, of the last 5 minutes.",
					queries: q(`max by (step) (step:loka_step_duration_seconds:p50_5m{`+of+`, walk="share"} >= 0)`, "{{step}}"),
				},
				{
					kind: bars, title: "A job's steps, median", span: 12, height: 10, unit: seconds, hue: "blue",
					says:    "Half of the jobs took at most so long for each step, of the last 5 minutes.",
					queries: q(`max by (step) (step:loka_step_duration_seconds:p50_5m{`+of+`, walk="job"} >= 0)`, "{{step}}"),
				},
			}},
			{"The process", []panel{
				{
					kind: lines, title: "Processor", span: 8, height: 8, unit: "none",
					says:    "Processors in use: 1 is one, all the time.",
					queries: q(`rate(process_cpu_seconds_total{`+job+`}[$__rate_interval])`, "{{instance}}"),
				},
				{
					kind: lines, title: "Processor for a share", span: 8, height: 8, unit: seconds,
					says: "Processor time that went by for each share, with all else that loka does.",
					queries: q(`rate(process_cpu_seconds_total{`+job+`}[$__rate_interval]) / on (instance) sum by (instance) (rate(loka_shares_total{`+of+`}[$__rate_interval]))`,
						"{{instance}}"),
				},
				{
					kind: lines, title: "Memory", span: 8, height: 8, unit: bytes, runbook: "LokaMemoryGrows",
					says: "What the machine gives the process, and what of that is live Go memory and stacks.",
					queries: []query{
						{`process_resident_memory_bytes{` + job + `}`, "{{instance}} resident"},
						{`go_memstats_heap_inuse_bytes{` + job + `}`, "{{instance}} heap"},
						{`go_memstats_stack_inuse_bytes{` + job + `}`, "{{instance}} stacks"},
					},
				},
				{
					kind: lines, title: "Descriptors", span: 8, height: 8, unit: ratio, max: 1, warn: 0.6, bad: 0.8, runbook: "LokaFilesHigh",
					says:    "Part of the descriptors that it may have. Each connection is one.",
					queries: q(`process_open_fds{`+job+`} / process_max_fds{`+job+`}`, "{{instance}}"),
				},
				{
					kind: lines, title: "Goroutines", span: 8, height: 8, unit: count,
					says:    "About one a connection, and two for one with TLS.",
					queries: q(`go_goroutines{`+job+`}`, "{{instance}}"),
				},
				{
					kind: lines, title: "Garbage collection", span: 8, height: 8, unit: seconds,
					says: "The longest pause lately; and how much was spent a second.",
					queries: []query{
						{`max by (instance) (go_gc_duration_seconds{` + job + `, quantile=~"1|1.0"})`, "{{instance}} longest"},
						{`rate(go_gc_duration_seconds_sum{` + job + `}[$__rate_interval])`, "{{instance}} a second"},
					},
				},
			}},
			{"Sockets and queues", []panel{
				{
					kind: lines, title: "Bytes", span: 12, height: 8, unit: byteRate,
					says: "Read and written, by side: downstream are miners, upstream pools.",
					queries: []query{
						{`sum by (side) (rate(loka_received_bytes_total{` + of + `}[$__rate_interval]))`, "{{side}} read"},
						{`sum by (side) (rate(loka_sent_bytes_total{` + of + `}[$__rate_interval]))`, "{{side}} written"},
					},
				},
				{
					kind: lines, title: "Lines", span: 12, height: 8, unit: perSec,
					says: "Lines a second, by side.",
					queries: []query{
						{`sum by (side) (rate(loka_received_lines_total{` + of + `}[$__rate_interval]))`, "{{side}} read"},
						{`sum by (side) (rate(loka_sent_lines_total{` + of + `}[$__rate_interval]))`, "{{side}} written"},
					},
				},
				{
					kind: lines, title: "Connections that are behind", span: 8, height: 8, unit: count, runbook: "LokaSlowConsumers",
					says:    "Whose peer has not taken all that it was sent: lines wait for it.",
					queries: q(`sum by (side) (loka_connections_slow{`+of+`})`, "{{side}}"),
				},
				{
					kind: lines, title: "Lines that were not sent", span: 8, height: 8, unit: perSec, runbook: "LokaSlowConsumers",
					says: "Lines that a newer one made needless while they waited, and lines that the end of a connection left unsent.",
					queries: []query{
						{`sum by (side) (rate(loka_superseded_lines_total{` + of + `}[$__rate_interval]))`, "{{side}} superseded"},
						{`sum by (side) (rate(loka_dropped_lines_total{` + of + `}[$__rate_interval]))`, "{{side}} unsent"},
					},
				},
				{
					kind: lines, title: "Waiting to be stored", span: 4, height: 8, unit: bytes, runbook: "LokaJournalBacklog",
					says:    "What the journal has and the store has not yet.",
					queries: q(`sum by (instance) (loka_journal_backlog_bytes{`+of+`})`, "{{instance}}"),
				},
				{
					kind: lines, title: "In memory only", span: 4, height: 8, unit: count, runbook: "LokaJournalFailing",
					says:    "What happened and is not on the disk yet: half a second's worth where all is well.",
					queries: q(`sum by (instance) (loka_journal_pending_events{`+of+`})`, "{{instance}}"),
				},
				{
					kind: lines, title: "Waiting for miners, books and pools", span: 12, height: 8, unit: count,
					says: "Works on their way and miners that wait for one, shares that wait to be booked, shares that a pool has not answered.",
					queries: []query{
						{`sum(loka_fanout_works_waiting{` + of + `})`, "works"},
						{`sum(loka_fanout_miners_waiting{` + of + `})`, "miners"},
						{`sum(loka_ledger_entries_waiting{` + of + `})`, "to be booked"},
						{`sum(loka_shares_due{` + of + `})`, "unanswered"},
					},
				},
				{
					kind: lines, title: "Waiting to be accepted", span: 12, height: 8, unit: count, runbook: "LokaListenOverflows",
					says: "Connections that the kernel has made and loka has not accepted yet, and how many it keeps; and how many were dropped within ten minutes, of all programs.",
					queries: []query{
						{`sum by (listener) (loka_listen_queue_connections{` + of + `})`, "{{listener}}"},
						{`min(loka_listen_queue_limit{` + of + `})`, "limit"},
						{`sum(increase(loka_listen_overflows_total{` + of + `}[10m]))`, "dropped"},
					},
				},
			}},
		},
	}
}
