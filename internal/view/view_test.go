package view

import (
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/work"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type fakeHub struct {
	miners []MinerState
	pools  []PoolState
	routes []RouteState
	ready  bool
}

func (h *fakeHub) Miners() []MinerState { return append([]MinerState(nil), h.miners...) }
func (h *fakeHub) MinerCount() int      { return len(h.miners) }
func (h *fakeHub) WorkerCount() int     { return len(presence(h.miners)) }
func (h *fakeHub) Pools() []PoolState   { return h.pools }
func (h *fakeHub) Routes() []RouteState { return h.routes }
func (h *fakeHub) SlotsInUse() int      { return 0 }
func (h *fakeHub) Ready() bool          { return h.ready }

func (h *fakeHub) MinersOf(login string) []MinerState {
	return slices.DeleteFunc(h.Miners(), func(m MinerState) bool { return !slices.Contains(m.Workers, login) })
}

// farm is one route over two pools with two workers on three connections,
// one of which says nothing yet.
func farm(t *testing.T) (*Model, *fakeHub, *ledger.Ledger) {
	t.Helper()
	en1, ok := work.MakeExtranonce([]byte{0xab, 1})
	if !ok {
		t.Fatal("extranonce")
	}
	remote := netip.MustParseAddrPort("192.0.2.7:4000")
	hub := &fakeHub{
		ready: true,
		miners: []MinerState{
			{
				ID: 1, Arrival: mining.Arrival{Remote: remote, Listener: "l", TLS: true, ServerName: "farm.example.com", Connect: "pool:3333"},
				Route: "farm", Pool: "main", UserAgent: "cgminer/4.12", Workers: []string{"alice.rig1"},
				State: MinerMining, Since: epoch, Difficulty: 512, VersionMask: 0x1fffe000, Extranonce1: en1, Extranonce2Size: 4,
				BytesIn: 10, BytesOut: 20, LastShareAt: epoch.Add(50 * time.Second), Accepted: 3, Rejected: 1,
				Hashrate: 1e14, Link: 7, Warnings: []string{"rolls bits that it may not"},
				Obstacles: []Obstacle{{"backup", "extranonce_too_narrow"}}, FewerBits: []string{"backup"},
			},
			{ID: 2, Arrival: mining.Arrival{Remote: remote}, Route: "farm", Pool: "backup", Workers: []string{"alice.rig1", "bob"}, State: MinerMining, Since: epoch, Difficulty: 256},
			{ID: 3, Arrival: mining.Arrival{Remote: remote, Listener: "l"}, State: MinerConnected, Since: epoch.Add(59 * time.Second)},
		},
		pools: []PoolState{
			{
				Name: "main", URL: "stratum+tcp://pool.example.com:3333", State: PoolActive, Since: epoch, Reason: "serving", Connections: 3, Difficulty: 1024, VersionMask: 0x1fffe000, Extranonce1Size: 4, Extranonce2Size: 8, LastJobAt: epoch.Add(59*time.Second + 600*time.Millisecond), RTT: 20 * time.Millisecond,
				Miners: 2, OneWorker: true, VersionBits: "xor", Discrepancies: 4, WorkNotSubmitted: 0.5, Quality: quality.Report{
					Known: true, Score: 0.75, Connect: 500 * time.Millisecond, Submit: 250 * time.Millisecond, SubmitP90: 2 * time.Second,
					Answers: 8, Rejects: map[mining.Verdict]uint64{mining.Stale: 1, mining.Unanswered: 1}, BlockDelay: 1500 * time.Millisecond, Blocks: 3, Behind: 30 * time.Second, Alone: 10 * time.Minute, Silences: 4, Disconnects: 5,
				}, Links: []LinkState{{
					ID: 7, Miners: 2, Difficulty: 1024, Extranonce1: en1, Extranonce2Size: 8, Hashrate: 2e14, Since: epoch,
					Login: "ACCOUNT.farm", AuthorizedWorkers: 1, Pending: 3,
				}},
			},
			{Name: "backup", State: PoolConnecting, Connections: 0},
		},
		routes: []RouteState{{Name: "farm", Mode: "shared", Pools: []string{"main", "backup"}, Active: "main", Miners: 3, Connections: 1, Ready: true}},
	}
	books := ledger.New(ledger.Config{}, epoch)
	w, p := books.Worker("alice.rig1", "farm", epoch), books.Pool("main", epoch)
	books.Worker("carol", "farm", epoch)
	for range 3 {
		books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: mining.Accepted, PoolVerdict: mining.Accepted, Difficulty: 512, PoolDifficulty: 1024, At: epoch.Add(time.Second)})
	}
	books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: mining.Stale, PoolVerdict: mining.Stale, At: epoch.Add(2 * time.Second)})
	books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: mining.Duplicate, At: epoch.Add(2 * time.Second)})
	books.Record(ledger.Entry{Worker: w, Pool: p, Verdict: mining.Unanswered, PoolVerdict: mining.Unanswered, At: epoch.Add(3 * time.Second)})
	m := New(Deps{
		Version: "1.2.3", Instance: "test", Books: books, Hub: hub, Started: epoch,
		Now: func() time.Time { return epoch.Add(time.Minute) },
	})
	return m, hub, books
}

// contract compares the JSON of got with what the contract shows: every key
// of want must be there with that value; more keys may be.
func contract(t *testing.T, got any, want string) {
	t.Helper()
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g, w any
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, trim(g, w)); diff != "" {
		t.Errorf("(-want +got):\n%s\nin %s", diff, data)
	}
}

// trim drops from g the keys that w lacks.
func trim(g, w any) any {
	gm, ok1 := g.(map[string]any)
	wm, ok2 := w.(map[string]any)
	if !ok1 || !ok2 {
		return g
	}
	out := map[string]any{}
	for k := range wm {
		if v, ok := gm[k]; ok {
			out[k] = trim(v, wm[k])
		}
	}
	return out
}

func TestSummary(t *testing.T) {
	m, _, _ := farm(t)
	contract(t, m.Summary(), `{"version":"1.2.3","instance":"test","uptime_seconds":60,"miners":3,"workers":2,"pool_connections":3,"ready":true,
		"hashrate":{"1m":109951162777.6,"10m":109951162777.6,"1h":109951162777.6,"24h":109951162777.6},
		"shares":{"accepted":3,"rejected":3,"stale":1,"duplicate":1,"low_difficulty":0,"work_accepted":1536,
		"pool_accepted":3,"pool_rejected":1,"pool_unanswered":1,"pool_work_accepted":3072}}`)
}

func TestPools(t *testing.T) {
	m, hub, _ := farm(t)
	hub.pools[0].Drained, hub.pools[0].Breaker = true, "half_open"
	pools := m.Pools()
	if len(pools) != 2 {
		t.Fatalf("%d pools", len(pools))
	}
	contract(t, pools[0], `{"name":"main","url":"stratum+tcp://pool.example.com:3333","state":"active","since":"2026-01-02T03:04:05Z","reason":"serving","connections":3,"difficulty":1024,
		"accepted":3,"rejected":1,"stale":1,"unanswered":1,"work_accepted":3072,"last_job_age_seconds":0.4,"error":"",
		"rtt_seconds":0.02,"version_mask":"1fffe000","extranonce1_size":4,"extranonce2_size":8,
		"breaker":"half_open","drained":true,"miners":2,"one_worker":true,"version_bits":"xor","discrepancies":4,"work_not_submitted":0.5,
		"quality":{"score":0.75,"connect_rtt_seconds":0.5,"submit_rtt_seconds":0.25,"submit_rtt_p90_seconds":2,"reject_rate":0.25,"rejects":{"stale":1,"unanswered":1},
		"block_delay_seconds":1.5,"tip_lag_seconds":30,"tip_alone_seconds":600,"silences":4,"disconnects":5},
		"links":[{"id":7,"miners":2,"difficulty":1024,"extranonce1":"ab01","extranonce2_size":8,"hashrate":2e14,"since":"2026-01-02T03:04:05Z",
		"login":"ACCOUNT.farm","authorized_workers":1,"pending":3}]}`)
	contract(t, pools[1], `{"name":"backup","state":"connecting","since":null,"connections":0,"difficulty":0,"accepted":0,"rejected":0,"work_accepted":0,"last_job_age_seconds":null,"version_mask":"",
		"breaker":"","drained":false,"miners":0,"one_worker":false,"version_bits":"","discrepancies":0,"work_not_submitted":0,"links":[],
		"quality":{"score":null,"connect_rtt_seconds":0,"reject_rate":null,"rejects":{},"block_delay_seconds":null,"tip_lag_seconds":0,"tip_alone_seconds":0,"silences":0,"disconnects":0}}`)
}

func TestWorkers(t *testing.T) {
	m, _, _ := farm(t)
	workers := m.Workers(WorkerQuery{}).Workers
	if len(workers) != 2 {
		t.Fatalf("%d workers", len(workers))
	}
	contract(t, workers[0], `{"name":"alice.rig1","miners":2,"route":"farm","pool":"backup","difficulty":512,"accepted":3,"rejected":3,"stale":1,"work_accepted":1536,
		"pool_accepted":3,"pool_rejected":1,"pool_work_accepted":3072,
		"hashrate":{"1m":109951162777.6,"10m":109951162777.6,"1h":109951162777.6,"24h":109951162777.6},"last_share_at":"2026-01-02T03:04:08Z"}`)
	contract(t, workers[1], `{"name":"carol","miners":0,"pool":"","difficulty":0,"last_share_at":null,"hashrate":{"1m":0,"10m":0,"1h":0,"24h":0}}`)
	if data, _ := json.Marshal(workers[1]); strings.Contains(string(data), "connections") {
		t.Errorf("the list holds connections: %s", data)
	}

	w, ok := m.Worker("alice.rig1")
	if !ok || len(w.Connections) != 2 || w.Connections[0].ID != 1 || w.Connections[1].ID != 2 {
		t.Errorf("one worker is %+v, %v", w, ok)
	}
	if _, ok := m.Worker("nobody"); ok {
		t.Error("a worker that was never seen is there")
	}
}

func TestMiners(t *testing.T) {
	m, _, _ := farm(t)
	miners := m.Miners()
	if len(miners) != 3 {
		t.Fatalf("%d miners: every connection is seen", len(miners))
	}
	contract(t, miners[0], `{"id":1,"remote":"192.0.2.7:4000","listener":"l","tls":true,"server_name":"farm.example.com","connect":"pool:3333","state":"mining","since":"2026-01-02T03:04:05Z","age_seconds":60,"user_agent":"cgminer/4.12",
		"workers":["alice.rig1"],"route":"farm","pool":"main","difficulty":512,"version_mask":"1fffe000","extranonce1":"ab01","extranonce2_size":4,
		"bytes_in":10,"bytes_out":20,"accepted":3,"rejected":1,"last_share_at":"2026-01-02T03:04:55Z",
		"hashrate":1e14,"link":7,"warnings":["rolls bits that it may not"],
		"movable":false,"not_movable_to":[{"pool":"backup","reason":"extranonce_too_narrow"}],"fewer_version_bits_at":["backup"]}`)
	contract(t, miners[2], `{"id":3,"state":"connected","age_seconds":1,"workers":[],"route":"","pool":"","difficulty":0,"extranonce1":"","last_share_at":null,"hashrate":0,"link":0,"warnings":[],
		"movable":true,"not_movable_to":[],"fewer_version_bits_at":[]}`)
	if m.Connected() != 3 {
		t.Errorf("%d connected", m.Connected())
	}
}

func TestRoutes(t *testing.T) {
	m, hub, _ := farm(t)
	hub.routes[0].Pinned = "backup"
	contract(t, m.Routes()[0], `{"name":"farm","mode":"shared","pools":["main","backup"],"active":"main","pinned":"backup","miners":3,"connections":1,"ready":true}`)
	hub.routes = []RouteState{{Name: "empty"}}
	contract(t, m.Routes()[0], `{"name":"empty","pools":[],"pinned":""}`)
}

// TestEmptyListsAreLists: a script may iterate over what is not there.
func TestEmptyListsAreLists(t *testing.T) {
	m := New(Deps{Hub: &fakeHub{}, Books: ledger.New(ledger.Config{}, epoch), Now: func() time.Time { return epoch }, Started: epoch.Add(time.Hour)})
	for _, got := range []any{m.Pools(), m.Workers(WorkerQuery{}).Workers, m.Miners(), m.Routes()} {
		if data, _ := json.Marshal(got); string(data) != "[]" {
			t.Errorf("an empty list is %s", data)
		}
	}
	if up := m.Summary().UptimeSeconds; up != 0 {
		t.Errorf("a clock that went back gives an uptime of %v", up)
	}
}

// TestNothingBreaksJSON: what a pool says may not make the API fail.
func TestNothingBreaksJSON(t *testing.T) {
	m, hub, _ := farm(t)
	hub.pools[0].Difficulty, hub.pools[0].WorkNotSubmitted = work.Difficulty(math.Inf(1)), math.Inf(1)
	hub.pools[0].Links[0].Difficulty, hub.pools[0].Links[0].Hashrate = work.Difficulty(math.NaN()), math.NaN()
	hub.miners[0].Difficulty, hub.miners[0].Hashrate = work.Difficulty(math.NaN()), math.Inf(-1)
	hub.miners[0].Remote = netip.AddrPort{}
	for _, got := range []any{m.Pools(), m.Workers(WorkerQuery{}), m.Miners(), m.Summary()} {
		if _, err := json.Marshal(got); err != nil {
			t.Error(err)
		}
	}
	if m.Miners()[0].Remote != "" {
		t.Errorf("no address prints as %q", m.Miners()[0].Remote)
	}
}
