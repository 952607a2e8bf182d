//go:build linux

package script

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// notOfTheClient are operations that the client leaves to others, and why.
var notOfTheClient = map[string]string{}

// recorder notes which requests were sent.
type recorder struct {
	mu   sync.Mutex
	sent []string
}

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.sent = append(r.sent, req.Method+" "+req.URL.EscapedPath())
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(req)
}

// TestClientCoversTheAPI has each method of the client ask a real proxy, and every
// operation of the proxy's own OpenAPI document asked for by one of them.
func TestClientCoversTheAPI(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	token, err := os.ReadFile(f.dir + "/data/api.token")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(f.dir + "/loka.toml")
	if err != nil {
		t.Fatal(err)
	}
	r := new(recorder)
	c := client.New(client.Config{Base: "http://" + f.http, Token: mining.Secret(strings.TrimSpace(string(token))), Transport: r})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	miner := firstMiner(ctx, t, c)
	login := miner.Workers[0]

	for _, k := range []struct {
		name string
		// status is that of the problem that is right; 0: there is none.
		status int
		do     func() error
	}{
		{"live", 0, func() error { return errOf(c.Live(ctx)) }},
		{"ready", 0, func() error { return errOf(c.Ready(ctx)) }},
		{"health", 0, func() error { return errOf(c.Health(ctx)) }},
		{"summary", 0, func() error { return errOf(c.Summary(ctx)) }},
		{"pools", 0, func() error { return errOf(c.Pools(ctx, client.Query{Sort: "-hashrate_1h", Search: "ma", Limit: 1})) }},
		{"routes", 0, func() error { return errOf(c.Routes(ctx, client.Query{Sort: "name"})) }},
		{"workers", 0, func() error { return errOf(c.Workers(ctx, client.Query{Sort: "-reject_rate", Limit: 2})) }},
		{"sort by nothing", 422, func() error { return errOf(c.Workers(ctx, client.Query{Sort: "mood"})) }},
		{"worker", 0, func() error { return errOf(c.Worker(ctx, login)) }},
		{"no worker", 404, func() error { return errOf(c.Worker(ctx, "nobody/..%2F")) }},
		{"miners", 0, func() error { return errOf(c.Miners(ctx, client.Query{Sort: "-hashrate"})) }},
		{"listeners", 0, func() error { return errOf(c.Listeners(ctx, client.Query{})) }},
		{"session", 0, func() error { return errOf(c.Session(ctx)) }},
		{"configuration", 0, func() error { return errOf(c.Configuration(ctx)) }},
		{"profile", 0, func() error { return errOf(c.Profile(ctx, "10m")) }},
		{"profile of a year", 422, func() error { return errOf(c.Profile(ctx, "1y")) }},
		{"alerts", 0, func() error { return errOf(c.Alerts(ctx, client.Query{})) }},
		{"alert rules", 0, func() error { return errOf(c.AlertRules(ctx, client.Query{})) }},
		{"alert sinks", 0, func() error { return errOf(c.AlertSinks(ctx, client.Query{})) }},
		{"alert history", 0, func() error { return errOf(c.AlertHistory(ctx, client.Query{Limit: 5})) }},
		{"test of a sink that is not there", 404, func() error { return errOf(c.TestSinks(ctx, "nowhere")) }},
		{"silence", 0, func() error { return silenced(ctx, c) }},
		{"no silence", 404, func() error { return c.Unsilence(ctx, "nobody") }},
		{"traces", 0, func() error { return errOf(c.Traces(ctx, client.Query{Limit: 5})) }},
		{"trace", 0, func() error { return traced(ctx, c) }},
		{"no trace", 404, func() error { return errOf(c.TraceFile(ctx, "nothing", io.Discard)) }},
		{"history", 0, func() error { return errOf(c.History(ctx, client.Past{From: "1h", Step: "minute"})) }},
		{"worker's history", 0, func() error { return errOf(c.WorkerHistory(ctx, login, client.Past{From: "1h"})) }},
		{"revenue", 0, func() error { return errOf(c.Revenue(ctx, client.Past{By: "farm", From: "24h"})) }},
		{"blocks", 0, func() error { return errOf(c.Blocks(ctx, client.Past{Limit: 5})) }},
		{"payouts", 0, func() error { return errOf(c.Payouts(ctx, "main", client.Query{})) }},
		{"payout", 404, func() error { return errOf(c.Payout(ctx, 7)) }},
		{"distribute", 422, func() error {
			return errOf(c.Distribute(ctx, httpapi.Distribute{Pool: "main", Reference: "r", From: "x", To: "y", By: "worker"}))
		}},
		{"export", 0, func() error { return errOf(c.Export(ctx, "minutes", "csv", client.Past{From: "1h"}, io.Discard)) }},
		{"audit", 0, func() error { return errOf(c.Audit(ctx, 5)) }},
		{"log", 0, func() error { return errOf(c.Log(ctx, client.LogQuery{Limit: 5})) }},
		{"timeline", 0, func() error { return errOf(c.PoolTimeline(ctx, "main", client.Past{From: "1h"})) }},
		{"drain", 0, func() error { return c.Drain(ctx, "backup") }},
		{"undrain", 0, func() error { return c.Undrain(ctx, "backup") }},
		{"disable", 0, func() error { return errOf(c.Disable(ctx, "backup")) }},
		{"enable", 0, func() error { return c.Enable(ctx, "backup") }},
		{"accept", 0, func() error { return errOf(c.AcceptPayout(ctx, "main")) }},
		{"pin", 0, func() error { return c.Pin(ctx, "default", "main") }},
		{"unpin", 0, func() error { return c.Unpin(ctx, "default") }},
		{"split", 0, func() error {
			return c.Split(ctx, "default", httpapi.Split{Split: []httpapi.SplitPart{{Pool: "main", Weight: 1}, {Pool: "backup", Weight: 1}}})
		}},
		{"unsplit", 0, func() error { return c.Unsplit(ctx, "default") }},
		{"plan", 0, func() error { return errOf(c.Plan(ctx, file)) }},
		{"reload", 0, func() error { return errOf(c.Reload(ctx, "")) }},
		{"applied", 0, func() error { return errOf(c.Applied(ctx)) }},
		{"add token", 0, func() error { return errOf(c.AddToken(ctx, httpapi.NewToken{Role: "viewer", Name: "x"})) }},
		{"tokens", 0, func() error { return errOf(c.Tokens(ctx)) }},
		{"remove token", 0, func() error { return c.RemoveToken(ctx, "x") }},
		{"ban", 0, func() error { return errOf(c.Ban(ctx, httpapi.BanOrder{Address: "192.0.2.7"})) }},
		{"bans", 0, func() error { return errOf(c.Bans(ctx, client.BansQuery{All: true})) }},
		{"unban", 0, func() error { return c.Unban(ctx, client.BanSubject{Address: "192.0.2.7"}) }},
		{"ban worker", 0, func() error { return errOf(c.BanWorker(ctx, "nobody", httpapi.BanTerm{For: "1h"})) }},
		{"pause worker", 0, func() error { return errOf(c.PauseWorker(ctx, "nobody", httpapi.BanTerm{})) }},
		{"resume worker", 0, func() error { return errOf(c.ResumeWorker(ctx, "nobody")) }},
		{"disconnect worker", 404, func() error { return errOf(c.DisconnectWorker(ctx, "nobody")) }},
		{"ban miner", 404, func() error { return errOf(c.BanMiner(ctx, 1_000_000, httpapi.BanTerm{})) }},
		{"pause miner", 404, func() error { return errOf(c.PauseMiner(ctx, 1_000_000, httpapi.BanTerm{})) }},
		{"disconnect", 0, func() error { return c.Disconnect(ctx, miner.ID) }},
		{"events", 0, func() error {
			for told, err := range c.Events(ctx, client.EventsQuery{After: 1}) {
				if err == nil && told.Gap == nil && told.Message == "" {
					t.Errorf("an event says nothing: %+v", told)
				}
				return err
			}
			return ctx.Err()
		}},
	} {
		if err := k.do(); client.Status(err) != k.status || k.status == 0 && err != nil {
			t.Errorf("%s: %v, want status %d", k.name, err, k.status)
		}
	}
	covered(ctx, t, c, r.sent)
}

// silenced makes a silence, finds it, and ends it.
func silenced(ctx context.Context, c *client.Client) error {
	made, err := c.Silence(ctx, httpapi.NewSilence{Matchers: []view.AlertMatcher{{Label: "kind", Glob: "pool"}}, For: "1h"})
	if err != nil {
		return err
	}
	all, err := c.Silences(ctx, client.Query{})
	if err == nil && (all.Total != 1 || all.Silences[0].ID != made.ID) {
		err = fmt.Errorf("%+v holds, want %+v alone", all, made)
	}
	return errors.Join(err, c.Unsilence(ctx, made.ID))
}

// traced has a trace written, and reads the whole of it.
func traced(ctx context.Context, c *client.Client) error {
	made, err := c.Trace(ctx, "a test")
	if err != nil {
		return err
	}
	n, err := c.TraceFile(ctx, made.Name, io.Discard)
	if err == nil && (n == 0 || n != made.Bytes) {
		err = fmt.Errorf("%d bytes came of %+v", n, made)
	}
	return err
}

func errOf[T any](_ T, err error) error { return err }

// firstMiner waits for a miner that has logged in.
func firstMiner(ctx context.Context, t *testing.T, c *client.Client) (m struct {
	ID      uint64
	Workers []string
},
) {
	t.Helper()
	for {
		all, err := c.Miners(ctx, client.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all.Miners {
			if len(one.Workers) > 0 {
				m.ID, m.Workers = one.ID, one.Workers
				return m
			}
		}
		if !client.Wait(ctx, 20*time.Millisecond) {
			t.Fatal("no miner comes")
		}
	}
}

// covered holds what was sent against what there is.
func covered(ctx context.Context, t *testing.T, c *client.Client, sent []string) {
	t.Helper()
	text, err := c.JSON(ctx, "/api/v1/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	all := 0
	for path, operations := range doc.Paths {
		// A path with a name in it is another one than that which has a word there.
		at := regexp.MustCompile("^" + regexp.MustCompile(`\{[^/]*\}`).ReplaceAllString(path, "[^/]+") + "$")
		for method, op := range operations {
			all++
			asked := slices.ContainsFunc(sent, func(one string) bool {
				m, p, _ := strings.Cut(one, " ")
				_, other := doc.Paths[p]
				return strings.EqualFold(m, method) && (p == path || !other && at.MatchString(p))
			})
			why := notOfTheClient[op.ID]
			if asked == (why != "") {
				t.Errorf("%s %s (%s): asked for by the client %t, said not to be for %q", strings.ToUpper(method), path, op.ID, asked, why)
			}
		}
	}
	t.Logf("the client covers %d of %d operations", all-len(notOfTheClient), all)
}
