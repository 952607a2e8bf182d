package journal

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/store"
)

// The defaults of [Config].
const (
	DefaultFlushEvery    = 400 * time.Millisecond
	DefaultShipEvery     = 10 * time.Second
	DefaultShipTimeout   = time.Minute
	DefaultRememberEvery = time.Minute
	DefaultTidyEvery     = time.Minute
	DefaultMaxPending    = 200_000
	DefaultChunkShares   = 50_000
	DefaultStopTimeout   = 10 * time.Second
)

// Config says how a journal works. A duration or number that is not above 0
// means its default, but for the Keep ones and MaxDisk.
type Config struct {
	// Instance is whose shares they are.
	Instance string
	// FlushEvery is how often what waits in memory goes into the log: what is
	// lost when the process is killed. ShipEvery is how often the log is taken to
	// the warehouse, unless that is so much that once a minute has to do,
	// RememberEvery how often windows and the like are saved, and TidyEvery how
	// often it is seen to that limits are held.
	FlushEvery, ShipEvery, RememberEvery, TidyEvery time.Duration
	// MaxPending is how many events may wait in memory.
	MaxPending int
	// ChunkShares is about how many shares the warehouse is given at a time, with twice
	// as many sums at the most, and ShipTimeout how long it may take for them. One that
	// takes longer is given fewer. Every chunk adds to the sums of all who are in it, some
	// nine rows for a worker.
	ChunkShares int
	ShipTimeout time.Duration
	// KeepShares is how long single shares are kept, by whole days: a day goes
	// when its last share is as old. 0 keeps none: the warehouse has their sums only.
	// KeepMinutes is how long sums of minutes are; 0 is for ever.
	KeepShares, KeepMinutes time.Duration
	// MaxDisk bounds what the log takes on the disk, and what the warehouse
	// does; in bytes, 0 is not bounded. An eighth of it the log may have in any case.
	MaxDisk int64
	// StopTimeout bounds what is done after Run's context has ended.
	StopTimeout time.Duration
}

func (c *Config) fill() {
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&c.FlushEvery, DefaultFlushEvery},
		{&c.ShipEvery, DefaultShipEvery},
		{&c.ShipTimeout, DefaultShipTimeout},
		{&c.RememberEvery, DefaultRememberEvery},
		{&c.TidyEvery, DefaultTidyEvery},
		{&c.StopTimeout, DefaultStopTimeout},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if c.MaxPending <= 0 {
		c.MaxPending = DefaultMaxPending
	}
	if c.ChunkShares <= 0 {
		c.ChunkShares = DefaultChunkShares
	}
}

// Disk is what is on this machine.
type Disk interface {
	store.Log
	store.Settler
	store.Local
}

// Warehouse is where the history is.
type Warehouse interface {
	store.Shipper
	store.Upkeep
}

// Deps are what a journal works with. Logger, Memories and Archive may be nil.
type Deps struct {
	Disk      Disk
	Warehouse Warehouse
	Logger    *slog.Logger
	// Memories are more things that are saved with the windows, by name.
	Memories map[string]Memory
	// Archive is called with a day of single shares before it is dropped for its
	// age; an error keeps the day.
	Archive func(ctx context.Context, day time.Time) error
}

// Memory is something that outlives the process.
type Memory interface {
	// Remember returns what is to be saved.
	Remember(now time.Time) ([]byte, error)
	// Recall is given what was saved last, at the start.
	Recall(data []byte, now time.Time) error
}

// Books is the part of the ledger that the journal reads and restores.
type Books interface {
	Tick(now time.Time)
	Restore(t *store.Total, now time.Time)
	Recall(m *ledger.Memory, now time.Time)
	Remember(now time.Time) *ledger.Memory
}
