package journal

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
)

// anybody takes every token.
type anybody struct{}

func (a anybody) CheckSum(_ auth.Sum, now time.Time) (auth.Identity, error) { return a.Check("", now) }

func (anybody) Check(string, time.Time) (auth.Identity, error) {
	return auth.Identity{Name: auth.AdminName, Role: auth.Admin}, nil
}

// noHub has no miners and no pools.
type noHub struct{}

func (noHub) Miners() []view.MinerState { return nil }
func (noHub) MinerCount() int           { return 0 }
func (noHub) WorkerCount() int          { return 0 }
func (noHub) Pools() []view.PoolState   { return nil }
func (noHub) Routes() []view.RouteState { return nil }
func (noHub) SlotsInUse() int           { return 0 }
func (noHub) Ready() bool               { return true }

func (noHub) MinersOf(string) []view.MinerState { return nil }

// api serves what a warehouse has.
func api(house httpapi.Warehouse, instance string, books *ledger.Ledger, now time.Time) (http.Handler, *httpapi.Records, error) {
	clock := func() time.Time { return now }
	kept, err := httpapi.NewCache(clock)
	records := &httpapi.Records{Warehouse: house, Instance: instance, Now: clock, Cache: kept}
	return httpapi.Handler(httpapi.Deps{
		Model: view.New(view.Deps{Version: "1", Instance: instance, Books: books, Hub: noHub{}, Now: clock, Started: now}),
		Token: anybody{}, Records: records, Now: clock,
	}, true), records, err
}

// ask sends a request straight to a handler.
func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost"
	r.Header.Set("Authorization", "Bearer x")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// told decodes what is answered.
func told[T any](f *farm, h http.Handler, method, path, body string) (out T) {
	w := ask(h, method, path, body)
	if w.Code != http.StatusOK {
		f.Fatalf("%s %s: %d %s", path, body, w.Code, w.Body)
	}
	f.try(json.Unmarshal(w.Body.Bytes(), &out))
	return out
}

func (f *farm) amount(s httpapi.Sat) mining.Amount {
	text, err := s.MarshalJSON()
	f.try(err)
	a, err := mining.ParseAmount(string(text))
	f.try(err)
	return a
}

// api holds what the API answers to the model.
func (f *farm) api() {
	now := f.now.Add(time.Minute)
	h, _, err := api(f.house, f.instance, f.books, now)
	f.try(err)
	const from = "from=2020-01-01"
	for _, step := range store.Steps() {
		f.historyByAPI(h, step, step.Floor(now.Add(-30_000*step.Length())))
		f.export(h, step)
	}
	if !f.partly {
		f.exportShares(h)
	}
	for by, of := range map[string]func(k *rowKey, user string) string{
		"worker": func(k *rowKey, _ string) string { return k.Worker },
		"user":   func(_ *rowKey, user string) string { return user },
		"pool":   func(k *rowKey, _ string) string { return k.Pool },
		"route":  func(k *rowKey, _ string) string { return k.Route },
		"farm":   func(*rowKey, string) string { return "farm" },
	} {
		got := told[httpapi.RevenueList](f, h, http.MethodGet, "/api/v1/revenue?by="+by+"&"+from, "")
		all := f.kept.by(func(k *rowKey, user string) (group, bool) { return group{worker: of(k, user)}, true })
		f.revenue("revenue of all", &got.All, f.kept.by(func(*rowKey, string) (group, bool) { return group{}, true }))
		names := make(map[string]sums)
		for g, c := range all {
			if names[g.worker] == nil {
				names[g.worker] = make(sums)
			}
			names[g.worker].add(group{side: g.side, verdict: g.verdict}, c)
		}
		if len(names) != len(got.Revenue) {
			f.Fatalf("revenue by %s has %d, want %d", by, len(got.Revenue), len(names))
		}
		for i := range got.Revenue {
			r := &got.Revenue[i]
			f.revenue("revenue of "+by+" "+r.Name, r, names[r.Name])
		}
	}
	f.payouts(h, now)
}

// revenue holds one answer to its sides and verdicts.
func (f *farm) revenue(what string, r *httpapi.Revenue, all sums) {
	of := func(side store.Side, v mining.Verdict) store.Cell { return all[group{side: side, verdict: v}] }
	same := func(name string, shares uint64, work float64, value httpapi.Sat, want store.Cell) {
		if shares != want.Shares || !nearly(work, want.Work) || f.amount(value) != want.Value {
			f.Fatalf("%s, %s: %d shares, %v, %v, want %+v", what, name, shares, work, f.amount(value), want)
		}
	}
	var lost, answered store.Cell
	reasons := 0
	lose := func(reason string, c store.Cell) {
		if c.Shares > 0 {
			reasons++
			lost.Add(&c)
		}
		t := r.Lost[reason]
		same(reason, t.Shares, t.Work, t.Value, c)
	}
	for _, v := range mining.Verdicts() {
		ours, pool := of(store.Ours, v), of(store.Pools, v)
		if v != mining.Accepted {
			lose(v.String(), ours)
			lose("pool_"+v.String(), pool)
		}
		if v != mining.Unanswered {
			answered.Add(&pool)
		}
	}
	lose("not_submitted", of(store.Unsent, mining.Accepted))
	ours := of(store.Ours, mining.Accepted)
	same("ours", r.Shares, r.Work, r.Value, ours)
	same("the pool's", r.PoolShares, r.PoolWork, r.PoolValue, of(store.Pools, mining.Accepted))
	same("sent", r.Sent.Shares, r.Sent.Work, r.Sent.Value, of(store.Sent, mining.Accepted))
	same("answered", r.Answered.Shares, r.Answered.Work, r.Answered.Value, answered)
	if f.amount(r.LostValue) != lost.Value || !nearly(r.Blocks, ours.Blocks) || len(r.Lost) != reasons {
		f.Fatalf("%s: lost %v, %v blocks, %d reasons, want %v, %v, %d", what, f.amount(r.LostValue), r.Blocks, len(r.Lost), lost.Value, ours.Blocks, reasons)
	}
}

// historyByAPI holds /history since a time to the model.
func (f *farm) historyByAPI(h http.Handler, step store.Step, from time.Time) {
	got := told[httpapi.History](f, h, http.MethodGet, "/api/v1/history?step="+step.String()+"&from="+from.UTC().Format(time.RFC3339), "")
	want := make(map[int64]map[group]store.Cell)
	for g, c := range f.kept.by(func(k *rowKey, _ string) (group, bool) { return group{at: floor(step, k.at)}, k.at >= from.Unix() }) {
		if want[g.at] == nil {
			want[g.at] = make(map[group]store.Cell)
		}
		want[g.at][group{side: g.side, verdict: g.verdict}] = c
	}
	if len(got.Points) != len(want) {
		f.Fatalf("history by the %v has %d points, want %d", step, len(got.Points), len(want))
	}
	for i := range got.Points {
		p := &got.Points[i]
		of := func(side store.Side, v mining.Verdict) store.Cell {
			return want[p.Time.Unix()][group{side: side, verdict: v}]
		}
		ours, pool := of(store.Ours, mining.Accepted), of(store.Pools, mining.Accepted)
		lost := of(store.Unsent, mining.Accepted).Value
		var rejected, refused uint64
		for _, v := range mining.Verdicts()[1:] {
			o, p2 := of(store.Ours, v), of(store.Pools, v)
			lost = lost.Add(o.Value).Add(p2.Value)
			if v != mining.Unpaid {
				rejected += o.Shares
			}
			if v != mining.Unanswered {
				refused += p2.Shares
			}
			if p.Rejects[v.String()] != o.Shares {
				f.Fatalf("history at %v: %+v", p.Time, p)
			}
		}
		if p.Accepted != ours.Shares || p.PoolAccepted != pool.Shares || p.Rejected != rejected || p.PoolRejected != refused ||
			p.PoolUnanswered != of(store.Pools, mining.Unanswered).Shares || !nearly(p.WorkAccepted, ours.Work) || !nearly(p.PoolWorkAccepted, pool.Work) ||
			f.amount(p.Value) != ours.Value || f.amount(p.PoolValue) != pool.Value || f.amount(p.Lost) != lost {
			f.Fatalf("history by the %v at %v: %+v, want %+v", step, p.Time, p, want[p.Time.Unix()])
		}
	}
}

// table reads an export: a map for each row.
func (f *farm) table(h http.Handler, path string) (rows []map[string]string) {
	w := ask(h, http.MethodGet, path, "")
	if w.Code != http.StatusOK {
		f.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	all, err := csv.NewReader(w.Body).ReadAll()
	f.try(err)
	for _, record := range all[1:] {
		row := make(map[string]string)
		for i, name := range all[0] {
			row[name] = record[i]
			if len(record[i]) > 1 && record[i][0] == '\'' && strings.ContainsRune("=+-@", rune(record[i][1])) {
				row[name] = record[i][1:] // as it is kept from being a formula
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// cellOf reads a row's numbers.
func (f *farm) cellOf(row map[string]string) (c store.Cell) {
	number := func(name string) float64 {
		x, err := strconv.ParseFloat(row[name], 64)
		f.try(err)
		return x
	}
	var err error
	c.Shares, err = strconv.ParseUint(row["shares"], 10, 64)
	f.try(err)
	c.Value, err = mining.ParseAmount(row["value_sat"])
	f.try(err)
	c.Work, c.Blocks, c.Best = number("work"), number("expected_blocks"), number("best_difficulty")
	return c
}

func sideOf(name string) store.Side {
	for _, s := range store.Sides() {
		if s.String() == name {
			return s
		}
	}
	return 0
}

func verdictOf(name string) mining.Verdict {
	for _, v := range mining.Verdicts() {
		if v.String() == name {
			return v
		}
	}
	return mining.Pending
}

// export sums up an export of rollups, which is to be the model.
func (f *farm) export(h http.Handler, step store.Step) {
	got := make(sums)
	for _, row := range f.table(h, "/api/v1/export?from=2020-01-01&what="+step.String()+"s") {
		at, err := time.Parse(time.RFC3339Nano, row["time"])
		f.try(err)
		got.add(group{
			at: at.Unix(), worker: row["worker"], user: row["user"], pool: row["pool"], route: row["route"],
			side: sideOf(row["side"]), verdict: verdictOf(row["verdict"]),
		}, f.cellOf(row))
	}
	f.same("the export by the "+step.String(), got, f.kept.by(func(k *rowKey, user string) (group, bool) {
		return group{at: floor(step, k.at), worker: k.Worker, user: user, pool: k.Pool, route: k.Route}, true
	}))
}

// exportShares sums up an export of single shares.
func (f *farm) exportShares(h http.Handler) {
	got := make(sums)
	rows := f.table(h, "/api/v1/export?from=2020-01-01&what=shares")
	for _, row := range rows {
		work, err := strconv.ParseFloat(row["difficulty"], 64)
		f.try(err)
		value, err := mining.ParseAmount(row["value_sat"])
		f.try(err)
		got.add(group{worker: row["worker"], pool: row["pool"], route: row["route"], side: store.Ours, verdict: verdictOf(row["verdict"])},
			store.Cell{Shares: 1, Work: work, Value: value})
	}
	want := f.kept.by(func(k *rowKey, _ string) (group, bool) {
		return group{worker: k.Worker, pool: k.Pool, route: k.Route}, k.Side == store.Ours
	})
	for g, c := range want {
		c.Best, c.Blocks = 0, 0
		want[g] = c
	}
	f.same("the export of shares", got, want)
}

// payouts divides random amounts, and what each pool's work was expected to earn.
func (f *farm) payouts(h http.Handler, now time.Time) {
	ends := store.Hour.Floor(now)
	if ends.Before(f.begun.Add(time.Hour)) {
		return
	}
	begins := store.Hour.Floor(f.begun.Add(-60 * time.Hour))
	for n, pool := range f.pools {
		of := func(by string) sums {
			return f.kept.by(func(k *rowKey, user string) (group, bool) {
				name := k.Worker
				if by == "user" {
					name = user
				}
				return group{worker: name}, k.Pool == pool && k.Side == store.Pools && k.Verdict == mining.Accepted && k.at < ends.Unix()
			})
		}
		var all store.Cell
		for _, c := range of("worker") {
			all.Add(&c)
		}
		if all.Work == 0 {
			continue
		}
		body := map[string]any{"pool": pool, "reference": strconv.Itoa(n), "from": begins.Format(time.RFC3339), "to": ends.Format(time.RFC3339)}
		want := 1 + f.random.Int64N(2_100_000_000_000_000)
		if body["amount_sat"] = want; f.random.IntN(3) == 0 && all.Value.Sat > 0 {
			want = all.Value.Sat
			delete(body, "amount_sat")
			body["computed"] = true
		}
		for _, by := range []string{"worker", "user"} {
			body["by"] = by
			text, err := json.Marshal(body)
			f.try(err)
			f.payout(told[httpapi.Payout](f, h, http.MethodPost, "/api/v1/payouts", string(text)), want, of(by))
		}
	}
}

// payout holds a payout to its amount and to the work that was done for it.
func (f *farm) payout(got httpapi.Payout, want int64, by sums) {
	var sum int64
	parts := got.Distributions[0].Parts
	for _, p := range parts {
		sum += p.Amount
		if c := by[group{worker: p.Name, side: store.Pools, verdict: mining.Accepted}]; !nearly(p.Work, c.Work) {
			f.Fatalf("the payout has work %v of %q, want %v", p.Work, p.Name, c.Work)
		}
	}
	if sum != want || got.Amount != want || len(parts) != len(by) {
		f.Fatalf("%s: %d parts sum up to %d satoshi of %d, want %d parts", fmt.Sprint(got.Pool, got.Reference), len(parts), sum, want, len(by))
	}
}
