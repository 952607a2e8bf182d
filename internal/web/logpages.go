package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
)

// eventLog is a part of what has happened.
type eventLog struct {
	Rows       []events.Event
	Query      query
	Kinds      []choice
	Severities []choice
	// Older leads to those before, Newest to the first ones; empty: there are none.
	Older, Newest string
	Known         bool
	// Stream is where a browser is told when there is more, after the event Last; empty:
	// what is shown is the past.
	Stream string
	Last   uint64
}

// eventsAPage is how many rows there are at a time.
const eventsAPage = 100

func (s *Server) eventLog(r *http.Request) *eventLog {
	q := queryOf(r, "q", "kind", "severity", "pool", "route", "worker", "before")
	l := &eventLog{Query: q, Known: s.deps.Past != nil, Kinds: q.choices("kind", "Everything")}
	seen := s.kindsFor(r)
	for _, k := range seen {
		l.Kinds = append(l.Kinds, q.choice("kind", string(k)))
	}
	for _, one := range []choice{{Key: "", Name: "All"}, {Key: "warning", Name: "Warnings and worse"}, {Key: "critical", Name: "Critical"}} {
		one.Path, one.Chosen = q.with("severity", one.Key), q.Get("severity") == one.Key
		l.Severities = append(l.Severities, one)
	}
	if !l.Known {
		return l
	}
	f := events.Filter{
		Severity: events.Severity(q.Get("severity")), Pool: q.Get("pool"), Route: q.Get("route"), Worker: q.Get("worker"),
		Text: q.Get("q"), Limit: eventsAPage,
	}
	f.Before, _ = strconv.ParseUint(q.Get("before"), 10, 64) // 0 is the newest
	f.Kinds = shownKinds(q.Get("kind"), seen)
	if f.Before == 0 { // before the page is made, so that who follows from there on misses nothing
		l.Stream, l.Last = "/api/v1/events?"+url.Values{"kinds": {kindList(f.Kinds)}}.Encode(), s.deps.Past.Latest()
	}
	page := s.deps.Past.Query(f)
	l.Rows = page.Events
	if page.Before != 0 {
		l.Older = q.with("before", strconv.FormatUint(page.Before, 10))
	}
	if f.Before != 0 {
		l.Newest = q.with("before", "")
	}
	return l
}

// kindList is a list of kinds as the API takes it.
func kindList(kinds []events.Kind) string {
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ",")
}

// kindsFor are the kinds that who looks may see: what administrators did is for them.
func (s *Server) kindsFor(r *http.Request) []events.Kind {
	if s.deps.Who != nil && s.deps.Who(r.Context()).Role >= auth.Admin {
		return events.Kinds()
	}
	return slices.DeleteFunc(events.Kinds(), func(k events.Kind) bool { return k == events.Act })
}

// shownKinds are those of a name, if it may be seen, or all that may but for those that
// never end.
func shownKinds(name string, seen []events.Kind) []events.Kind {
	if k, ok := events.KindOf(name); ok && slices.Contains(seen, k) {
		return []events.Kind{k}
	}
	return slices.DeleteFunc(slices.Clone(seen), func(k events.Kind) bool { return k == events.Share || k == events.Job })
}

// configurationPage is what is in place, what the file has, and what was.
type configurationPage struct {
	view.Configuration

	Known   bool
	Groups  []settingGroup
	Found   int
	Query   query
	Shows   []choice
	Applied []view.Applied
}

// settingGroup is a table of the file.
type settingGroup struct {
	Name     string
	Settings []shownSetting
}

// shownSetting is a setting by its name in the table.
type shownSetting struct {
	view.Setting

	Name string
}

func (s *Server) configuration(r *http.Request) *configurationPage {
	q := queryOf(r, "q", "show")
	p := &configurationPage{Query: q, Known: s.deps.Config != nil}
	for _, one := range []choice{{Key: "", Name: "Set"}, {Key: "all", Name: "With defaults"}} {
		one.Path, one.Chosen = q.with("show", one.Key), q.Get("show") == one.Key
		p.Shows = append(p.Shows, one)
	}
	if !p.Known {
		return p
	}
	p.Configuration = s.deps.Config.Configured()
	p.Applied = s.deps.Config.Applied()
	text := strings.ToLower(q.Get("q"))
	for _, one := range p.Settings {
		if one.From == "default" && q.Get("show") == "" || !strings.Contains(strings.ToLower(one.Key+" "+one.Value), text) {
			continue
		}
		p.Found++
		group, name := tableOf(one.Key)
		if n := len(p.Groups); n == 0 || p.Groups[n-1].Name != group {
			p.Groups = append(p.Groups, settingGroup{Name: group})
		}
		last := &p.Groups[len(p.Groups)-1]
		last.Settings = append(last.Settings, shownSetting{one, name})
	}
	return p
}

// tableOf divides a key into its table and its name there.
func tableOf(key string) (table, name string) {
	if at := strings.IndexByte(key, ']'); at >= 0 && strings.HasPrefix(key[at+1:], ".") && strings.IndexByte(key, '[') < strings.IndexByte(key, '.') {
		return strings.Replace(key[:at], "[", " ", 1), key[at+2:]
	}
	table, name, found := strings.Cut(key, ".")
	if !found {
		return "", key
	}
	return table, name
}

// auditPage is what administrators did.
type auditPage struct {
	Acts  []store.Act
	Known bool
	Query query
}

const (
	// actsRead is how many acts are read, and actsWithin how long that may take.
	actsRead   = 500
	actsWithin = 5 * time.Second
)

func (s *Server) audit(r *http.Request) (any, error) {
	q := queryOf(r, "q")
	p := &auditPage{Query: q, Known: s.deps.Acts != nil}
	if !p.Known {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), actsWithin)
	defer cancel()
	all, err := s.deps.Acts(ctx, actsRead)
	if err != nil {
		return nil, &Error{http.StatusServiceUnavailable, "The audit record cannot be read now", "The store does not answer. data_dir/audit.jsonl has the same; the page asks again by itself."}
	}
	text := strings.ToLower(q.Get("q"))
	for _, a := range all {
		if strings.Contains(strings.ToLower(a.Who+" "+a.What+" "+a.Detail), text) {
			p.Acts = append(p.Acts, a)
		}
	}
	return p, nil
}

// Kept are the parts of the address that a search leaves as they are.
func (l *eventLog) Kept() []choice { return l.Query.kept() }

// Kept is that of settings, where show is a choice like others.
func (p *configurationPage) Kept() []choice {
	if show := p.Query.Get("show"); show != "" {
		return []choice{{Key: "show", Name: show}}
	}
	return nil
}
