package bans

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// Config are the terms of threats' bans.
type Config struct {
	// Automatic says that threats are banned at all.
	Automatic bool
	// First is the term of the first ban, which each later one doubles, up to
	// Longest. It is the first again after Forget without another.
	First, Longest, Forget time.Duration
	// Exempt are those whose addresses no threat bans, loopback besides: proxies
	// that speak for many, and whom the operator says.
	Exempt []netip.Prefix
}

// The bounds of a book.
const (
	// MaxThreats bounds threats' bans, in force or remembered. Beyond it those go
	// whose end is first: what is over first of all, then what ends soonest.
	MaxThreats = 10_000
	// MaxOperators bounds operators' bans and pauses; another one is refused.
	MaxOperators = 10_000
	// MaxPatterns bounds those of them that a login has to be held against one by
	// one: globs, and workers of a network.
	MaxPatterns = 500
	// maxComment is the longest comment that is kept, in bytes.
	maxComment = 500
	// maxUnkept bounds what waits for the store. Beyond it what ended is lost
	// first: at the next start it is there again for the rest of its term.
	maxUnkept = 65_536
)

// Conns are the miners' connections.
type Conns interface {
	// End asks judge about each connection, with what it is logged in as, and ends
	// those that it gives a reason for. It returns how many and does not wait.
	End(judge func(addr netip.Addr, logins []string) mining.Reason) int
}

// Dropped is a network from which nothing is to be taken, until a time; a zero Until
// is for ever.
type Dropped struct {
	Prefix netip.Prefix
	Until  time.Time
}

// Dropper keeps networks out below this process.
type Dropper interface {
	// Drop has these kept out, and no others.
	Drop(now time.Time, all []Dropped) error
}

// Counter counts events.
type Counter interface{ Inc() }

// Gauge shows a number.
type Gauge interface{ Set(v float64) }

// Metrics are what a book counts; nil members count nothing.
type Metrics struct {
	// InForce is how many hold now, Added counts those that were made.
	InForce func(Kind, Cause) Gauge
	Added   func(Kind, Cause) Counter
	// Overflow counts bans that ended early because there were too many.
	Overflow Counter
	// Unkept is how many changes wait for the store.
	Unkept Gauge
}

// Deps are what a book works with. Store, Conns, Drop, Logger and Metrics may be
// nil.
type Deps struct {
	// Store keeps the book, under the name of the instance.
	Store    store.Bans
	Instance string
	Conns    Conns
	Drop     Dropper
	Logger   *slog.Logger
	Metrics  Metrics
	// Events is told who is banned and who is not any more; nil is nobody.
	Events events.Publisher
	// Now is the clock of what the book does by itself; needed for Run.
	Now func() time.Time
}

type nothing struct{}

func (nothing) Inc()        {}
func (nothing) Set(float64) {}

// complete puts what does nothing in place of what is nil.
func (d Deps) complete() Deps {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Events == nil {
		d.Events = events.Nobody{}
	}
	if d.Conns == nil {
		d.Conns = noConns{}
	}
	m := &d.Metrics
	if m.InForce == nil {
		m.InForce = func(Kind, Cause) Gauge { return nothing{} }
	}
	if m.Added == nil {
		m.Added = func(Kind, Cause) Counter { return nothing{} }
	}
	if m.Overflow == nil {
		m.Overflow = nothing{}
	}
	if m.Unkept == nil {
		m.Unkept = nothing{}
	}
	if d.Store == nil {
		d.Store = noStore{}
	}
	return d
}

type noConns struct{}

func (noConns) End(func(netip.Addr, []string) mining.Reason) int { return 0 }

type noStore struct{}

func (noStore) Bans(context.Context, string) ([]store.Ban, error) { return nil, nil }

func (noStore) KeepBans(context.Context, string, []store.Ban, []store.BanKey) error { return nil }
