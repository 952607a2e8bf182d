package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/view"
)

const (
	summaryBody = `{"version":"1.2.3","instance":"farm","uptime_seconds":7384.2,"miners":3,"workers":2,"strangers":5,"waiting":7,"pool_connections":4,
"hashrate":{"1m":1.5e14,"10m":140000000000,"1h":999000,"24h":0},"extra":{"kept":true},
"shares":{"accepted":10,"rejected":3,"stale":1,"duplicate":1,"low_difficulty":1,"work_accepted":1.0,"pool_accepted":9,"pool_rejected":1,"pool_work_accepted":9.0},"pool_hashrate":{"1h":0},
"business":{"value_sat":312500000.5,"pool_value_sat":99999999.4,"value_sat_24h":1234567.8,"pool_value_sat_24h":12.345,
"lost":{"stale":{"shares":1,"value_sat":0.000123456},"duplicate":{"shares":3,"value_sat":4567},"pool_low_difficulty":{"shares":2,"value_sat":99.5},"not_submitted":{"shares":1,"value_sat":100.4}},
"blocks_found":1,"blocks_expected":0.35},
"reconciliation":{"shares_sent":12,"gap":{"shares":2,"work":3,"value_sat":345},"gap_ratio":0.00123}}`
	poolsBody = `{"pools":[{"name":"main","url":"stratum+tcp://a:1","state":"active","miners":2,"connections":3,"difficulty":1024,"accepted":9,"rejected":1,"work_accepted":0.0,"last_job_age_seconds":0.43,"error":"","quality":{"score":0.934}},
{"name":"backup","url":"b:1","state":"down","connections":0,"difficulty":0,"accepted":0,"rejected":0,"work_accepted":0.0,"last_job_age_seconds":null,"error":"no route\u001b[2J to host","drained":true,"reason":"by_operator","quality":{"score":null}}]}`
	healthBody = `{"status":"down","checks":{"pool:main":{"status":"down","detail":"not shown","advice":""},"journal":{"status":"ok","detail":"0 events in memory","advice":""},
"store":{"status":"degraded","detail":"it takes nothing since 4s ago\n: refused","advice":"look at storage.url"}}}`
	revenueBody   = `{"all":{"work":1000,"value_sat":1234567,"pool_work":0,"pool_value_sat":0}}`
	listenersBody = `{"listeners":[{"address":":3333","tls":"off","certificates":[],"problems":[]},
{"address":":3334","tls":"optional","problems":["the files have\nchanged"],"certificates":[
{"kind":"rsa","not_after":"2036-01-02T03:04:05Z","fingerprint":"00ff","self_signed":true},
{"kind":"ecdsa","not_after":"2027-01-02T03:04:05Z","fingerprint":"ff00","self_signed":false}]}]}`
	routesBody = `{"routes":[{"name":"farm","pinned":"backup"},{"name":"other","pinned":""}]}`
)

// api serves canned answers and wants a token if one is given.
func api(t *testing.T, token string) string {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("GET /api/v1/summary", answer(summaryBody))
	mux.HandleFunc("GET /api/v1/pools", answer(poolsBody))
	mux.HandleFunc("GET /api/v1/routes", answer(routesBody))
	mux.HandleFunc("GET /api/v1/listeners", answer(listenersBody))
	mux.HandleFunc("GET /api/v1/alerts", answer(`{"alerts":[]}`))
	mux.HandleFunc("GET /api/v1/revenue", answer(revenueBody))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, healthBody)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestStatusTable(t *testing.T) {
	t.Parallel()
	b := newBench()
	if code := b.run("status", "--http", api(t, "")); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	want := `instance      farm, version 1.2.3, up 2h3m
miners        3, workers 2, pool connections 4, not logged in 5, waiting to begin 7
hashrate      150.00 TH/s (1m), 140.00 GH/s (10m), 999.00 kH/s (1h), 0 H/s (24h)
shares        accepted 10, rejected 3 (stale 1, duplicate 1, low difficulty 1)
at the pools  accepted 9, rejected 1
value         1,234,568 sat (24h), 1,234,567 sat (today, UTC), 24,810 sat a day at the hashrate of the last hour; 3.12500000 BTC in all
by the pools  12.35 sat (24h), 0 sat (today, UTC); 99,999,999 sat in all
lost          duplicate 4,567 sat (3 shares), stale 0.000123 sat (1 shares)
at the pools  not submitted 100 sat (1 shares), low difficulty 99.50 sat (2 shares)
gap           2 shares, 345 sat, 0.12 % of the work that pools were sent
blocks        1 found, 0.35 expected, luck 286 %

POOL    STATE   MINERS  CONNECTIONS  DIFFICULTY  ACCEPTED  REJECTED  QUALITY  LAST JOB   URL
main    active  2       3            1024        9         1         0.93     400ms ago  stratum+tcp://a:1
backup  down    0       0            0           0         0         -        -          b:1
listener :3334: TLS optional, RSA certificate signs itself, until 2036-01-02, SHA-256 00ff
listener :3334: TLS optional, ECDSA certificate until 2027-01-02, SHA-256 ff00
WARNING: listener :3334: the files have?changed
pool backup: disabled; ` + "`loka pool enable`" + ` takes it back into use
pool backup: drained; ` + "`loka pool undrain`" + ` takes it back into use
pool backup: no route?[2J to host
WARNING: store: it takes nothing since 4s ago?: refused; look at storage.url
route farm: pinned to pool backup; ` + "`loka pool unpin`" + ` takes that back
`
	if diff := cmp.Diff(want, b.stdout.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What costs money is said aloud, and only then.
func TestStatusWarns(t *testing.T) {
	t.Parallel()
	show := func(more string, alerts ...view.Alert) string {
		var b strings.Builder
		a := statusAnswers{alerts: alerts}
		if err := json.Unmarshal([]byte(`[{"name":"ma\u001bin","state":"degraded"`+more+`}]`), &a.pools); err != nil {
			t.Fatal(err)
		}
		if err := a.print(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for more, want := range map[string][]string{
		"": nil,
		`,"discrepancies":0,"work_not_submitted":0`: nil,
		`,"discrepancies":12`:                       {"WARNING: pool ma?in refused 12 shares that are valid by our own check;"},
		`,"discrepancies":1,"work_not_submitted":0.0005`: {
			"WARNING: pool ma?in refused 1 shares",
			"WARNING: pool ma?in could not be paid for 0.0005 difficulty-1 shares of work",
		},
	} {
		text := show(more)
		if got := strings.Count(text, "WARNING"); got != len(want) {
			t.Errorf("%s: %d warnings, want %d:\n%s", more, got, len(want), text)
		}
		for _, line := range want {
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("%s: no line %q:\n%s", more, line, text)
			}
		}
	}
	text := show("", view.Alert{Name: "calm", State: "pending", Severity: "critical"},
		view.Alert{Name: "tip_lag", State: "firing", Severity: "warning", Kind: "pool", Subject: "a\x1bb", Message: "It is old. Look.", Silenced: true},
		view.Alert{Name: "low", State: "firing", Severity: "critical", Kind: "farm", Message: "Half is gone."})
	if want := "\nCRITICAL: farm: low. Half is gone.\nWARNING: pool a?b: tip_lag (silenced). It is old. Look.\n"; !strings.HasSuffix(text, want) || strings.Contains(text, "calm") {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestStatusJSON(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.vars["LOKA_HTTP_LISTEN"] = api(t, "")
	if code := b.run("status", "--json"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	var got struct {
		Miners int
		Shares struct{ Accepted int }
		Extra  struct{ Kept bool }
		Pools  []struct{ Name string }
		Routes []struct{ Pinned string }
	}
	if err := json.Unmarshal([]byte(b.stdout.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Miners != 3 || got.Shares.Accepted != 10 || !got.Extra.Kept || len(got.Pools) != 2 || got.Pools[1].Name != "backup" ||
		len(got.Routes) != 2 || got.Routes[0].Pinned != "backup" {
		t.Errorf("got %+v of\n%s", got, b.stdout)
	}
}

func TestStatusToken(t *testing.T) {
	t.Parallel()
	addr := api(t, "s3cret")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api.token"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		args []string
		vars map[string]string
		code int
	}{
		"none":            {nil, nil, exitFailed},
		"wrong":           {[]string{"--token", "x"}, nil, exitFailed},
		"flag":            {[]string{"--token", "s3cret"}, map[string]string{"LOKA_TOKEN": "x"}, exitOK},
		"variable":        {nil, map[string]string{"LOKA_TOKEN": "s3cret"}, exitOK},
		"folder":          {[]string{"--data", dir}, nil, exitOK},
		"folder variable": {nil, map[string]string{"LOKA_DATA_DIR": dir}, exitOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			if try.vars != nil {
				b.vars = try.vars
			}
			if code := b.run(append([]string{"status", "--http", addr}, try.args...)...); code != try.code {
				t.Errorf("exit code %d, want %d\n%s", code, try.code, b.stderr)
			}
			if try.code != exitOK && !strings.Contains(b.stderr.String(), " token: give ") {
				t.Errorf("stderr %s", b.stderr)
			}
		})
	}
}

func TestStatusFailures(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer other.Close()
	missing := httptest.NewServer(http.NotFoundHandler())
	defer missing.Close()
	for _, tt := range []struct {
		http, want string
		code       int
	}{
		{"127.0.0.1:1", "no proxy answers at http://127.0.0.1:1 (connect: connection refused); is it running?", exitFailed},
		{other.URL, "is no loka; --http ADDR names the address", exitFailed},
		{missing.URL, `answers "404 Not Found" to GET /api/v1/summary; is it a loka of this version?`, exitFailed},
		{"http://a b", "is no address; write HOST:PORT", exitUsage},
	} {
		b := newBench()
		if code := b.run("status", "--http", tt.http); code != tt.code {
			t.Errorf("%s: exit code %d, want %d", tt.http, code, tt.code)
		}
		if got := b.stderr.String(); !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: stderr %s", tt.http, got)
		}
	}
}

func TestStatusBase(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"": "http://127.0.0.1:9090", "0.0.0.0:80": "http://127.0.0.1:80", "[::]:80": "http://[::1]:80", ":80": "http://127.0.0.1:80",
		"[::1]:80": "http://[::1]:80", "host:80": "http://host:80", "https://h/": "https://h", "h": "http://h",
	} {
		if got := (&apiFlags{HTTP: addr}).base(newBench().env); got != want {
			t.Errorf("%q gives %s, want %s", addr, got, want)
		}
	}
}

// What was found for nothing is told where there is any.
func TestStatusTellsUnpaidShares(t *testing.T) {
	t.Parallel()
	for shares, want := range map[string]bool{`{"accepted":1,"unpaid":7}`: true, `{"accepted":1,"unpaid":0}`: false} {
		var b strings.Builder
		var a statusAnswers
		if err := json.Unmarshal([]byte(`{"shares":`+shares+`}`), &a.summary); err != nil {
			t.Fatal(err)
		}
		if err := a.print(&b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "\nunpaid        7, found while no pool was there\n"); got != want {
			t.Errorf("%s:\n%s", shares, b.String())
		}
	}
}

// What the store alone knows is left out while it does not answer, and the causes
// of losses are named as far as they tell something.
func TestStatusMoneyAsFarAsKnown(t *testing.T) {
	t.Parallel()
	lost := make([]string, 0, 6)
	for _, reason := range []string{"stale", "duplicate", "low_difficulty", "job_not_found", "invalid", "unpaid"} {
		lost = append(lost, `"`+reason+`":{"shares":1,"value_sat":1}`)
	}
	var a statusAnswers
	if err := json.Unmarshal([]byte(`{"business":{"value_sat_24h":5,"lost":{`+strings.Join(lost, ",")+`}}}`), &a.summary); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := a.print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nvalue         5.00 sat (24h); 0 sat in all\n",
		"\nlost          duplicate 1.00 sat (1 shares), invalid 1.00 sat (1 shares), job not found 1.00 sat (1 shares), low difficulty 1.00 sat (1 shares), and 2 more causes\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for _, none := range []string{"\ngap", "\nblocks", "WARNING"} {
		if strings.Contains(b.String(), none) {
			t.Errorf("%q in\n%s", none, b.String())
		}
	}
}
