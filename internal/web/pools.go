package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/view"
)

func poolPages() []Page {
	return []Page{
		{
			Path: "/pools", Name: "Pools", Icon: "pools", Least: auth.Viewer, Template: "pools.html", Every: liveEvery,
			Data: func(s *Server, r *http.Request) (any, error) { return s.poolList(r), nil },
		},
		{
			Path: "/pools/{name}", Under: "/pools", Least: auth.Viewer, Template: "pool.html", Every: 2 * liveEvery,
			Data:  func(s *Server, r *http.Request) (any, error) { return s.pool(r) },
			Title: titled(func(p *poolPage) string { return p.Name }),
		},
	}
}

func poolPath(name string) string { return "/pools/" + url.PathEscape(name) }

// poolList is all pools.
type poolList struct {
	Pools    []poolRow
	Routes   []view.Route
	Switches []events.Event
	// Past says that it is known what has happened.
	Past bool
	Axis []string
}

// poolRow is a pool with its last day.
type poolRow struct {
	*view.Pool

	Line template.HTML
	// Hour is what it earned in the last one, if Added says that this is known.
	Hour  Earned
	Added bool
}

// Path is where the pool's own page is.
func (p poolRow) Path() string { return poolPath(p.Name) }

func (s *Server) poolList(r *http.Request) *poolList {
	e := s.earnings(r.Context())
	list := &poolList{Routes: s.deps.Model.Routes(), Past: s.deps.Log != nil, Axis: axis(s.deps.Now(), 24*time.Hour)}
	pools := s.deps.Model.Pools()
	for i := range pools {
		row := poolRow{Pool: &pools[i], Added: !e.At.IsZero()}
		for _, part := range e.ByPool {
			if part.Name == row.Name {
				row.Hour = part
			}
		}
		if list.Past {
			t := s.deps.Log.Timeline(row.Name, s.deps.Now().Add(-24*time.Hour), s.deps.Now())
			row.Line = timeline(&t)
			list.Switches = append(list.Switches, t.Switches...)
		}
		list.Pools = append(list.Pools, row)
	}
	list.Switches = latest(list.Switches, 20)
	return list
}

// latest are the last of several logs, each once, the newest first.
func latest(all []events.Event, n int) []events.Event {
	slices.SortFunc(all, func(a, b events.Event) int { return int(b.ID) - int(a.ID) }) //nolint:gosec // ids are small
	all = slices.CompactFunc(all, func(a, b events.Event) bool { return a.ID == b.ID })
	return all[:min(n, len(all))]
}

// poolPage is one pool.
type poolPage struct {
	view.Pool

	Spans    []choice
	SpanName string
	History  string
	Line     template.HTML
	Axis     []string
	Past     bool
	Timeline events.Timeline
	Causes   []cause
	Earned   Earned
	Known    bool
	Routes   []string
}

func (s *Server) pool(r *http.Request) (any, error) {
	name := r.PathValue("name")
	pools := s.deps.Model.Pools()
	at := slices.IndexFunc(pools, func(p view.Pool) bool { return p.Name == name })
	if at < 0 {
		return nil, &Error{http.StatusNotFound, "There is no such pool", fmt.Sprintf("No pool of the configuration is called %q.", name)}
	}
	q := queryOf(r, "span")
	key, words, length, all := spanOf(&q)
	p := &poolPage{
		Pool: pools[at], Spans: all, SpanName: words, Past: s.deps.Log != nil, Axis: axis(s.deps.Now(), length),
		History: "/api/v1/history?" + url.Values{"pool": {name}, "from": {key}}.Encode(),
	}
	if p.Past {
		p.Timeline = s.deps.Log.Timeline(name, s.deps.Now().Add(-length), s.deps.Now())
		p.Line = timeline(&p.Timeline)
		slices.Reverse(p.Timeline.Intervals)
		p.Timeline.Intervals = p.Timeline.Intervals[:min(50, len(p.Timeline.Intervals))]
		p.Timeline.Switches = latest(p.Timeline.Switches, 50)
	}
	for _, route := range s.deps.Model.Routes() {
		if slices.Contains(route.Pools, name) || slices.ContainsFunc(route.Split, func(part view.Part) bool { return slices.Contains(part.Pools, name) }) {
			p.Routes = append(p.Routes, route.Name)
		}
	}
	p.Earned, p.Known = s.earnedOf(r.Context(), Whose{By: "farm", Pool: name}, length)
	p.Causes = causesOf(p.Earned.Lost)
	return p, nil
}

// timeline is a bar of the states of a time.
func timeline(t *events.Timeline) template.HTML {
	const width = 1000
	whole := t.To.Sub(t.From).Seconds()
	var b strings.Builder
	b.WriteString(`<svg class="timeline" viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label="` + template.HTMLEscapeString(inWords(t)) + `">`)
	for i := range t.Intervals {
		is := &t.Intervals[i]
		from := width * is.From.Sub(t.From).Seconds() / whole
		fmt.Fprintf(&b, `<rect class="%s" x="%.2f" y="0" width="%.2f" height="24"><title>%s</title></rect>`,
			stateClass(is.State), from, max(width*is.Seconds/whole, 1.5), template.HTMLEscapeString(intervalText(is)))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // what is of others is escaped
}

// stateClass is how a state is coloured in a timeline.
func stateClass(state string) string {
	switch state {
	case view.PoolStandby, view.PoolDisabled:
		return "standby"
	case events.Unknown, events.NotRunning:
		return "none"
	}
	return tone(state)
}

func intervalText(is *events.Interval) string {
	text := fmt.Sprintf("%s from %s for %s", words(is.State), clock(is.From), span(is.Seconds))
	if is.Error != "" {
		text += ": " + is.Error
	}
	return text
}

// inWords is how long each state lasted, for who cannot see it.
func inWords(t *events.Timeline) string {
	var states []string
	sums := map[string]float64{}
	for i := range t.Intervals {
		is := &t.Intervals[i]
		if _, ok := sums[is.State]; !ok {
			states = append(states, is.State)
		}
		sums[is.State] += is.Seconds
	}
	for i, state := range states {
		states[i] = words(state) + " " + span(sums[state])
	}
	return strings.Join(states, ", ")
}

// axis are the times below a bar.
func axis(now time.Time, length time.Duration) []string {
	const parts = 4
	layout := "15:04"
	if length > 24*time.Hour {
		layout = "Jan 2"
	}
	all := make([]string, 0, parts+1)
	for i := range parts {
		all = append(all, now.Add(-length+length*time.Duration(i)/parts).UTC().Format(layout))
	}
	return append(all, "now")
}
