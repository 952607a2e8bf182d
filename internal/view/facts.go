package view

import (
	"time"

	"github.com/loka/stratum/internal/ledger"
)

// Facts are what a model is made of, as it comes: for who looks at all of it every few
// seconds and makes figures of its own.
type Facts struct {
	At, Started time.Time
	Books       ledger.Snapshot
	Miners      []MinerState
	Pools       []PoolState
	Routes      []RouteState
	Ready       bool
	// Strangers and Waiting are connections that are no miners yet.
	Strangers, Waiting int
	Keeping            Keeping
}

// Facts reads all of it.
func (m *Model) Facts() Facts {
	now := m.deps.Now()
	f := Facts{
		At: now, Started: m.deps.Started, Books: m.deps.Books.Snapshot(now), Miners: m.deps.Hub.Miners(), Pools: m.deps.Hub.Pools(),
		Routes: m.deps.Hub.Routes(), Ready: m.deps.Hub.Ready(), Keeping: m.Keeping(),
	}
	if m.deps.Door != nil {
		f.Strangers, f.Waiting = m.deps.Door()
	}
	return f
}
