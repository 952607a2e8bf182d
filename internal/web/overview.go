package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/work"
)

// overview is the whole in one look.
type overview struct {
	Summary  view.Summary
	Word     judgement
	Health   string
	Earnings earnings
	// ByMidnight is what the day will have earned, at the last ten minutes' rate.
	ByMidnight   float64
	Causes       []cause
	Pools        []view.Pool
	Alerts       []view.Alert
	Wrong        []check
	HasMoney     bool
	OursRejected uint64
	PoolRejected uint64
}

// check is a health check with its name.
type check struct {
	view.Check

	Name string
}

func overviewPages() []Page {
	return []Page{{
		Path: "/{$}", Name: "Overview", Icon: "overview", Least: auth.Viewer, Template: "overview.html", Every: liveEvery,
		Data: func(s *Server, r *http.Request) (any, error) { return s.overview(r), nil },
	}}
}

func (s *Server) overview(r *http.Request) *overview {
	e, m := s.earnings(r.Context()), s.deps.Model
	health := m.Health()
	o := &overview{
		Summary: m.Summary(), Health: health.Status, Pools: m.Pools(), Alerts: firing(m.Alerts()), Earnings: e, Causes: causesOf(e.Today.Lost), Wrong: wrong(&health),
		HasMoney: !e.At.IsZero(), OursRejected: e.Today.Rejected(false), PoolRejected: e.Today.Rejected(true),
	}
	o.Word = judge(&scene{summary: o.Summary, pools: o.Pools, routes: m.Routes(), alerts: o.Alerts, earnings: e})
	if o.HasMoney {
		rest := 24*time.Hour - s.deps.Now().Sub(e.Day)
		o.ByMidnight = e.Today.Value + work.Earning(e.Hour.Value, e.Hour.Work, o.Summary.Hashrate.TenMinutes, max(rest, 0))
	}
	return o
}

// firing are the alerts that are on, the worst and then the newest first.
func firing(all []view.Alert) []view.Alert { return inState(all, "firing") }

// inState are the alerts of a state, in that order.
func inState(all []view.Alert, state string) []view.Alert {
	var in []view.Alert
	for _, a := range all {
		if a.State == state {
			in = append(in, a)
		}
	}
	slices.SortStableFunc(in, func(a, b view.Alert) int {
		worse := slices.Index(view.AlertSeverities(), b.Severity) - slices.Index(view.AlertSeverities(), a.Severity)
		return cmp.Or(worse, since(b.Since).Compare(since(a.Since)))
	})
	return in
}

func since(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// wrong are the checks that are not well, by name.
func wrong(h *view.Health) []check {
	var all []check
	for name, c := range h.Checks {
		if c.Status != view.OK {
			all = append(all, check{c, strings.ReplaceAll(words(name), ":", " ")})
		}
	}
	slices.SortFunc(all, func(a, b check) int {
		return cmp.Or(compare(float64(rank(tone(b.Status))), float64(rank(tone(a.Status)))), strings.Compare(a.Name, b.Name))
	})
	return all
}
