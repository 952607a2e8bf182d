package view

import (
	"fmt"
	"time"
)

// Words of the reasons for which shares are not paid for.
const (
	// PoolReason is before the pool's verdicts.
	PoolReason = "pool_"
	// NotSubmitted is work that could not be handed to the pool.
	NotSubmitted = "not_submitted"
)

// journalDown is for how long nothing may have been written to the disk for what keeps
// the shares to be degraded only: a disk may be busy.
const journalDown = time.Minute

// Keeping is how the keeping of shares goes.
type Keeping struct {
	// Pending is how many events are in memory only.
	Pending int
	// BacklogFrames and BacklogBytes are what the journal has that the store has
	// not.
	BacklogFrames uint64
	BacklogBytes  int64
	// Dropped counts single shares that were forgotten early.
	Dropped uint64
	// JournalError is why nothing is written to the disk, StoreError why the store
	// takes nothing, LimitsError why old shares cannot be dropped; nil where all is
	// well. The times are since when.
	JournalError, StoreError, LimitsError error
	JournalSince, StoreSince, LimitsSince time.Time
	// Shipped is when the store last had all.
	Shipped time.Time
}

// checks are the health checks of it.
func (k *Keeping) checks(now time.Time) map[string]Check {
	journal := Check{Status: OK, Detail: fmt.Sprintf("%d events in memory", k.Pending)}
	if k.JournalError != nil {
		journal = Check{
			Status: Degraded,
			Detail: fmt.Sprintf("nothing is written to data_dir since %s; %d events wait in memory: %v", ago(k.JournalSince, now), k.Pending, k.JournalError),
			Advice: "look at the free space and the mode of data_dir; mining goes on, and what waits is written when it can be",
		}
		if now.Sub(k.JournalSince) > journalDown {
			journal.Status = Down
		}
	}
	kept := Check{Status: OK, Detail: "it has all until " + ago(k.Shipped, now)}
	if k.Shipped.IsZero() {
		kept.Detail = "nothing was taken to it yet"
	}
	switch {
	case k.StoreError != nil:
		kept = Check{
			Status: Degraded,
			Detail: fmt.Sprintf("it takes nothing since %s, %d bytes wait in data_dir: %v", ago(k.StoreSince, now), k.BacklogBytes, k.StoreError),
			Advice: "look at storage.url and at the database; what waits is taken to it when it can be",
		}
	case k.LimitsError != nil:
		kept = Check{
			Status: Degraded,
			Detail: fmt.Sprintf("old shares cannot be dropped since %s: %v", ago(k.LimitsSince, now), k.LimitsError),
			Advice: "look at the free space of data_dir; storage.keep_shares and storage.max_disk are not held meanwhile",
		}
	}
	return map[string]Check{"journal": journal, "store": kept}
}

func ago(t, now time.Time) string {
	return max(now.Sub(t), 0).Round(time.Second).String() + " ago"
}
