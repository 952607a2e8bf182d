package durable

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/big"
	"net/url"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
)

// books are the totals that the proxy's API tells.
type books struct {
	accepted     uint64
	poolAccepted uint64
	workers      map[string]uint64
}

// books reads the totals, which must agree among themselves.
func (p *proxy) books() books {
	p.t.Helper()
	var sum view.Summary
	var list struct{ Workers []view.Worker }
	p.get("/api/v1/summary", &sum)
	p.get("/api/v1/workers", &list)
	b := books{sum.Shares.Accepted, sum.Shares.PoolAccepted, map[string]uint64{}}
	var all uint64
	for i := range list.Workers {
		w := &list.Workers[i]
		b.workers[w.Name] = w.Accepted
		all += w.Accepted
	}
	if all != b.accepted {
		p.t.Errorf("workers have %d accepted shares, the summary %d", all, b.accepted)
	}
	return b
}

// lag is the worst of what was lost.
type lag struct {
	// shares is how many of one life, and age how long before its end the oldest of
	// them was acknowledged.
	shares int
	age    time.Duration
}

// kept are a store's accepted shares, by what miners know of them.
type kept map[share]int

// lost compares what is kept with what miners were told. What they were not told of
// may be there or not; all else has to be, but for what was acknowledged just
// before a life was cut at the time in ends. It returns the worst of these lives.
func (f *farm) lost(k kept, ends map[int]time.Time) lag {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	lives := map[int]lag{}
	known := map[share]bool{}
	for _, s := range f.accepted {
		if known[s.share] {
			f.t.Errorf("%+v was accepted twice", s)
		}
		known[s.share] = true
		if k[s.share] == 1 {
			continue
		}
		end, cut := ends[s.life]
		if !cut || k[s.share] > 1 {
			f.t.Errorf("%s: a share of life %d, of difficulty %g, is kept %d times", s.worker, s.life, s.reached, k[s.share])
			continue
		}
		of := lives[s.life]
		of.shares++
		of.age = max(of.age, end.Sub(s.at))
		lives[s.life] = of
	}
	var worst lag
	for _, of := range lives {
		worst.shares, worst.age = max(worst.shares, of.shares), max(worst.age, of.age)
	}
	strange := 0
	for s := range k {
		if _, unheard := f.unheard[s]; !known[s] && !unheard {
			strange++
		}
	}
	if strange > 0 {
		f.t.Errorf("%d shares are kept that no miner knows of", strange)
	}
	return worst
}

// table is what the proxy exports.
func (p *proxy) table(what string) (rows [][]string, column map[string]int) {
	p.t.Helper()
	body, err := p.read("/api/v1/export?" + url.Values{"what": {what}}.Encode())
	if err == nil {
		rows, err = csv.NewReader(bytes.NewReader(body)).ReadAll()
	}
	if err != nil || len(rows) == 0 {
		p.t.Fatalf("export of %s: %v", what, err)
	}
	column = map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	return rows[1:], column
}

// sum is a count and what it is worth.
type sum struct {
	shares uint64
	value  *big.Rat
}

func newSum() *sum { return &sum{value: new(big.Rat)} }

func (s *sum) add(shares uint64, value string) bool {
	v, ok := new(big.Rat).SetString(value)
	if ok {
		s.shares += shares
		s.value.Add(s.value, v)
	}
	return ok
}

func (s *sum) is(o *sum) bool { return s.shares == o.shares && s.value.Cmp(o.value) == 0 }

// history demands that single shares, sums of minutes, of hours and of days and the
// history are the same, to the last part of a satoshi, and the totals in number;
// each id is there once. It returns the accepted shares.
func (p *proxy) history(b books) kept {
	p.t.Helper()
	rows, at := p.table("shares")
	all, ids, out := newSum(), map[string]bool{}, kept{}
	workers := map[string]uint64{}
	for _, r := range rows {
		if ids[r[at["id"]]] {
			p.t.Errorf("share %s is there twice", r[at["id"]])
		}
		ids[r[at["id"]]] = true
		if r[at["verdict"]] != mining.Accepted.String() {
			continue
		}
		d, err := strconv.ParseFloat(r[at["reached_difficulty"]], 64)
		if err != nil || !all.add(1, r[at["value_sat"]]) {
			p.t.Fatalf("a share is %q: %v", r, err)
		}
		out[share{r[at["worker"]], d}]++
		workers[r[at["worker"]]]++
	}
	for _, what := range []string{"minutes", "hours", "days"} {
		rows, at := p.table(what)
		of := newSum()
		for _, r := range rows {
			n, err := strconv.ParseUint(r[at["shares"]], 10, 64)
			if r[at["side"]] == "ours" && r[at["verdict"]] == mining.Accepted.String() && (err != nil || !of.add(n, r[at["value_sat"]])) {
				p.t.Fatalf("a sum is %q: %v", r, err)
			}
		}
		if !of.is(all) {
			p.t.Errorf("%s have %d shares of %s sat, single shares are %d of %s", what, of.shares, of.value.FloatString(12), all.shares, all.value.FloatString(12))
		}
	}
	var doc struct {
		Points []struct {
			Accepted uint64
			Value    json.Number `json:"value_sat"`
		}
	}
	p.get("/api/v1/history?step=minute&from=12h", &doc)
	of := newSum()
	for _, point := range doc.Points {
		if !of.add(point.Accepted, point.Value.String()) {
			p.t.Fatalf("a point is %+v", point)
		}
	}
	if !of.is(all) {
		p.t.Errorf("the history has %d shares of %s sat, single shares are %d of %s", of.shares, of.value.FloatString(12), all.shares, all.value.FloatString(12))
	}
	if all.shares != b.accepted || all.value.Sign() <= 0 {
		p.t.Errorf("%d shares of %s sat are kept, the totals have %d", all.shares, all.value.FloatString(12), b.accepted)
	}
	for name, n := range b.workers {
		if workers[name] != n {
			p.t.Errorf("%s has %d shares that are kept, and %d in total", name, workers[name], n)
		}
	}
	return out
}
