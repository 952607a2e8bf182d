package web

import (
	"context"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
)

// Sources are what pages besides those of the figures show. What is nil is said not to
// be there.
type Sources struct {
	// Miners are all open connections.
	Miners func() []view.Miner
	// Profile is how long each step took in about the time of a length until now, and
	// from when on; 0 is since the start.
	Profile func(length time.Duration) (steps []view.Step, from time.Time)
	Bans    BanBook
	Alerts  AlertDesk
	Past    Past
	Config  Configured
	// Acts are what administrators did, the latest first.
	Acts func(ctx context.Context, limit int) ([]store.Act, error)
}

// BanBook has who is kept out. [bans.Book] is one.
type BanBook interface {
	List(f bans.Filter, now time.Time) []bans.Entry
}

// AlertDesk has what is known of alerts besides the alerts themselves.
type AlertDesk interface {
	Rules() []view.AlertRule
	Silences() []view.Silence
	// History is what began to fire or was over, the latest first.
	History(limit int) []view.AlertEvent
	Sinks() []view.AlertSink
}

// Past is what has happened. [events.Log] is one.
type Past interface {
	Query(f events.Filter) events.Page
	// Latest is the latest id that was given.
	Latest() uint64
}

// Configured says what is in place, and was.
type Configured interface {
	Configured() view.Configuration
	Applied() []view.Applied
}
