package app

import (
	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/metrics"
)

// queues says how full what is bounded is.
func (a *App) queues() (q metrics.Queues) {
	if a.hub != nil {
		q.FanoutWorks, q.FanoutMiners = a.hub.Waiting()
		q.SharesDue = a.hub.Pending()
	}
	q.LedgerEntries, q.LedgerHelped = a.books.Queued(), a.books.Helped()
	a.mu.Lock()
	for _, s := range a.served {
		if b, ok := s.listener.Backlog(); ok {
			q.Listeners = append(q.Listeners, metrics.ListenQueue{Listener: s.address, Waiting: b.Waiting, Most: b.Most})
		}
	}
	a.mu.Unlock()
	if dropped, ok := listen.ReadOverflows(); ok {
		q.ListenFull, q.ListenDropped = dropped.Full, dropped.Dropped
	}
	for _, t := range a.turns.Queues() {
		q.Turns = append(q.Turns, metrics.TurnQueue{Kind: t.Class.String(), Waiting: t.Waiting, Waited: t.Waited})
	}
	return q
}
