package metrics

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type fakeSource struct {
	miners, slots int
	ready         bool
	pools         []view.PoolState
	books         *ledger.Ledger
	keeping       view.Keeping
}

func (s *fakeSource) Connected() int               { return s.miners }
func (s *fakeSource) SlotsInUse() int              { return s.slots }
func (s *fakeSource) Ready() bool                  { return s.ready }
func (s *fakeSource) PoolStates() []view.PoolState { return s.pools }
func (s *fakeSource) Keeping() view.Keeping        { return s.keeping }
func (s *fakeSource) PoolBooks() []ledger.Pool     { return s.books.Pools(epoch) }

func newMetrics(t *testing.T) (*Metrics, *fakeSource) {
	t.Helper()
	source := &fakeSource{books: ledger.New(ledger.Config{}, epoch), pools: []view.PoolState{{Name: "main"}, {Name: "backup"}}}
	m, err := New(Config{Version: "1.2.3", Pools: []string{"main", "backup"}, Source: source, Certificates: certificates, Routes: farmRoute, Queues: someQueues, Alerts: someAlerts, Health: someHealth})
	if err != nil {
		t.Fatal(err)
	}
	return m, source
}

func farmRoute() []view.Route {
	return []view.Route{{Name: "farm", Miners: 7, Unpaid: 2, Ready: true, Connections: 3, Shares: view.Shares{WorkAccepted: 512, PoolWorkAccepted: 256}}}
}

func someQueues() Queues {
	return Queues{
		FanoutWorks: 1, FanoutMiners: 2, LedgerEntries: 3, LedgerHelped: 4, SharesDue: 5,
		Listeners: []ListenQueue{{"127.0.0.1:0", 1, 128}, {"127.0.0.1:0", 2, 64}, {"127.0.0.1:0", 0, 32}, {"0.0.0.0:3333", 6, 4096}}, ListenFull: 7, ListenDropped: 8,
		Turns: []TurnQueue{{"accept", 0, 0}, {"handshake", 9, 1500 * time.Millisecond}, {"loud", 0, 0}, {"stranger", 0, 0}},
	}
}

// What is read of routes and queues is told.
func TestRoutesAndQueues(t *testing.T) {
	m, _ := newMetrics(t)
	body, _ := scrape(t, m, "")
	for series, want := range map[string]string{
		`loka_route_miners{route="farm"}`: "7", `loka_route_unpaid_miners{route="farm"}`: "2", `loka_route_ready{route="farm"}`: "1",
		`loka_route_connections{route="farm"}`: "3", `loka_route_work_accepted_total{route="farm"}`: "512", `loka_route_pool_work_accepted_total{route="farm"}`: "256",
		"loka_fanout_works_waiting": "1", "loka_fanout_miners_waiting": "2", "loka_ledger_entries_waiting": "3", "loka_ledger_queue_full_total": "4",
		"loka_shares_due": "5", `loka_listen_queue_connections{listener="0.0.0.0:3333"}`: "6", `loka_listen_queue_limit{listener="0.0.0.0:3333"}`: "4096",
		`loka_listen_queue_connections{listener="127.0.0.1:0"}`: "2", `loka_listen_queue_limit{listener="127.0.0.1:0"}`: "64", // the fuller of several
		"loka_listen_overflows_total": "7", "loka_listen_drops_total": "8", `loka_turns_waiting{kind="handshake"}`: "9", `loka_turns_waited_seconds_total{kind="handshake"}`: "1.5",
		`loka_connections_slow{side="downstream"}`: "0",
	} {
		if got := value(t, body, series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
}

func scrape(t *testing.T, m *Metrics, accept string) (body, contentType string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	data, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d, %v: %s", w.Code, err, data)
	}
	return string(data), w.Header().Get("Content-Type")
}

// value finds one series in an exposition.
func value(t *testing.T, body, series string) string {
	t.Helper()
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Errorf("no series %s", series)
	return ""
}

// TestEverySeriesAtTheStart: the contract's names, and every bounded label
// value, are there before anything has happened.
func TestEverySeriesAtTheStart(t *testing.T) {
	m, _ := newMetrics(t)
	body, _ := scrape(t, m, "")
	want := []string{
		"loka_miners_connected", "loka_ready",
		"loka_job_fanout_seconds_count", "loka_share_duration_seconds_count", `loka_job_fanout_seconds_bucket{le="+Inf"}`,
		"loka_connections_accepted_total", "loka_accept_errors_total",
		`loka_vardiff_changes_total{direction="up"}`, `loka_vardiff_changes_total{direction="down"}`, "loka_slots_in_use",
	}
	for _, pool := range []string{"main", "backup"} {
		for _, name := range []string{
			"pool_connections", "pool_up", "work_accepted_total", "jobs_total", "pool_rtt_seconds",
			"pool_work_accepted_total", "pool_difficulty", "pool_last_job_timestamp_seconds", "pool_bad_lines_total", "pool_late_answers_total",
			"work_not_submitted_total", "pool_miners",
			"pool_connect_rtt_seconds", "pool_submit_rtt_seconds", "pool_submit_rtt_p90_seconds", "pool_reject_ratio",
			"pool_block_delay_seconds", "pool_tip_lag_seconds", "pool_tip_alone_seconds", "pool_silences", "pool_disconnects",
		} {
			want = append(want, "loka_"+name+`{pool="`+pool+`"}`)
		}
		for _, k := range watch.Kinds() {
			want = append(want, `loka_pool_signal{pool="`+pool+`",signal="`+string(k)+`"}`)
		}
		for _, verdict := range []string{"stale", "duplicate", "low_difficulty", "job_not_found", "invalid", "unauthorized"} {
			want = append(want, `loka_pool_discrepancies_total{pool="`+pool+`",verdict="`+verdict+`"}`)
		}
		for _, verdict := range []string{"accepted", "stale", "duplicate", "low_difficulty", "job_not_found", "invalid", "unauthorized", "unpaid", "unanswered"} {
			want = append(want,
				`loka_shares_total{pool="`+pool+`",verdict="`+verdict+`"}`,
				`loka_pool_shares_total{pool="`+pool+`",verdict="`+verdict+`"}`)
		}
	}
	for _, side := range []mining.Side{mining.Downstream, mining.Upstream} {
		for _, reason := range mining.Reasons(side) {
			want = append(want, `loka_connections_closed_total{reason="`+string(reason)+`",side="`+string(side)+`"}`)
		}
		for _, name := range []string{"received_bytes", "sent_bytes", "received_lines", "sent_lines", "superseded_lines", "dropped_lines"} {
			want = append(want, "loka_"+name+`_total{side="`+string(side)+`"}`)
		}
	}
	for _, series := range want {
		if got := value(t, body, series); got != "0" {
			t.Errorf("%s is %q at the start", series, got)
		}
	}
	for _, pool := range []string{"main", "backup"} {
		if got := value(t, body, `loka_pool_quality{pool="`+pool+`"}`); got != "1" {
			t.Errorf("the quality of %s is %q at the start", pool, got)
		}
	}
	if !regexp.MustCompile(`(?m)^loka_build_info\{go="go[^"]+",version="1\.2\.3"\} 1$`).MatchString(body) {
		t.Error("no build_info")
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		value(t, body, name)
	}
}

func TestLint(t *testing.T) {
	m, _ := newMetrics(t)
	problems, err := testutil.GatherAndLint(prometheus.Gatherers{m.registry, withWorkers(t, WorkerSeries{On: true, Most: 1}, brief("alice", 1, 1)).workers})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, namespace+"_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestPromtool asks Prometheus' own tool, where it is installed.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: promtool is not installed (make promtool): the exposition was checked by promlint only (TestLint)")
	}
	m := withWorkers(t, WorkerSeries{On: true, Most: 2}, brief("alice.rig1", 1e12, 1), brief(`odd"\\ one`, 0, 2))
	m.Wire(mining.Upstream).BytesIn.Add(100)
	body, _ := scrape(t, m, "")
	if len(names(t, body)) != 2 {
		t.Fatal("it is not all that is looked at")
	}
	cmd := exec.CommandContext(t.Context(), tool, "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCountersCount(t *testing.T) {
	m, source := newMetrics(t)
	source.miners, source.slots, source.ready = 7, 5, true
	measured := quality.Report{
		Known: true, Score: 0.75, Connect: 500 * time.Millisecond, Submit: 250 * time.Millisecond, SubmitP90: 2 * time.Second,
		Answers: 8, Rejects: map[mining.Verdict]uint64{mining.Stale: 1, mining.Unanswered: 1}, BlockDelay: 1500 * time.Millisecond, Blocks: 3, Behind: 30 * time.Second, Alone: 10 * time.Minute, Silences: 4, Disconnects: 5,
	}
	source.pools = []view.PoolState{
		{Name: "main", State: view.PoolActive, Connections: 8, Miners: 700, Difficulty: 1024, LastJobAt: epoch, WorkNotSubmitted: 0.5, Quality: measured},
		{Name: "backup", State: view.PoolDown},
		{Name: "somebody", State: view.PoolActive},
	}
	main := source.books.Pool("main", epoch)
	source.books.Record(ledger.Entry{Pool: main, Verdict: mining.Accepted, PoolVerdict: mining.Stale, Difficulty: 512, At: epoch})
	source.books.Record(ledger.Entry{Pool: main, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 512, PoolDifficulty: 1024, At: epoch})
	source.books.Record(ledger.Entry{Verdict: mining.Unauthorized, At: epoch})
	source.books.Record(ledger.Entry{Pool: source.books.Pool("somebody", epoch), Verdict: mining.Accepted, At: epoch})

	m.Pool("main").Jobs.Inc()
	m.Pool("main").BadLines.Inc()
	m.Pool("backup").Late.Inc()
	m.Pool("main").RTT.Observe(0.25)
	m.Pool("main").RTT.Observe(0.125)
	m.Pool("somebody").Jobs.Inc() // counts nowhere
	m.Pool("somebody").RTT.Observe(1)
	m.Pool("main").Discrepancies(mining.LowDifficulty).Inc()
	m.Pool("main").Discrepancies(mining.Accepted).Inc() // is no refusal
	m.Pool("somebody").Discrepancies(mining.Stale).Inc()
	m.Pool("somebody").Reconnects(dial.Followed).Inc()
	m.VardiffUp.Inc()
	m.Wire(mining.Upstream).BytesIn.Add(100)
	m.Closed(mining.Downstream, mining.SlowConsumer).Inc()
	m.Closed(mining.Downstream, "no such reason").Inc()
	m.Closed(mining.Upstream, mining.HTTPRequest).Inc() // of the other side
	m.Refused("validate", mining.Authorize).Inc()
	m.Refused("somebody", mining.Authorize).Inc()
	m.JobFanout.Observe(0.001)
	m.Accepted.Inc()

	body, _ := scrape(t, m, "")
	for series, want := range map[string]string{
		"loka_miners_connected":                                                    "7",
		"loka_ready":                                                               "1",
		`loka_pool_up{pool="main"}`:                                                "1",
		`loka_pool_up{pool="backup"}`:                                              "0",
		`loka_pool_connections{pool="main"}`:                                       "8",
		`loka_pool_miners{pool="main"}`:                                            "700",
		`loka_pool_quality{pool="main"}`:                                           "0.75",
		`loka_pool_quality{pool="backup"}`:                                         "1",
		`loka_pool_connect_rtt_seconds{pool="main"}`:                               "0.5",
		`loka_pool_submit_rtt_seconds{pool="main"}`:                                "0.25",
		`loka_pool_submit_rtt_p90_seconds{pool="main"}`:                            "2",
		`loka_pool_reject_ratio{pool="main"}`:                                      "0.25",
		`loka_pool_block_delay_seconds{pool="main"}`:                               "1.5",
		`loka_pool_tip_lag_seconds{pool="main"}`:                                   "30",
		`loka_pool_tip_alone_seconds{pool="main"}`:                                 "600",
		`loka_pool_silences{pool="main"}`:                                          "4",
		`loka_pool_disconnects{pool="main"}`:                                       "5",
		`loka_pool_discrepancies_total{pool="main",verdict="low_difficulty"}`:      "1",
		`loka_pool_discrepancies_total{pool="main",verdict="invalid"}`:             "1",
		`loka_work_not_submitted_total{pool="main"}`:                               "0.5",
		`loka_vardiff_changes_total{direction="up"}`:                               "1",
		`loka_slots_in_use`:                                                        "5",
		`loka_pool_difficulty{pool="main"}`:                                        "1024",
		`loka_pool_last_job_timestamp_seconds{pool="main"}`:                        "1.767323045e+09",
		`loka_shares_total{pool="main",verdict="accepted"}`:                        "2",
		`loka_shares_total{pool="(none)",verdict="unauthorized"}`:                  "1",
		`loka_pool_shares_total{pool="main",verdict="accepted"}`:                   "1",
		`loka_pool_shares_total{pool="main",verdict="stale"}`:                      "1",
		`loka_work_accepted_total{pool="main"}`:                                    "1024",
		`loka_pool_work_accepted_total{pool="main"}`:                               "1024",
		`loka_jobs_total{pool="main"}`:                                             "1",
		`loka_pool_bad_lines_total{pool="main"}`:                                   "1",
		`loka_pool_late_answers_total{pool="backup"}`:                              "1",
		`loka_pool_rtt_seconds{pool="main"}`:                                       "0.125",
		`loka_received_bytes_total{side="upstream"}`:                               "100",
		`loka_connections_closed_total{reason="slow_consumer",side="downstream"}`:  "1",
		`loka_connections_closed_total{reason="internal_error",side="downstream"}`: "1",
		`loka_connections_closed_total{reason="internal_error",side="upstream"}`:   "1",
		`loka_requests_refused_total{kind="authorize",middleware="validate"}`:      "1",
		`loka_requests_refused_total{kind="submit",middleware="validate"}`:         "1",
		`loka_job_fanout_seconds_bucket{le="0.001"}`:                               "1",
		`loka_job_fanout_seconds_bucket{le="0.0005"}`:                              "0",
		`loka_connections_accepted_total`:                                          "1",
	} {
		if got := value(t, body, series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
	if strings.Contains(body, `="somebody"`) {
		t.Error("a label value that was not known at the start")
	}
}

func TestOpenMetricsIsNegotiated(t *testing.T) {
	m, _ := newMetrics(t)
	body, contentType := scrape(t, m, "")
	if !strings.HasPrefix(contentType, "text/plain; version=0.0.4") || strings.Contains(body, "# EOF") {
		t.Errorf("by default: %s", contentType)
	}
	body, contentType = scrape(t, m, "application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(contentType, "application/openmetrics-text; version=1.0.0") || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("when asked for: %s", contentType)
	}
}

func TestSameNameTwiceIsAnError(t *testing.T) {
	b := builder{registry: newRegistry(t)}
	b.gauges("build_info", "x")
	if len(b.errs) != 1 {
		t.Errorf("errors: %v", b.errs)
	}
}

// A pool that comes later is counted for, and one that has gone has no state any
// more, but what was counted for it stays.
func TestPoolsComeAndGo(t *testing.T) {
	m, source := newMetrics(t)
	m.Pool("backup").Jobs.Inc()
	m.AddPools("main", "late")
	source.pools = []view.PoolState{{Name: "main"}, {Name: "late", State: view.PoolActive}, {Name: "nobody's"}}
	m.Pool("late").Jobs.Inc()
	body, _ := scrape(t, m, "")
	for _, c := range []struct {
		line string
		want bool
	}{
		{`loka_jobs_total{pool="late"} 1`, true},
		{`loka_jobs_total{pool="backup"} 1`, true},
		{`loka_pool_up{pool="late"} 1`, true},
		{`loka_pool_up{pool="backup"}`, false},
		{`loka_shares_total{pool="backup",verdict="accepted"} 0`, true},
		{`nobody's`, false},
	} {
		if strings.Contains(body, c.line) != c.want {
			t.Errorf("%s: is there %t, want %t", c.line, !c.want, c.want)
		}
	}
}

// certificates are those of one listener, and of another one at the same address.
func certificates() []Certificate {
	at := time.Unix(2_000_000_000, 0)
	return []Certificate{{"0.0.0.0:3334", "ecdsa", at}, {"0.0.0.0:3334", "rsa", at.Add(time.Second)}, {"0.0.0.0:3334", "rsa", at.Add(time.Hour)}}
}

// Each certificate has a series, and one address none twice.
func TestCertificateExpiry(t *testing.T) {
	for _, c := range []struct {
		all  func() []Certificate
		want string
	}{
		{nil, ""},
		{certificates, `
# HELP loka_tls_certificate_expiry_timestamp_seconds When the certificate that miners are shown ends, in seconds since 1970, by its kind of key.
# TYPE loka_tls_certificate_expiry_timestamp_seconds gauge
loka_tls_certificate_expiry_timestamp_seconds{kind="ecdsa",listener="0.0.0.0:3334"} 2e+09
loka_tls_certificate_expiry_timestamp_seconds{kind="rsa",listener="0.0.0.0:3334"} 2.000000001e+09
`},
	} {
		if err := testutil.CollectAndCompare(newCertificateCollector(c.all), strings.NewReader(c.want)); err != nil {
			t.Error(err)
		}
	}
}

// Signals are 1 while they are on, whichever pool has them.
func TestSignals(t *testing.T) {
	m, source := newMetrics(t)
	source.pools[1].Watched.Signals = []watch.Signal{{Kind: watch.TipLag}, {Kind: watch.PayoutChanged}}
	body, _ := scrape(t, m, "")
	for series, want := range map[string]string{
		`{pool="backup",signal="tip_lag"}`: "1", `{pool="backup",signal="payout_changed"}`: "1",
		`{pool="backup",signal="job_flood"}`: "0", `{pool="main",signal="tip_lag"}`: "0",
	} {
		if got := value(t, body, "loka_pool_signal"+series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
}
