package boards

// security says who is at the door, and what is done about it.
func security() Board {
	return Board{
		Name: "security", title: "Security",
		says: "Who is at the door, what is refused and why, and who is banned.",
		rows: []row{
			{"The door", []panel{
				{
					kind: lines, title: "Newcomers", span: 8, height: 8, unit: perSec,
					says:    "Sockets accepted a second.",
					queries: q(`sum by (instance) (rate(loka_connections_accepted_total{`+of+`}[$__rate_interval]))`, "{{instance}}"),
				},
				{
					kind: lines, title: "Strangers", span: 8, height: 8, unit: count, runbook: "LokaConnectionsWait",
					says: "Connections that have not logged in yet, and those that wait for their turn to begin.",
					queries: []query{
						{`sum by (instance) (loka_strangers_connected{` + of + `})`, "{{instance}} not logged in"},
						{`sum by (instance) (loka_connections_waiting{` + of + `})`, "{{instance}} waiting"},
					},
				},
				{
					kind: lines, title: "Memory of strangers", span: 8, height: 8, unit: bytes, runbook: "LokaStrangersFlood",
					says:    "What they may come to hold, at the most access.strangers_memory.",
					queries: q(`sum by (instance) (loka_strangers_memory_bytes{`+of+`})`, "{{instance}}"),
				},
				{
					kind: lines, title: "Who waits for the processor", span: 12, height: 8, unit: count,
					says:    "Connections to accept, handshakes, strangers and miners that say too much (loud) share half of the processors, and wait here for their turn; shares do not wait for them.",
					queries: q(`sum by (kind) (loka_turns_waiting{`+of+`})`, "{{kind}}"),
				},
				{
					kind: lines, title: "How long they wait together", span: 12, height: 8, unit: seconds,
					says:    "Seconds of waiting a second: 1 is that one of them waited all the time, or ten of them a tenth of it.",
					queries: q(`sum by (kind) (rate(loka_turns_waited_seconds_total{`+of+`}[$__rate_interval]))`, "{{kind}}"),
				},
				{
					kind: lines, title: "Turned away", span: 12, height: 8, unit: perSec, runbook: "LokaNewcomersRefused",
					says: "Connections a second that were ended at the door, by reason.",
					queries: q(`sum by (reason) (rate(loka_connections_closed_total{`+of+
						`, reason=~"gave_way|max_.*|access_denied|banned|paused|first_byte_timeout|handshake_timeout|authorize_timeout|unknown_protocol|http_request|proxy_header_.*|tls_.*"}[$__rate_interval]))`, "{{reason}}"),
				},
				{
					kind: lines, title: "Errors of accepting", span: 12, height: 8, unit: perSec, runbook: "LokaAcceptErrors",
					says:    "A second. Mostly too few descriptors.",
					queries: q(`sum by (instance) (rate(loka_accept_errors_total{`+of+`}[$__rate_interval]))`, "{{instance}}"),
				},
			}},
			{"Misbehaviour", []panel{
				{
					kind: lines, title: "Ended for misbehaviour", span: 12, height: 8, unit: perSec, runbook: "LokaMisbehaviour",
					says: "Connections a second, by reason.",
					queries: q(`sum by (reason) (rate(loka_connections_closed_total{`+of+
						`, side="downstream", reason=~"misbehaved|login_refused|too_many_errors|line_too_long|nul_byte|.*_denied"}[$__rate_interval]))`, "{{reason}}"),
				},
				{
					kind: lines, title: "Answers to misbehaviour", span: 12, height: 8, unit: perSec, runbook: "LokaMisbehaviour",
					says:    "Connections a second whose score has come to a threshold.",
					queries: q(`sum by (response) (rate(loka_threat_responses_total{`+of+`}[$__rate_interval]))`, "{{response}}"),
				},
				{
					kind: lines, title: "Refused requests", span: 12, height: 8, unit: perSec,
					says:    "A second, by the middleware that refused.",
					queries: q(`sum by (middleware) (rate(loka_requests_refused_total{`+of+`}[$__rate_interval]))`, "{{middleware}}"),
				},
				{
					kind: lines, title: "Held by the rate limit", span: 12, height: 8, unit: perSec,
					says:    "Lines a second after which a connection was held for a while.",
					queries: q(`sum by (kind) (rate(loka_lines_held_total{`+of+`}[$__rate_interval]))`, "{{kind}}"),
				},
			}},
			{"Bans", []panel{
				{
					kind: lines, title: "In force", span: 8, height: 8, unit: count, runbook: "LokaBans",
					says:    "Bans and pauses, by who made them.",
					queries: q(`sum by (cause, kind) (loka_bans{`+of+`})`, "{{kind}} by {{cause}}"),
				},
				{
					kind: lines, title: "Made, of the last hour", span: 8, height: 8, unit: count, runbook: "LokaBans",
					says:    "loka ban list says whom, why and until when.",
					queries: q(`sum by (cause, kind) (increase(loka_bans_added_total{`+of+`}[1h]))`, "{{kind}} by {{cause}}"),
				},
				{
					kind: lines, title: "Not kept yet", span: 8, height: 8, unit: count, runbook: "LokaBansUnkept",
					says: "Changes that wait for the store, and bans that ended early because there were too many.",
					queries: []query{
						{`sum(loka_bans_unkept{` + of + `})`, "waiting for the store"},
						{`sum(increase(loka_bans_overflow_total{` + of + `}[1h]))`, "ended early, of the last hour"},
					},
				},
			}},
			{"Logins, certificates, API", []panel{
				{
					kind: lines, title: "Logins that were refused", span: 8, height: 8, unit: perSec,
					says:    "A second, by cause.",
					queries: q(`sum by (cause) (rate(loka_logins_refused_total{`+of+`}[$__rate_interval]))`, "{{cause}}"),
				},
				{
					kind: figure, title: "Certificates end in", span: 8, height: 8, unit: seconds, warn: 14 * 86400, bad: 86400, runbook: "LokaCertificateExpires",
					says:    "What miners are shown, by listener and kind of key; – where no listener has TLS.",
					queries: q(`min by (listener, kind) (loka_tls_certificate_expiry_timestamp_seconds{`+of+`}) - time()`, "{{listener}} {{kind}}"),
				},
				{
					kind: lines, title: "Refused requests to the API", span: 8, height: 8, unit: perSec, runbook: "LokaTokensGuessed",
					says:    "A second, by reason.",
					queries: q(`sum by (reason) (rate(loka_http_refused_total{`+of+`}[$__rate_interval]))`, "{{reason}}"),
				},
			}},
		},
	}
}
