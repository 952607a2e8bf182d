package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// monitored is a proxy as a monitoring system sees it; changes are pairs of a path and
// what is answered there.
func monitored(t *testing.T, changes ...string) string {
	t.Helper()
	answers := map[string]string{
		"/api/v1/summary":   `{"instance":"farm","miners":3,"workers":2,"hashrate":{"1m":1e12,"10m":1e12,"1h":2e12,"24h":3e12},"business":{"value_sat_24h":200,"pool_value_sat_24h":199}}`,
		"/api/v1/pools":     `{"pools":[{"name":"main","state":"active","last_job_age_seconds":4.5,"quality":{"reject_rate":0.03,"submit_rtt_p90_seconds":0.08}},{"name":"backup","state":"standby","quality":{"reject_rate":0.01}}]}`,
		"/api/v1/routes":    `{"routes":[{"name":"farm","unpaid_miners":0}]}`,
		"/api/v1/listeners": `{"listeners":[]}`,
		"/api/v1/alerts":    `{"alerts":[]}`,
		"/api/v1/history":   `{"points":[{"accepted":90,"rejected":5},{"accepted":90,"rejected":15}]}`,
		"/health":           `{"status":"ok","checks":{"pool:main":{"status":"ok","detail":"active"}}}`,
	}
	for i := 0; i < len(changes); i += 2 {
		answers[changes[i]] = changes[i+1]
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := answers[r.URL.Path]
		switch {
		case text == "401" || text == "404":
			w.WriteHeader(map[string]int{"401": 401, "404": 404}[text])
		case strings.Contains(text, `"status":"down","checks"`):
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const (
	perfOK = " | hashrate_1m=1000000000000 hashrate_10m=1000000000000 hashrate_1h=2000000000000 hashrate_24h=3000000000000 miners=3 workers=2 unpaid_miners=0" +
		" pools_down=0 reject_rate=10% pool_reject_rate=3% pool_gap_24h=0.5% pool_rtt=0.08s job_age=4.5s alerts_warning=0 alerts_critical=0\n"
	wellOK = "3 miners, 2.00 TH/s over 1h, 2 of 2 pools serve"
)

// TestStatusCheck has one line and the exit code of a monitoring plugin for each state.
func TestStatusCheck(t *testing.T) {
	t.Parallel()
	degraded := `{"status":"degraded","checks":{"pool:backup":{"status":"down","detail":"down: refused | x\u001b"},"a":{"status":"degraded","detail":"so so"},"ok":{"status":"ok"}}}`
	for _, c := range []struct {
		name    string
		changes []string
		args    string
		code    int
		want    string
	}{
		{"all well", nil, "", 0, "LOKA OK: " + wellOK + perfOK},
		{"degraded", []string{"/health", degraded}, "", 1, "LOKA WARNING: pool:backup: down: refused / x?; a: so so; " + wellOK},
		{"down", []string{"/health", `{"status":"down","checks":{"route:farm":{"status":"down","detail":"none serves"},"x":{"status":"degraded","detail":"odd"}}}`}, "", 2, "LOKA CRITICAL: route:farm: none serves; x: odd; "},
		{"warning alert", []string{"/api/v1/alerts", `{"alerts":[{"name":"low","subject":"a.b","severity":"warning","state":"firing"}]}`}, "", 1, "LOKA WARNING: alert low a.b; "},
		{"critical alert", []string{"/api/v1/alerts", `{"alerts":[{"name":"w","severity":"warning","state":"firing"},{"name":"c","severity":"critical","state":"firing"}]}`}, "", 2, "LOKA CRITICAL: alert c; alert w; "},
		{"silenced, pending, over or for information", []string{"/api/v1/alerts", `{"alerts":[{"name":"a","severity":"critical","state":"firing","silenced":true},{"name":"b","severity":"critical","state":"pending"},
			{"name":"c","severity":"critical","state":"resolved"},{"name":"d","severity":"info","state":"firing"}]}`}, "", 0, "LOKA OK: " + wellOK},
		{"within", nil, "--warn hashrate_1h=1TH/s: --crit miners=1:", 0, "LOKA OK: " + wellOK},
		{"ranges in the figures", nil, "--warn hashrate_1h=1TH/s: --crit hashrate_1h=500GH/s: --crit miners=1:10", 0, " hashrate_1h=2000000000000;1000000000000:;500000000000: "},
		{"below", nil, "--warn hashrate_1h=5TH/s: --crit hashrate_1h=1TH/s:", 1, "LOKA WARNING: hashrate_1h is 2.00 TH/s, not within 5TH/s:; "},
		{"far below", nil, "--warn hashrate_1h=5TH/s: --crit hashrate_1h=3TH/s:", 2, "LOKA CRITICAL: hashrate_1h is 2.00 TH/s, not within 3TH/s:; hashrate_1h is 2.00 TH/s, not within 5TH/s:; "},
		{"above, in percent", nil, "--warn pool_reject_rate=2% --crit reject_rate=~:20", 1, "LOKA WARNING: pool_reject_rate is 3.00 %, not within 2%; "},
		{"not inside", nil, "--crit miners=@2:5", 2, "LOKA CRITICAL: miners is 3, not within @2:5; "},
		{"a figure that is not known", []string{"/api/v1/history", "404"}, "--crit reject_rate=1", 3, " reject_rate=U;;0:1 "},
		{"one that is not known, in words", []string{"/api/v1/history", "404"}, "--warn reject_rate=1%", 3, "LOKA UNKNOWN: reject_rate is not known, it was to be within 1%; " + wellOK},
		{"one that is not known and that nobody asks for", []string{"/api/v1/history", "404"}, "--crit miners=1:", 0, " reject_rate=U "},
		{"not known, and a warning", []string{"/api/v1/history", "404", "/health", degraded}, "--crit reject_rate=1", 1, "LOKA WARNING: pool:backup: down: refused / x?; a: so so; reject_rate is not known, it was to be within 1; "},
		{"not known, and critical", []string{"/api/v1/history", "404"}, "--warn reject_rate=1 --crit miners=10:", 2, "LOKA CRITICAL: miners is 3, not within 10:; reject_rate is not known"},
		{"a wrong token", []string{"/api/v1/summary", "401"}, "--token x", 3, "LOKA UNKNOWN: http://"},
		{"something else", []string{"/api/v1/summary", "hello"}, "", 3, "is no loka; --http ADDR"},
		{"something else that speaks JSON", []string{"/api/v1/summary", `{"hello":1}`}, "", 3, "is no loka; --http ADDR"},
		{"something else that has no such page", []string{"/api/v1/summary", "404"}, "", 3, "is it a loka of this version?; --http ADDR"},
		{"no such figure", nil, "--warn mood=1", 3, "LOKA UNKNOWN: --warn mood=1: no such figure; there are: hashrate_1m "},
		{"no range", nil, "--crit miners=", 3, `LOKA UNKNOWN: --crit miners=: "" is no range; write 10 (0 to 10)`},
		{"no range either", nil, "--crit miners=5:3", 3, "LOKA UNKNOWN: "},
		{"no flag", nil, "--bogus", 3, "LOKA UNKNOWN: unknown flag --bogus"},
	} {
		b := newBench()
		code := b.run(append([]string{"status", "--check", "--http", monitored(t, c.changes...)}, strings.Fields(c.args)...)...)
		got := b.stdout.String()
		if code != c.code || !strings.Contains(got, c.want) || strings.Count(got, "\n") != 1 || b.stderr.String() != "" {
			t.Errorf("%s: exit code %d, want %d, said %q%q", c.name, code, c.code, got, b.stderr)
		}
	}
	b := newBench()
	if code := b.run("status", "--check", "--http", "127.0.0.1:1"); code != 2 || !strings.HasPrefix(b.stdout.String(), "LOKA CRITICAL: no proxy answers at http://127.0.0.1:1") {
		t.Errorf("nobody: exit code %d, said %q", code, b.stdout)
	}
	b = newBench()
	if code := b.run("status", "--warn", "miners=1:"); code != exitUsage || !strings.Contains(b.stderr.String(), "are for --check") {
		t.Errorf("without --check: exit code %d, said %q", code, b.stderr)
	}
	b = newBench()
	if code := b.run("status", "--json", "--warn", "x"); code != exitUsage {
		t.Errorf("with --json: exit code %d, said %q", code, b.stderr)
	}
}

// What a check could say is all said, but on one line.
func TestStatusCheckBounds(t *testing.T) {
	t.Parallel()
	checks := map[string]map[string]string{}
	for name := range strings.FieldsSeq("a b c d e f g") {
		checks[name] = map[string]string{"status": "degraded", "detail": "odd"}
	}
	text, err := json.Marshal(map[string]any{"status": "degraded", "checks": checks})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench()
	if code := b.run("status", "--check", "--http", monitored(t, "/health", string(text))); code != 1 || !strings.Contains(b.stdout.String(), "e: odd; and 2 more; ") {
		t.Errorf("exit code %d, said %q", code, b.stdout)
	}
}
