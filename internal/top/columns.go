package top

import (
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// workerHour is the column by which workers are sorted at first.
const workerHour = 1

// workerColumns are those of workers.
func (*model) workerColumns() []column[view.Worker] {
	rate := func(pick func(*view.Hashrate) float64) func(*view.Worker) string {
		return func(w *view.Worker) string { return figures.Hashrate(pick(&w.Hashrate)) }
	}
	return []column[view.Worker]{
		{title: "WORKER", field: "name", width: 16, wide: true, cell: func(w *view.Worker) string { return shown(w.Name) }},
		{title: "1H", field: "hashrate_1h", width: 11, right: true, rank: 1, cell: rate(func(h *view.Hashrate) float64 { return h.Hour })},
		{title: "1M", field: "hashrate_1m", width: 11, right: true, rank: 7, cell: rate(func(h *view.Hashrate) float64 { return h.Minute })},
		{title: "24H", field: "hashrate_24h", width: 11, right: true, rank: 5, cell: rate(func(h *view.Hashrate) float64 { return h.Day })},
		{title: "ACCEPTED", field: "accepted", width: 11, right: true, rank: 4, cell: func(w *view.Worker) string { return figures.Count(w.Accepted) }},
		{
			title: "REFUSED", field: "reject_rate", width: 8, right: true, rank: 3, cell: func(w *view.Worker) string { return refusedPart(w.Accepted, w.Rejected) },
			style: func(w *view.Worker) style { return refusedStyle(w.Accepted, w.Rejected) },
		},
		{title: "DIFF", field: "difficulty", width: 8, right: true, rank: 8, cell: func(w *view.Worker) string { return figures.Difficulty(w.Difficulty) }},
		{
			title: "CONN", field: "miners", width: 5, right: true, rank: 6, cell: func(w *view.Worker) string { return strconv.Itoa(w.Miners) },
			style: func(w *view.Worker) style {
				if w.Miners == 0 {
					return faint
				}
				return plain
			},
		},
		{title: "LAST", field: "last_share_at", width: 6, right: true, rank: 2, cell: func(w *view.Worker) string { return age(w.LastShareAge) }},
		{title: "POOL", field: "pool", width: 10, rank: 9, cell: func(w *view.Worker) string { return shown(w.Pool) }},
	}
}

// poolColumns are those of pools.
func (*model) poolColumns() []column[view.Pool] {
	return []column[view.Pool]{
		{title: "POOL", field: "name", width: 12, wide: true, cell: func(p *view.Pool) string { return shown(p.Name) }},
		{
			title: "STATE", field: "state", width: 12, rank: 1, cell: poolState,
			style: func(p *view.Pool) style { return stateStyle(p.State) },
		},
		{title: "1H", field: "hashrate_1h", width: 11, right: true, rank: 2, cell: func(p *view.Pool) string { return figures.Hashrate(p.Hashrate.Hour) }},
		{title: "MINERS", field: "miners", width: 6, right: true, rank: 4, cell: func(p *view.Pool) string { return strconv.Itoa(p.Miners) }},
		{title: "ACCEPTED", field: "accepted", width: 10, right: true, rank: 6, cell: func(p *view.Pool) string { return figures.Count(p.Accepted) }},
		{
			title: "REFUSED", field: "rejected", width: 8, right: true, rank: 3, cell: func(p *view.Pool) string { return refusedPart(p.Accepted, p.Rejected) },
			style: func(p *view.Pool) style { return refusedStyle(p.Accepted, p.Rejected) },
		},
		{title: "RTT", field: "rtt_seconds", width: 7, right: true, rank: 5, cell: func(p *view.Pool) string { return milliseconds(p.Quality.SubmitRTT) }},
		{title: "JOB", width: 5, right: true, rank: 7, cell: func(p *view.Pool) string { return age(p.LastJobAgeSeconds) }},
		{title: "QUALITY", width: 7, right: true, rank: 8, cell: quality},
		{title: "DIFF", field: "difficulty", width: 8, right: true, rank: 9, cell: func(p *view.Pool) string { return figures.Difficulty(p.Difficulty) }},
	}
}

// poolState is a pool's state with its sign, and that it is drained.
func poolState(p *view.Pool) string {
	if p.Drained && p.State != view.PoolDisabled {
		return stateMark(p.State) + " drained"
	}
	return stateMark(p.State) + " " + shown(p.State)
}

func quality(p *view.Pool) string {
	if p.Quality.Score == nil {
		return "–"
	}
	return strconv.FormatFloat(*p.Quality.Score, 'f', 2, 64)
}

func milliseconds(seconds float64) string {
	switch {
	case seconds <= 0:
		return "–"
	case seconds < 0.001:
		return "<1ms"
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
}

// minerColumns are those of connections.
func (*model) minerColumns() []column[view.Miner] {
	return []column[view.Miner]{
		{title: "ID", field: "id", width: 6, right: true, rank: 1, cell: func(c *view.Miner) string { return strconv.FormatUint(c.ID, 10) }},
		{title: "WORKER", field: "worker", width: 14, wide: true, cell: func(c *view.Miner) string { return shown(strings.Join(c.Workers, ", ")) }},
		{title: "FROM", field: "remote", width: 21, rank: 4, cell: func(c *view.Miner) string { return shown(c.Remote) }},
		{title: "HASHRATE", field: "hashrate", width: 11, right: true, rank: 2, cell: func(c *view.Miner) string { return figures.Hashrate(c.Hashrate) }},
		{title: "DIFF", field: "difficulty", width: 8, right: true, rank: 6, cell: func(c *view.Miner) string { return figures.Difficulty(c.Difficulty) }},
		{
			title: "REFUSED", field: "reject_rate", width: 8, right: true, rank: 3, cell: func(c *view.Miner) string { return refusedPart(c.Accepted, c.Rejected) },
			style: func(c *view.Miner) style { return refusedStyle(c.Accepted, c.Rejected) },
		},
		{title: "AGE", field: "since", width: 6, right: true, rank: 5, cell: func(c *view.Miner) string { return age(&c.AgeSeconds) }},
		{title: "POOL", field: "pool", width: 9, rank: 7, cell: func(c *view.Miner) string { return shown(c.Pool) }},
		{title: "FIRMWARE", field: "user_agent", width: 18, rank: 8, cell: func(c *view.Miner) string { return shown(c.UserAgent) }},
	}
}

// eventColumns are those of events.
func (*model) eventColumns() []column[events.Event] {
	return []column[events.Event]{
		{title: "TIME", width: 8, cell: func(e *events.Event) string { return e.At.Local().Format(time.TimeOnly) }},
		{title: "KIND", width: 10, rank: 1, cell: func(e *events.Event) string { return shown(string(e.Kind)) }},
		{
			title: "WHAT HAPPENED", width: 30, wide: true, cell: func(e *events.Event) string { return shown(e.Message) },
			style: func(e *events.Event) style { return severityStyle(string(e.Severity)) },
		},
	}
}

// found are the events that have in them what is searched for.
func (m *model) found() []*events.Event {
	text := strings.ToLower(m.at[eventsTab].search)
	some := make([]*events.Event, 0, len(m.told))
	for i := range m.told {
		e := &m.told[i]
		in := strings.ToLower(strings.Join([]string{e.Message, string(e.Kind), e.Pool, e.Route, e.Worker, e.Remote, e.Reason, string(e.Severity)}, "\n"))
		if strings.Contains(in, text) {
			some = append(some, e)
		}
	}
	return some
}
