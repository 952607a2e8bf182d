package top

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

const (
	// askTimeout bounds a question, storeTimeout one about the past.
	askTimeout   = 10 * time.Second
	storeTimeout = 25 * time.Second
	// leastWindow is how many rows are asked for at the least.
	leastWindow = 60
)

// answerMsg is what was answered to a question.
type answerMsg struct {
	tab tab
	err error

	// who is who asks, if that was asked.
	who     *httpapi.Session
	summary view.Summary
	health  view.Health
	pools   []view.Pool
	routes  []view.Route
	alerts  []view.Alert

	workers   *window[view.Worker]
	poolTable *window[view.Pool]
	miners    *window[view.Miner]
	// worker is the one whose detail is shown, and past its last day.
	worker *view.Worker
	past   []httpapi.HistoryPoint
}

// ask asks for what the screen shows, unless that is under way: then once more after it.
func (m *model) ask() tea.Cmd {
	if m.asking {
		m.again = true
		return nil
	}
	m.asking, m.again = true, false
	q := question{tab: m.tab, api: m.api, query: m.query(), who: m.asksWho && m.api.HasToken()}
	if m.detail != nil && m.detail.worker != "" {
		q.worker = m.detail.worker
	}
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, askTimeout)
		defer cancel()
		return q.ask(ctx)
	}
}

// query is which part of the tab's list is wanted.
func (m *model) query() client.Query {
	p := &m.at[m.tab]
	limit := max(3*m.rows(), leastWindow)
	return client.Query{Limit: limit, Offset: max(p.first-m.rows(), 0), Sort: m.sorting(), Search: p.search}
}

// question is one that a goroutine asks.
type question struct {
	tab    tab
	api    *client.Client
	query  client.Query
	worker string
	who    bool
}

func (q *question) ask(ctx context.Context) (a answerMsg) {
	a = answerMsg{tab: q.tab}
	if a.summary, a.err = q.api.Summary(ctx); a.err != nil {
		return a
	}
	var pools httpapi.PoolList
	if pools, a.err = q.api.Pools(ctx, client.Query{}); a.err != nil {
		return a
	}
	var routes httpapi.RouteList
	if routes, a.err = q.api.Routes(ctx, client.Query{}); a.err != nil {
		return a
	}
	a.pools, a.routes = pools.Pools, routes.Routes
	switch q.tab {
	case overviewTab, alertsTab:
		var alerts httpapi.AlertList
		if alerts, a.err = q.api.Alerts(ctx, client.Query{}); a.err != nil {
			return a
		}
		a.alerts = alerts.Alerts
		a.health, a.err = q.api.Health(ctx)
	case workersTab:
		var l httpapi.WorkerList
		l, a.err = q.api.Workers(ctx, q.query)
		a.workers = &window[view.Worker]{l.Workers, q.query.Offset, l.Total}
	case poolsTab:
		q.query.Limit, q.query.Offset = 0, 0
		var l httpapi.PoolList
		l, a.err = q.api.Pools(ctx, q.query)
		a.poolTable = &window[view.Pool]{l.Pools, 0, l.Total}
	case minersTab:
		var l httpapi.MinerList
		l, a.err = q.api.Miners(ctx, q.query)
		a.miners = &window[view.Miner]{l.Miners, q.query.Offset, l.Total}
	case eventsTab, tabs:
	}
	if q.worker != "" && a.err == nil {
		q.detail(ctx, &a)
	}
	if q.who && a.err == nil {
		if s, err := q.api.Session(ctx); !client.Unreachable(err) { // an older proxy does not say
			a.who = &s
		}
	}
	return a
}

// detail asks about one worker. One that is not known any more is left out.
func (q *question) detail(ctx context.Context, a *answerMsg) {
	w, err := q.api.Worker(ctx, q.worker)
	if client.Unreachable(err) {
		a.err = err
	}
	if err != nil {
		return
	}
	a.worker = &w
	if h, err := q.api.WorkerHistory(ctx, q.worker, client.Past{From: "24h", Step: "hour"}); err == nil {
		a.past = h.Points
	}
}

// take takes an answer.
func (m *model) take(a *answerMsg) tea.Cmd {
	m.asking = false
	if a.err != nil {
		m.fail(a.err)
	} else {
		m.well()
		m.summary, m.pools, m.routes = &a.summary, a.pools, a.routes
		if a.who != nil {
			m.who, m.asksWho = *a.who, false
		}
		m.takeTable(a)
		m.settle()
	}
	if m.again {
		return m.ask()
	}
	return nil
}

// takeTable takes what is of a tab only.
func (m *model) takeTable(a *answerMsg) {
	if a.tab == overviewTab || a.tab == alertsTab {
		m.alerts, m.health = a.alerts, a.health
	}
	if a.workers != nil {
		m.workers = *a.workers
	}
	if a.poolTable != nil {
		m.poolTable = *a.poolTable
	}
	if a.miners != nil {
		m.miners = *a.miners
	}
	if d := m.detail; d != nil && a.worker != nil && d.worker == a.worker.Name {
		d.known, d.past = a.worker, a.past
	}
}

// fail notes that there was no good answer.
func (m *model) fail(err error) {
	if m.trouble == nil {
		m.since = m.now
	}
	m.trouble, m.asksWho = err, true // what comes back may be another, or know the token no more
}

// well notes that there was one.
func (m *model) well() {
	if m.trouble != nil && client.Unreachable(m.trouble) && !m.answered.IsZero() {
		m.say("the proxy is back after "+brief(m.now.Sub(m.since)), false)
	}
	m.trouble, m.answered = nil, m.now
}

// say tells something for a while.
func (m *model) say(text string, bad bool) {
	m.notice = notice{text, bad, m.now.Add(noticeTime)}
}

// worthMsg is what the store has added up.
type worthMsg worth

// askSlowly asks for what the store has to add up.
func (m *model) askSlowly() tea.Cmd {
	api, today := m.api, m.now.UTC().Format(time.DateOnly)
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, storeTimeout)
		defer cancel()
		w := worth{asked: true}
		if l, err := api.Revenue(ctx, client.Past{By: "farm", From: "24h"}); err == nil {
			w.day = &l.All
		}
		if l, err := api.Revenue(ctx, client.Past{By: "farm", From: today}); err == nil {
			w.today = &l.All
		}
		if h, err := api.History(ctx, client.Past{From: "24h"}); err == nil {
			w.history = h.Points
		}
		return worthMsg(w)
	}
}

// toldMsg is what happened, newest first.
type toldMsg struct {
	events []events.Event
	err    error
}

// backlog is how much of what has happened is shown at the start.
const backlog = 200

// wanted are the kinds of events that are shown: shares are too many to read, and what
// administrators did is for admins only.
func wanted() []events.Kind {
	var some []events.Kind
	for _, k := range events.Kinds() {
		if k != events.Share && k != events.Act {
			some = append(some, k)
		}
	}
	return some
}

// follow tells what has happened and what happens, until ctx ends. What fails is told and tried
// again, as all that is asked here.
func follow(ctx context.Context, api *client.Client, send func(tea.Msg)) {
	var last uint64
	for known := false; ctx.Err() == nil; client.Wait(ctx, defaultInterval) {
		if !known {
			page, err := api.Log(ctx, client.LogQuery{Kinds: wanted(), Limit: backlog})
			send(toldMsg{page.Events, err})
			if err != nil {
				continue
			}
			if known = true; len(page.Events) > 0 {
				last = page.Events[0].ID
			}
		}
		for t, err := range api.Events(ctx, client.EventsQuery{Kinds: wanted(), After: last}) {
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				send(toldMsg{err: err})
			case t.Gap == nil:
				last = t.ID
				send(toldMsg{events: []events.Event{t.Event}})
			}
		}
	}
}
