package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/watch"
)

// What is odd about pools is in the list of alerts, in the shape that scripts rely on,
// and at the pool.
func TestAlerts(t *testing.T) {
	deps, hub := newDeps()
	look := alerted(t, &deps)
	h := Handler(deps, true)
	alerts := func() string { return ask{method: "GET", path: "/api/v1/alerts"}.do(t, h).Body.String() }
	look()
	if got := strings.TrimSpace(alerts()); got != `{"alerts":[],"total":0}` {
		t.Errorf("all is well: %s", got)
	}
	hub.watched = watch.Report{
		Signals: []watch.Signal{{Kind: watch.PayoutChanged, Since: epoch, Value: 1, Threshold: 1, Detail: "it pays x"}, {Kind: watch.TipLag, Since: epoch, Value: 42.5, Threshold: 30}},
		Mode:    watch.Fixed, TagMode: watch.Varies, Outputs: []watch.Output{{Payee: "x", Satoshi: 5}}, Paid: 1, Payouts: [][]string{{"y"}}, Tag: "/z/", Leave: true,
	}
	look()
	var body struct {
		Alerts []struct {
			Name, Severity, Pool, Since, Message string
			Value                                float64
		}
		Total int
	}
	if err := json.Unmarshal([]byte(alerts()), &body); err != nil || body.Total != 2 || len(body.Alerts) != 2 {
		t.Fatalf("%+v, %v", body, err)
	}
	one, two := body.Alerts[0], body.Alerts[1]
	if one.Name != "payout_changed" || one.Severity != "critical" || one.Pool != "main" || one.Since != "2026-01-02T03:05:05Z" || one.Value != 1 ||
		!strings.Contains(one.Message, "it pays x") || !strings.Contains(one.Message, "loka pool accept-payout") {
		t.Errorf("%+v", one)
	}
	if two.Name != "tip_lag" || two.Severity != "warning" || two.Value != 42.5 || two.Message == "" {
		t.Errorf("%+v", two)
	}
	pools := ask{method: "GET", path: "/api/v1/pools"}.do(t, h).Body.String()
	for _, want := range []string{
		`"signals":[{"name":"payout_changed","severity":"critical","since":"2026-01-02T03:04:05Z","value":1,"threshold":1,"detail":"it pays x","means":`,
		`"payout":{"mode":"fixed","outputs":[{"payee":"x","satoshi":5}],"paid":1,"expected":[["y"]],"tag_mode":"varies","tag":"/z/","tags":[],"away":true}`,
		`"signals":[],"payout":{`,
	} {
		if !strings.Contains(pools, want) {
			t.Errorf("no %s in %s", want, pools)
		}
	}
}

// Where there is nothing to accept, that is said.
func TestAcceptNothing(t *testing.T) {
	deps, hub := newDeps()
	hub.refuse = ErrNoPayout
	a := ask{method: "POST", path: "/api/v1/pools/main/payout", body: `{"accept":true}`, token: secret}
	doc := wantProblem(t, "accept", a.do(t, Handler(deps, true)), http.StatusConflict)
	if !strings.Contains(fmt.Sprint(doc["detail"]), `pool "main" has given no job yet whose payout could be remembered`) {
		t.Errorf("the detail is %v", doc["detail"])
	}
}

// Who accepts a payout is told what may be paid now, whether it is kept or not.
func TestAccept(t *testing.T) {
	for keep, status := range map[error]int{nil: http.StatusOK, errors.New("disk full"): http.StatusInternalServerError} {
		deps, hub := newDeps()
		file := new(fakeFile)
		deps.Audit = file
		hub.keep, hub.watched = keep, watch.Report{Payouts: [][]string{{"x"}, {"y"}}, Tags: []string{"/z/"}}
		w := ask{method: "POST", path: "/api/v1/pools/main/payout", body: `{"accept":true}`, token: secret}.do(t, Handler(deps, true))
		if w.Code != status || strings.Join(hub.said, "; ") != "accept main" || len(file.acts) != 1 {
			t.Errorf("%v: %d %s, asked for %v, %v", keep, w.Code, w.Body, hub.said, file.acts)
		}
		if got := strings.TrimSpace(w.Body.String()); keep == nil && got != `{"expected":[["x"],["y"]],"tags":["/z/"]}` {
			t.Errorf("answered %s", got)
		}
	}
}
