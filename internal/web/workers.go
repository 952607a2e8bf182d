package web

import (
	"html/template"
	"net/http"
	"net/url"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/view"
)

// workersAPage is how many rows there are at a time.
const workersAPage = 50

func workerPages() []Page {
	return []Page{
		{
			Path: "/workers", Name: "Workers", Icon: "workers", Least: auth.Viewer, Template: "workers.html", Every: 2 * liveEvery,
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

// workerOrders are what the table may be sorted by, and what that is of the model's; the
// words are those of the address.
//
//nolint:gochecknoglobals // a table
var workerOrders = map[string]view.WorkerOrder{
	"name": {Key: "name"}, "pool": {Key: "pool"}, "hashrate": {Key: "hashrate_10m"}, "day": {Key: "hashrate_24h"}, "difficulty": {Key: "difficulty"},
	"accepted": {Key: "accepted"}, "rejects": {Key: "reject_rate"}, "value": {Key: "value_sat_24h"},
	"last_share": {Key: "last_share_at", Down: true}, // how long ago
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
	shown     view.WorkersShown
}{
	{"", "All", view.AllWorkers},
	{"here", "Connected", view.WorkersHere},
	{"away", "Away", view.WorkersAway},
	{"rejects", "Rejecting", view.WorkersRejecting},
}

func (s *Server) workerTable(r *http.Request) *workerTable {
	q := queryOf(r, "q", "show", "route", "pool")
	t := &workerTable{Query: q, Columns: q.columns(workerColumns(), "name"), Routes: q.choices("route", "All routes"), Pools: q.choices("pool", "All pools")}
	ask := view.WorkerQuery{Text: q.Get("q"), Route: q.Get("route"), Pool: q.Get("pool"), Offset: max(q.page()-1, 0) * workersAPage, Limit: workersAPage}
	for _, one := range shows {
		chosen := q.Get("show") == one.key
		if chosen {
			ask.Shown = one.shown
		}
		t.Shows = append(t.Shows, choice{one.key, one.name, q.with("show", one.key), chosen})
	}
	for _, route := range s.deps.Model.Routes() {
		t.Routes = append(t.Routes, q.choice("route", route.Name))
	}
	for _, pool := range s.deps.Model.Pools() {
		t.Pools = append(t.Pools, q.choice("pool", pool.Name))
	}
	key, down := q.order("name")
	by, ok := workerOrders[key]
	if !ok {
		by = workerOrders["name"]
	}
	by.Down = by.Down != down
	ask.By = []view.WorkerOrder{by}
	page := s.deps.Model.Workers(ask)
	t.Pager = q.pager(page.Found, workersAPage)
	if t.Pager.From != ask.Offset { // there are fewer pages than that
		ask.Offset = t.Pager.From
		page = s.deps.Model.Workers(ask)
		t.Pager = q.pager(page.Found, workersAPage)
	}
	t.All, t.Found, t.Here = page.All, page.Found, page.Here
	t.Rows, t.Trend = s.workerRows(page.Workers)
	return t
}

// workerRows gives each its picture.
func (s *Server) workerRows(of []view.Worker) ([]workerRow, string) {
	names := make([]string, len(of))
	for i := range of {
		names[i] = of[i].Name
	}
	trend := s.deps.Model.WorkerTrends(names)
	rows := make([]workerRow, len(of))
	for i := range of {
		rows[i] = workerRow{&of[i], spark(&trend, i)}
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
