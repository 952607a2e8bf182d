package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// amounts compares what is in exact amounts, and not what answers are made of.
var amounts = cmp.Options{
	cmp.Transformer("sat", func(s Sat) string { text, _ := s.MarshalJSON(); return string(text) }),
	cmpopts.IgnoreUnexported(HistoryPoint{}),
}

// told is an answer of 200.
func told[T any](t *testing.T, h http.Handler, path string) T {
	t.Helper()
	w := ask{path: path, token: secret}.do(t, h)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %s %s", path, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	var out T
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func satOf(t *testing.T, text string) (s Sat) {
	t.Helper()
	if err := s.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHistory(t *testing.T) {
	deps, _ := newDeps()
	got := told[History](t, Handler(deps, true), "/api/v1/history?step=hour&from=100m")
	rate := func(work, seconds float64) float64 { return work * (1 << 32) / seconds }
	point := func(hour int, seconds float64) HistoryPoint {
		return HistoryPoint{
			Time: noon.Add(time.Duration(hour) * time.Hour), Accepted: 192, Rejected: 6, Rejects: map[string]uint64{"stale": 6, "unpaid": 5},
			WorkAccepted: 384, Hashrate: rate(384, seconds), Value: satOf(t, "19.2"),
			PoolAccepted: 180, PoolRejected: 3, PoolUnanswered: 6, PoolWorkAccepted: 360, PoolHashrate: rate(360, seconds), PoolValue: satOf(t, "18"),
			Lost: satOf(t, "2.3"), // 6 stale, 3 low, 6 unanswered, 3 unsent, 5 unpaid
		}
	}
	want := History{noon.Add(-time.Hour), noon.Add(time.Hour), noon.Add(40 * time.Minute), "hour", []HistoryPoint{point(-1, 3600), point(0, 2400)}}
	if diff := cmp.Diff(want, got, amounts, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHistoryOfSome(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for path, want := range map[string]uint64{
		"/api/v1/history?step=hour&worker=bob":          64,
		"/api/v1/history?step=hour&user=alice":          128,
		"/api/v1/history?step=hour&pool=main":           192,
		"/api/v1/history?step=hour&route=farm":          192,
		"/api/v1/workers/bob/history?step=hour":         64,
		"/api/v1/workers/alice.rig2/history?step=hour":  64,
		"/api/v1/history?step=hour&from=2026-01-31":     192,
		"/api/v1/history?step=day&from=3d":              576,
		"/api/v1/history?step=auto&from=1d":             192,
		"/api/v1/history?step=auto&from=2025-11-01":     576,
		"/api/v1/history?from=2026-01-31T13:00:00%2B01": 0,
	} {
		if want == 0 {
			wantProblem(t, path, ask{path: path}.do(t, h), 422)
			continue
		}
		if got := told[History](t, h, path); len(got.Points) == 0 || got.Points[0].Accepted != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
	for _, path := range []string{"/api/v1/history?worker=nobody", "/api/v1/workers/nobody/history", "/api/v1/history?from=2025-01-01&to=2025-02-01"} {
		if got := told[History](t, h, path); len(got.Points) != 0 {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestHistoryRefuses(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for query, want := range map[string]string{
		"step=minute&from=2020-01-01":   "step: ",
		"step=second":                   "step: expected value to be one of",
		"from=yesterday":                "from: want an RFC 3339 time",
		"to=tomorrow":                   "to: want an RFC 3339 time",
		"from=-3h":                      "from: want an RFC 3339 time",
		"from=99999999999999d":          "from: want an RFC 3339 time",
		"from=2026-02-02":               "from: it is not before the end, which is 2026-01-31T12:40:00Z",
		"from=1h&to=2h":                 "from: it is not before the end",
		"step=hour&from=0001-01-01":     "points of a hour are too many, at most 50000",
		"to=0001-01-01":                 "to: there is nothing before 1970-01-01",
		"to=0000-01-01":                 "to: there is nothing before 1970-01-01",
		"from=2026-01-31T12:00:00+0100": "from: want an RFC 3339 time",
	} {
		doc := wantProblem(t, query, ask{path: "/api/v1/history?" + strings.ReplaceAll(query, "+", "%2B")}.do(t, h), 422)
		if detail, _ := doc["detail"].(string); !strings.Contains(detail, want) {
			t.Errorf("%s: %s", query, detail)
		}
	}
}

// What was before the beginning is left out, and is no mistake.
func TestHistoryOfAllTime(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for _, query := range []string{"from=0001-01-01", "from=0000-01-01T00:00:00%2B14:00", "from=106000d", "to=1970-01-01T00:00:01Z"} {
		got := told[History](t, h, "/api/v1/history?step=day&"+query)
		if !got.From.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: it begins %s", query, got.From)
		}
		sums := told[RevenueList](t, h, "/api/v1/revenue?"+query)
		if !sums.From.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: sums begin %s", query, sums.From)
		}
	}
	w := ask{path: "/api/v1/export?what=shares&to=0001-01-01"}.do(t, h)
	wantProblem(t, "an export of nothing", w, http.StatusUnprocessableEntity)
}

// Names that are no text are told apart as the store tells them apart.
func TestQuestionsOfNames(t *testing.T) {
	keys := map[string]string{}
	for _, name := range []string{"", "\xff\xfe", "\xfe\xff", "\ufffd", "\ufffd\ufffd", `"`, `" "`, "a\x00"} {
		for _, f := range []store.Filter{{Worker: name}, {User: name}, {Pool: name}, {Route: name}} {
			key := (&question{"history", store.Hour, f}).key()
			if was, ok := keys[key]; ok && name != "" {
				t.Errorf("%q and %q have the key %s", was, name, key)
			}
			keys[key] = name
		}
	}
}

// The step that is picked makes few enough points, and is none of which the sums
// are dropped.
func TestHistoryStep(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for when, want := range map[string]string{
		"from=1h": "minute", "from=24h": "minute", "from=25h": "minute", "from=26h": "hour", "from=62d": "hour", "from=63d": "day",
		"from=2025-12-01T00:00:00Z&to=2025-12-01T05:00:00Z": "hour",
	} {
		if got := told[History](t, h, "/api/v1/history?"+when); got.Step != want {
			t.Errorf("%s: a step of a %s", when, got.Step)
		}
	}
}

// Answers are kept for 10 s, and for 10 min where all of it is over; another
// question is another answer.
func TestHistoryIsKept(t *testing.T) {
	deps, _ := newDeps()
	s, now := newStore(), noon.Add(40*time.Minute)
	deps.Records = newRecords(s)
	deps.Records.Now = func() time.Time { return now }
	var err error
	if deps.Records.Cache, err = NewCache(deps.Records.Now); err != nil {
		t.Fatal(err)
	}
	h := Handler(deps, true)
	for _, c := range []struct {
		path  string
		wait  time.Duration
		asked int
	}{
		{"/api/v1/history?step=hour", 0, 1},
		{"/api/v1/history?step=hour", 9 * time.Second, 1},
		{"/api/v1/history?step=hour&from=24h&to=", 0, 1},
		{"/api/v1/history?step=hour&user=bob", 0, 2},
		{"/api/v1/history?step=hour&worker=bob", 0, 3},
		{"/api/v1/workers/bob/history?step=hour", 0, 3},
		{"/api/v1/history?step=hour", 2 * time.Second, 4},
		{"/api/v1/history?step=hour&from=2026-01-30&to=2026-01-31", 0, 5},
		{"/api/v1/history?step=hour&from=2026-01-30&to=2026-01-31", 9 * time.Minute, 5},
		{"/api/v1/history?step=hour&from=2026-01-30&to=2026-01-31", 2 * time.Minute, 6},
		{"/api/v1/revenue?by=user&to=2026-01-31&from=2026-01-30", 0, 7},
		{"/api/v1/revenue?by=user&to=2026-01-31&from=2026-01-30", time.Minute, 7},
		{"/api/v1/revenue?by=worker&to=2026-01-31&from=2026-01-30", 0, 8},
		{"/api/v1/revenue?by=worker&to=2026-01-31&from=2026-01-30&limit=1", 0, 9},
	} {
		now = now.Add(c.wait)
		first := ask{path: c.path}.do(t, h)
		if first.Code != 200 || s.asked != c.asked {
			t.Errorf("%s: %d, asked %d times, want %d", c.path, first.Code, s.asked, c.asked)
		}
	}
	if c := deps.Records.Cache; c.Hits() != 5 || c.Misses() != 9 {
		t.Errorf("%d hits, %d misses", c.Hits(), c.Misses())
	}
}

// A hashrate is of the time that the store has something of, where that is known.
func TestHistoryUntil(t *testing.T) {
	now := noon.Add(40 * time.Minute)
	for name, c := range map[string]struct {
		shipped []time.Time // before and after it is asked
		until   time.Time
	}{
		"all that happened in the first minute": {[]time.Time{noon.Add(time.Minute), noon.Add(time.Minute)}, noon.Add(time.Minute)},
		"nothing of this hour":                  {[]time.Time{noon, noon}, noon},
		"nobody knows":                          {[]time.Time{{}, {}}, now},
		"more came meanwhile":                   {[]time.Time{noon.Add(time.Minute), noon.Add(2 * time.Minute)}, now},
		"more is on its way":                    {[]time.Time{noon.Add(time.Minute), {}}, now},
		"a clock that was put back":             {[]time.Time{now.Add(time.Hour), now.Add(time.Hour)}, now},
	} {
		deps, _ := newDeps()
		asked := 0
		deps.Records.Shipped = func() time.Time {
			asked++
			return c.shipped[min(asked, len(c.shipped))-1]
		}
		deps.Records.Cache = nil
		got := told[History](t, Handler(deps, true), "/api/v1/history?step=hour&from=100m")
		if len(got.Points) != 2 || !got.Until.Equal(c.until) {
			t.Fatalf("%s: %+v", name, got)
		}
		seconds := max(c.until.Sub(noon).Seconds(), 1)
		for i, want := range []float64{384. * (1 << 32) / 3600, 384. * (1 << 32) / seconds} {
			if rate := got.Points[i].Hashrate; math.Abs(rate/want-1) > 1e-9 {
				t.Errorf("%s: point %d has %g H/s, want %g", name, i, rate, want)
			}
		}
	}
}

// What the store did not have yet when it was asked is not kept for long.
func TestHistoryOfAStoreThatIsBehind(t *testing.T) {
	deps, _ := newDeps()
	s, now, shipped := newStore(), noon.Add(40*time.Minute), time.Time{}
	deps.Records = newRecords(s)
	deps.Records.Now = func() time.Time { return now }
	deps.Records.Shipped = func() time.Time { return shipped }
	var err error
	if deps.Records.Cache, err = NewCache(deps.Records.Now); err != nil {
		t.Fatal(err)
	}
	h := Handler(deps, true)
	const path = "/api/v1/history?step=hour&from=2026-01-30&to=2026-01-31"
	end := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		shipped time.Time
		asked   int
	}{{time.Time{}, 1}, {end.Add(-time.Second), 2}, {end, 3}, {time.Time{}, 3}} {
		shipped = c.shipped
		if told[History](t, h, path); s.asked != c.asked {
			t.Errorf("with all until %s: asked %d times, want %d", c.shipped, s.asked, c.asked)
		}
		now = now.Add(presentTTL + time.Second)
	}
}

// A store that fails is told of, and its words are for the log only. The answer
// is not kept.
func TestHistoryOfAStoreThatFails(t *testing.T) {
	deps, _ := newDeps()
	s := newStore()
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	s.fail = errors.New("password hunter2")
	for _, path := range []string{"/api/v1/history", "/api/v1/revenue", "/api/v1/blocks", "/api/v1/payouts", "/api/v1/payouts/1", "/api/v1/audit", "/api/v1/export?what=hours"} {
		w := ask{path: path, token: secret}.do(t, h)
		wantProblem(t, path, w, http.StatusServiceUnavailable)
		if strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	s.fail = nil
	told[History](t, h, "/api/v1/history")
}

// Without records there are no such paths.
func TestNoRecords(t *testing.T) {
	deps, _ := newDeps()
	deps.Records = nil
	h := Handler(deps, true)
	for _, path := range []string{"history", "revenue", "blocks", "payouts", "payouts/1", "audit", "export?what=hours", "workers/bob/history"} {
		wantProblem(t, path, ask{path: "/api/v1/" + path, token: secret}.do(t, h), http.StatusNotFound)
	}
	if w := (ask{method: http.MethodPost, path: "/api/v1/pools/main/drain", token: secret}).do(t, h); w.Code != 204 {
		t.Errorf("a write without records: %d", w.Code)
	}
}

// What the pool of a dedicated route refused is in both columns and lost once.
func TestLostOnce(t *testing.T) {
	deps, hub := newDeps()
	hub.solo = true
	s := new(fakeStore)
	deps.Records = newRecords(s)
	for _, side := range []store.Side{store.Ours, store.Pools} {
		s.count(noon, "a.b", side, mining.Accepted, 10)
		s.count(noon, "a.b", side, mining.Stale, 20)
	}
	h := Handler(deps, true)
	lost := func() (string, string, string) {
		text := func(s Sat) string { b, _ := s.MarshalJSON(); return string(b) }
		points := told[History](t, h, "/api/v1/history?step=hour").Points
		revenue := told[RevenueList](t, h, "/api/v1/revenue")
		return text(points[0].Lost), text(revenue.All.LostValue), text(revenue.Revenue[0].LostValue)
	}
	if a, b, c := lost(); a != "4" || b != "4" || c != "4" {
		t.Errorf("shared: %s %s %s", a, b, c)
	}
	for i := range s.rollups {
		s.rollups[i].Route = "solo"
	}
	deps.Records.Cache = nil
	if a, b, c := lost(); a != "2" || b != "2" || c != "2" {
		t.Errorf("dedicated: %s %s %s", a, b, c)
	}
}

func TestRevenue(t *testing.T) {
	deps, _ := newDeps()
	kept := newStore()
	deps.Records = newRecords(kept)
	for _, v := range []mining.Verdict{mining.Accepted, mining.Stale} { // of shares that are counted already
		kept.count(noon.Add(5*time.Minute), "bob", store.Twice, v, 7)
		kept.count(noon.Add(5*time.Minute), "bob", store.Found, v, 7)
	}
	h := Handler(deps, true)
	got := told[RevenueList](t, h, "/api/v1/revenue?by=user&from=2026-01-31T11:00:00Z")
	ratio := 4. / 64
	part := func(name string, n uint64, more map[string]Tally, lost string) Revenue {
		tally := func(shares uint64) Tally {
			return Tally{shares, 2 * float64(shares), sat(mining.Amount{Sat: int64(shares / 10), Pico: int64(shares%10) * 1e11})}
		}
		all := map[string]Tally{"stale": tally(2 * n), "pool_low_difficulty": tally(n), "pool_unanswered": tally(2 * n)}
		maps.Copy(all, more)
		return Revenue{
			Name: name, Shares: 64 * n, Work: 128 * float64(n), Value: tally(64 * n).Value, Blocks: 1e-9 * float64(n),
			PoolShares: 60 * n, PoolWork: 120 * float64(n), PoolValue: tally(60 * n).Value,
			Lost: all, LostValue: satOf(t, lost), Sent: tally(64 * n), Answered: tally(61 * n), Unanswered: tally(2 * n),
			Gap: Gap{int64(4 * n), 8 * float64(n), tally(4 * n).Value, &ratio},
		}
	}
	unsent, unpaid := Tally{6, 12, satOf(t, "0.6")}, Tally{10, 20, satOf(t, "1")}
	want := RevenueList{
		From: noon.Add(-time.Hour), To: noon.Add(40 * time.Minute), By: "user", Total: 2,
		All: part("farm", 6, map[string]Tally{"not_submitted": unsent, "unpaid": unpaid}, "4.6"),
		Revenue: []Revenue{
			part("", 2, map[string]Tally{"unpaid": unpaid}, "2"),
			part("alice", 4, map[string]Tally{"not_submitted": unsent}, "2.6"),
		},
	}
	if diff := cmp.Diff(want, got, amounts, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for by, names := range map[string]string{"worker": "alice.rig1 alice.rig2 bob", "pool": "main", "route": "farm", "farm": "farm"} {
		var list []string
		for _, one := range told[RevenueList](t, h, "/api/v1/revenue?by="+by).Revenue {
			list = append(list, one.Name)
		}
		if got := strings.Join(list, " "); got != names {
			t.Errorf("by %s: %s", by, got)
		}
	}
	if got := told[RevenueList](t, h, "/api/v1/revenue?limit=1&offset=1"); got.Total != 3 || len(got.Revenue) != 1 || got.Revenue[0].Name != "alice.rig2" || got.All.Shares != 576 {
		t.Errorf("a page: %+v", got)
	}
	if got := told[RevenueList](t, h, "/api/v1/revenue?worker="+url.QueryEscape("no?body")); got.Total != 0 || got.All.Gap.Ratio != nil {
		t.Errorf("nobody: %+v", got)
	}
}

func TestBlocks(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	want := BlockList{[]Block{{"00ab", noon, 840_000, "bob", "main", "farm", 1e14, 9e13, 312_500_000, "accepted"}}}
	if diff := cmp.Diff(want, told[BlockList](t, h, "/api/v1/blocks")); diff != "" {
		t.Error(diff)
	}
	if got := told[BlockList](t, h, "/api/v1/blocks?worker=alice.rig1"); len(got.Blocks) != 0 {
		t.Errorf("of another: %v", got)
	}
	wantProblem(t, "none", ask{path: "/api/v1/blocks?limit=0"}.do(t, h), 422)
}

// A time is covered by its pieces, once, whatever it is.
func TestPieces(t *testing.T) {
	at := func(text string) time.Time { got, _ := moment(text, noon); return got }
	for _, c := range []struct{ from, to, minutes, want string }{
		{"2026-01-01", "2026-01-03", "2026-01-02", "day 01T00:00-03T00:00"},
		{"2026-01-01T22:00:00Z", "2026-01-03T01:00:00Z", "2026-01-01", "hour 01T22:00-02T00:00 day 02T00:00-03T00:00 hour 03T00:00-03T01:00"},
		{"2026-01-01T22:59:30Z", "2026-01-03T01:00:30Z", "2026-01-01", "minute 01T22:59-01T23:00 hour 01T23:00-02T00:00 day 02T00:00-03T00:00 hour 03T00:00-03T01:00 minute 03T01:00-03T01:01"},
		{"2026-01-01T22:59:30Z", "2026-01-01T23:00:30Z", "2026-01-02", "hour 01T22:00-02T00:00"},
		{"2026-01-01T22:59:30Z", "2026-01-02T01:00:30Z", "2026-01-02", "hour 01T22:00-02T01:00 minute 02T01:00-02T01:01"},
		{"2026-01-01T22:10:30Z", "2026-01-01T22:10:31Z", "2026-01-01", "minute 01T22:10-01T22:11"},
	} {
		var got []string
		for _, p := range pieces(at(c.from), at(c.to), at(c.minutes)) {
			got = append(got, p.step.String()+" "+p.from.Format("02T15:04")+"-"+p.to.Format("02T15:04"))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s to %s: %s, want %s", c.from, c.to, text, c.want)
		}
	}
}

func TestSat(t *testing.T) {
	for _, text := range []string{"0", "12", "0.000000000001", "-3.5", "9223372036854775807.999999999999"} {
		got, err := json.Marshal(satOf(t, text))
		if string(got) != text || err != nil {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
	if got, _ := json.Marshal(less(mining.Amount{Sat: 1}, mining.Amount{Sat: 3, Pico: 5e11})); string(got) != "-2.5" {
		t.Errorf("got %s", got)
	}
}
