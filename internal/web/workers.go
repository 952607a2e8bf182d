package web

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/view"
)

// workersAPage is how many rows there are at a time.
const workersAPage = 50

func workerPages() []Page {
	return []Page{
		{
			Path: "/workers", Name: "Workers", Icon: "workers", Least: auth.Viewer, Template: "workers.html", Every: liveEvery,
			Data: func(s *Server, r *http.Request) (any, error) { return s.workerTable(r), nil },
		},
		{
			Path: "/workers/{name}", Under: "/workers", Least: auth.Viewer, Template: "worker.html", Every: 2 * liveEvery,
			Data:  func(s *Server, r *http.Request) (any, error) { return s.worker(r) },
			Title: titled(func(w *workerPage) string { return w.Name }),
		},
	}
}

// titled is a page's title of what it shows.
func titled[T any](title func(T) string) func(any) string {
	return func(data any) string {
		if of, ok := data.(T); ok {
			return title(of)
		}
		return ""
	}
}

// workerTable is a part of all workers.
type workerTable struct {
	// All counts all workers, Found those that were asked for.
	All, Found, Here int
	Rows             []workerRow
	Columns          []column
	Query            query
	Shows            []choice
	Routes, Pools    []choice
	// Trend is what the small pictures are of.
	Trend string
	Pager pager
}

// workerRow is a worker with its picture.
type workerRow struct {
	*view.Worker

	Spark template.HTML
}

// Path is where the worker's own page is.
func (w workerRow) Path() string { return workerPath(w.Name) }

func workerPath(name string) string { return "/workers/" + url.PathEscape(name) }

// Rejects is the part that we refused.
func (w workerRow) Rejects() template.HTML {
	return part(float64(w.Rejected), float64(w.Accepted+w.Rejected))
}

// PoolRejects is the part that the pool refused.
func (w workerRow) PoolRejects() template.HTML {
	return part(float64(w.PoolRejected), float64(w.PoolAccepted+w.PoolRejected))
}

// Tone says whether it refuses much.
func (w workerRow) Tone() string {
	all := w.Accepted + w.Rejected
	if all >= judgedFrom && float64(w.Rejected) > 0.05*float64(all) {
		return "bad"
	}
	return ""
}

func rejects(w *view.Worker) float64 {
	if all := w.Accepted + w.Rejected; all > 0 {
		return float64(w.Rejected) / float64(all)
	}
	return 0
}

func shareAge(w *view.Worker) float64 {
	if w.LastShareAge == nil {
		return 1e18
	}
	return *w.LastShareAge
}

// workerOrders are what the table may be sorted by; the words are those of the address.
//
//nolint:gochecknoglobals // a table
var workerOrders = map[string]func(a, b *view.Worker) int{
	"name":       func(a, b *view.Worker) int { return strings.Compare(a.Name, b.Name) },
	"hashrate":   func(a, b *view.Worker) int { return cmp.Compare(a.Hashrate.TenMinutes, b.Hashrate.TenMinutes) },
	"day":        func(a, b *view.Worker) int { return cmp.Compare(a.Hashrate.Day, b.Hashrate.Day) },
	"difficulty": func(a, b *view.Worker) int { return cmp.Compare(a.Difficulty, b.Difficulty) },
	"accepted":   func(a, b *view.Worker) int { return cmp.Compare(a.Accepted, b.Accepted) },
	"rejects":    func(a, b *view.Worker) int { return cmp.Compare(rejects(a), rejects(b)) },
	"value": func(a, b *view.Worker) int {
		return cmp.Compare(a.Business.Value24h, b.Business.Value24h)
	},
	"pool":       func(a, b *view.Worker) int { return strings.Compare(a.Pool, b.Pool) },
	"last_share": func(a, b *view.Worker) int { return cmp.Compare(shareAge(a), shareAge(b)) },
}

// workerColumns are the heads of the table.
func workerColumns() []column {
	return []column{
		{Key: "name", Name: "Worker"},
		{Key: "pool", Name: "Pool"},
		{Name: "Trend"},
		{Key: "hashrate", Name: "10 min", Num: true, Down: true},
		{Key: "day", Name: "24 h", Num: true, Down: true},
		{Key: "difficulty", Name: "Difficulty", Num: true, Down: true},
		{Key: "accepted", Name: "Accepted", Num: true, Down: true},
		{Key: "rejects", Name: "Rejected", Num: true, Down: true},
		{Name: "By the pool", Num: true},
		{Key: "value", Name: "Value 24 h", Num: true, Down: true},
		{Key: "last_share", Name: "Last share", Num: true},
	}
}

// shows are which workers are shown.
//
//nolint:gochecknoglobals // a table
var shows = []struct {
	key, name string
	takes     func(w *view.Worker) bool
}{
	{"", "All", func(*view.Worker) bool { return true }},
	{"here", "Connected", func(w *view.Worker) bool { return w.Miners > 0 }},
	{"away", "Away", func(w *view.Worker) bool { return w.Miners == 0 }},
	{"rejects", "Rejecting", func(w *view.Worker) bool {
		return rejects(w) > 0.02 && w.Accepted+w.Rejected >= 20
	}},
}

func (s *Server) workerTable(r *http.Request) *workerTable {
	all := s.deps.Model.Workers()
	q := queryOf(r, "q", "show", "route", "pool")
	t := &workerTable{All: len(all), Query: q, Columns: q.columns(workerColumns(), "name"), Routes: q.choices("route", "All routes"), Pools: q.choices("pool", "All pools")}
	for _, one := range shows {
		t.Shows = append(t.Shows, choice{one.key, one.name, q.with("show", one.key), q.Get("show") == one.key})
	}
	for _, route := range s.deps.Model.Routes() {
		t.Routes = append(t.Routes, q.choice("route", route.Name))
	}
	for _, pool := range s.deps.Model.Pools() {
		t.Pools = append(t.Pools, q.choice("pool", pool.Name))
	}
	found := pickWorkers(all, &q)
	for i := range all {
		if all[i].Miners > 0 {
			t.Here++
		}
	}
	t.Found = len(found)
	sortBy(found, workerOrders, &q, "name")
	t.Pager = q.pager(len(found), workersAPage)
	t.Rows, t.Trend = s.workerRows(found[t.Pager.From:t.Pager.To])
	return t
}

// pickWorkers are those that are asked for.
func pickWorkers(all []view.Worker, q *query) []*view.Worker {
	text, route, pool := strings.ToLower(q.Get("q")), q.Get("route"), q.Get("pool")
	takes := shows[0].takes
	for _, one := range shows {
		if one.key == q.Get("show") {
			takes = one.takes
		}
	}
	found := make([]*view.Worker, 0, len(all))
	for i := range all {
		w := &all[i]
		if takes(w) && (route == "" || w.Route == route) && (pool == "" || w.Pool == pool) && (text == "" || strings.Contains(strings.ToLower(w.Name), text)) {
			found = append(found, w)
		}
	}
	return found
}

// workerRows gives each its picture.
func (s *Server) workerRows(of []*view.Worker) ([]workerRow, string) {
	names := make([]string, len(of))
	for i, w := range of {
		names[i] = w.Name
	}
	trend := s.deps.Model.WorkerTrends(names)
	rows := make([]workerRow, len(of))
	for i, w := range of {
		rows[i] = workerRow{w, spark(&trend, i)}
	}
	return rows, trendName(&trend)
}

func trendName(t *ledger.Trend) string {
	switch t.Window {
	case ledger.TenMinutes:
		return "the last ten minutes"
	case ledger.Hour:
		return "the last hour"
	case ledger.Minute, ledger.Day:
	}
	return "the last day"
}
