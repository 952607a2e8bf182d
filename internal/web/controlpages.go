package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/view"
)

// controlPages are those of what there is besides figures, and of who did what.
func controlPages() []Page {
	page := func(path, name, icon string, data func(s *Server, r *http.Request) (any, error)) Page {
		return Page{Path: path, Name: name, Icon: icon, Least: auth.Viewer, Template: icon + ".html", Every: liveEvery, Data: data}
	}
	all := []Page{
		page("/connections", "Connections", "connections", func(s *Server, r *http.Request) (any, error) { return s.connections(r), nil }),
		page("/alerts", "Alerts", "alerts", func(s *Server, _ *http.Request) (any, error) { return s.alertPage(), nil }),
		page("/bans", "Bans", "bans", func(s *Server, r *http.Request) (any, error) { return s.banTable(r), nil }),
		page("/events", "Events", "events", func(s *Server, r *http.Request) (any, error) { return s.eventLog(r), nil }),
		page("/configuration", "Configuration", "configuration", func(s *Server, r *http.Request) (any, error) { return s.configuration(r), nil }),
		page("/profile", "Profile", "profile", func(s *Server, r *http.Request) (any, error) { return s.profile(r), nil }),
		page("/audit", "Audit", "audit", func(s *Server, r *http.Request) (any, error) { return s.audit(r) }),
	}
	for i := range all {
		one := &all[i]
		switch one.Path {
		case "/alerts", "/configuration":
			one.Gap = true
		case "/audit":
			one.Least, one.Every = auth.Admin, 3*liveEvery
		}
	}
	return all
}

// connectionsAPage is how many rows there are at a time.
const connectionsAPage = 100

// connectionTable is a part of all connections.
type connectionTable struct {
	All, Found    int
	Rows          []connectionRow
	Columns       []column
	Query         query
	States        []choice
	Routes, Pools []choice
	Pager         pager
	// Shown is the one that is looked at, Missing that it is gone; Back leads on without.
	Shown   *view.Miner
	Missing uint64
	Back    string
}

// connectionRow is a connection with where more of it is.
type connectionRow struct {
	*view.Miner

	Path  string
	Shown bool
}

// Worker is the first of its logins.
func (c connectionRow) Worker() string {
	if len(c.Workers) == 0 {
		return ""
	}
	return c.Workers[0]
}

func firstWorker(m *view.Miner) string { return connectionRow{Miner: m}.Worker() }

func lastShare(m *view.Miner) time.Time {
	if m.LastShareAt == nil {
		return time.Time{}
	}
	return *m.LastShareAt
}

// connectionOrders are what the table may be sorted by.
//
//nolint:gochecknoglobals // a table
var connectionOrders = map[string]func(a, b *view.Miner) int{
	"id":         func(a, b *view.Miner) int { return cmp.Compare(a.ID, b.ID) },
	"worker":     func(a, b *view.Miner) int { return strings.Compare(firstWorker(a), firstWorker(b)) },
	"remote":     func(a, b *view.Miner) int { return strings.Compare(a.Remote, b.Remote) },
	"software":   func(a, b *view.Miner) int { return strings.Compare(a.UserAgent, b.UserAgent) },
	"pool":       func(a, b *view.Miner) int { return strings.Compare(a.Pool, b.Pool) },
	"hashrate":   func(a, b *view.Miner) int { return cmp.Compare(a.Hashrate, b.Hashrate) },
	"difficulty": func(a, b *view.Miner) int { return cmp.Compare(a.Difficulty, b.Difficulty) },
	"accepted":   func(a, b *view.Miner) int { return cmp.Compare(a.Accepted, b.Accepted) },
	"rejected":   func(a, b *view.Miner) int { return cmp.Compare(a.Rejected, b.Rejected) },
	"score":      func(a, b *view.Miner) int { return cmp.Compare(a.Score, b.Score) },
	"last_share": func(a, b *view.Miner) int { return lastShare(a).Compare(lastShare(b)) },
	"age":        func(a, b *view.Miner) int { return cmp.Compare(a.AgeSeconds, b.AgeSeconds) },
}

func connectionColumns() []column {
	return []column{
		{Key: "worker", Name: "Worker"},
		{Key: "id", Name: "Connection", Num: true},
		{Key: "remote", Name: "From"},
		{Key: "software", Name: "Software"},
		{Name: "State"},
		{Key: "pool", Name: "Pool"},
		{Key: "hashrate", Name: "Hashrate", Num: true, Down: true},
		{Key: "difficulty", Name: "Difficulty", Num: true, Down: true},
		{Key: "accepted", Name: "Accepted", Num: true, Down: true},
		{Key: "rejected", Name: "Rejected", Num: true, Down: true},
		{Key: "score", Name: "Score", Num: true, Down: true},
		{Key: "last_share", Name: "Last share", Num: true, Down: true},
		{Key: "age", Name: "Connected", Num: true, Down: true},
	}
}

func (s *Server) connections(r *http.Request) *connectionTable {
	q := queryOf(r, "q", "state", "route", "pool", "show")
	var all []view.Miner
	if s.deps.Miners != nil {
		all = s.deps.Miners()
	}
	t := &connectionTable{All: len(all), Query: q, Columns: q.columns(connectionColumns(), "worker"), Routes: q.choices("route", "All routes"), Pools: q.choices("pool", "All pools"), Back: q.with("show", "")}
	for _, one := range []choice{{Key: "", Name: "All"}, {Key: "mining", Name: "Mining"}, {Key: "new", Name: "Not yet"}, {Key: "warned", Name: "With warnings"}} {
		one.Path, one.Chosen = q.with("state", one.Key), q.Get("state") == one.Key
		t.States = append(t.States, one)
	}
	for _, route := range s.deps.Model.Routes() {
		t.Routes = append(t.Routes, q.choice("route", route.Name))
	}
	for _, pool := range s.deps.Model.Pools() {
		t.Pools = append(t.Pools, q.choice("pool", pool.Name))
	}
	shown, _ := strconv.ParseUint(q.Get("show"), 10, 64) // 0 is none
	var found []*view.Miner
	for i := range all {
		if all[i].ID == shown {
			t.Shown = &all[i]
		}
		if picksMiner(&all[i], &q) {
			found = append(found, &all[i])
		}
	}
	if t.Shown == nil {
		t.Missing = shown
	}
	sortBy(found, connectionOrders, &q, "worker")
	t.Found, t.Pager = len(found), q.pager(len(found), connectionsAPage)
	for _, m := range found[t.Pager.From:t.Pager.To] {
		t.Rows = append(t.Rows, connectionRow{m, q.with("show", strconv.FormatUint(m.ID, 10)), m.ID == shown})
	}
	return t
}

func picksMiner(m *view.Miner, q *query) bool {
	switch q.Get("state") {
	case "mining":
		if m.State != view.MinerMining {
			return false
		}
	case "new":
		if m.State == view.MinerMining {
			return false
		}
	case "warned":
		if len(m.Warnings) == 0 && (m.Response == "" || m.Response == "normal") {
			return false
		}
	}
	if route := q.Get("route"); route != "" && m.Route != route {
		return false
	}
	if pool := q.Get("pool"); pool != "" && m.Pool != pool {
		return false
	}
	text := strings.ToLower(q.Get("q"))
	if text == "" {
		return true
	}
	has := func(in string) bool { return strings.Contains(strings.ToLower(in), text) }
	return has(m.Remote) || has(m.UserAgent) || slices.ContainsFunc(m.Workers, has)
}

// bansAPage is how many rows there are at a time.
const bansAPage = 50

// banTable is who is kept out.
type banTable struct {
	All, Found int
	Rows       []banRow
	Query      query
	Kinds      []choice
	Causes     []choice
	Pager      pager
}

// banRow is a ban.
type banRow struct {
	bans.Entry

	ID, Who string
	InForce bool
	// Left is how many seconds there are to its end; 0: it has none.
	Left float64
}

func (s *Server) banTable(r *http.Request) *banTable {
	q := queryOf(r, "q", "kind", "cause", "past")
	t := &banTable{Query: q}
	for _, one := range []choice{{Key: "", Name: "All"}, {Key: "ban", Name: "Bans"}, {Key: "pause", Name: "Pauses"}} {
		one.Path, one.Chosen = q.with("kind", one.Key), q.Get("kind") == one.Key
		t.Kinds = append(t.Kinds, one)
	}
	for _, one := range []choice{{Key: "", Name: "By anybody"}, {Key: "operator", Name: "By operators"}, {Key: "threat", Name: "By loka"}} {
		one.Path, one.Chosen = q.with("cause", one.Key), q.Get("cause") == one.Key
		t.Causes = append(t.Causes, one)
	}
	if s.deps.Bans == nil {
		return t
	}
	now := s.deps.Now()
	t.All = len(s.deps.Bans.List(bans.Filter{}, now))
	f := bans.Filter{Kind: bans.Kind(q.Get("kind")), Cause: bans.Cause(q.Get("cause")), Remembered: q.Get("past") != ""}
	text := strings.ToLower(q.Get("q"))
	at, err := netip.ParseAddr(text)
	var found []bans.Entry
	for _, e := range s.deps.Bans.List(f, now) {
		inside := err == nil && e.Contains(at)
		if inside || strings.Contains(strings.ToLower(e.String()+" "+e.Comment+" "+e.By), text) {
			found = append(found, e)
		}
	}
	t.Found, t.Pager = len(found), q.pager(len(found), bansAPage)
	for _, e := range found[t.Pager.From:t.Pager.To] {
		row := banRow{Entry: e, ID: e.ID(), Who: whoIsBanned(&e), InForce: e.InForce(now)}
		if !e.Until.IsZero() {
			row.Left = e.Until.Sub(now).Seconds()
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// whoIsBanned is a subject in words.
func whoIsBanned(e *bans.Entry) string {
	switch address := e.Address(); {
	case address == "":
		return e.Login
	case e.Login == "":
		return address
	default:
		return fmt.Sprintf("%s at %s", e.Login, address)
	}
}

// Kept are the parts of the address that a search leaves as they are.
func (t *connectionTable) Kept() []choice { return t.Query.kept() }

// Kept is that of bans.
func (t *banTable) Kept() []choice { return t.Query.kept() }
