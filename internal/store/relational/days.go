package relational

import (
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// Day is what a chunk has of a day's single shares.
type Day struct {
	// At is when the day begins, in UTC.
	At time.Time
	// Shares are new, News of shares that came in earlier chunks: one for each.
	Shares, News []store.Share
}

// Days sorts a chunk's shares by day, the earliest first, and puts what is news of
// a share of the chunk into that.
func Days(shares []store.Share) []Day {
	var days []Day
	at := map[int64]int{} // a day's Unix time: where it is in days
	type place struct{ day, share int }
	known := map[uint64]place{} // shares by id, and news beyond them as -1-share
	for i := range shares {
		s := &shares[i]
		begins := store.Day.Floor(s.At)
		d, ok := at[begins.Unix()]
		if !ok {
			d = len(days)
			at[begins.Unix()] = d
			days = append(days, Day{At: begins})
		}
		day := &days[d]
		if s.Verdict != mining.Pending {
			known[s.ID] = place{d, len(day.Shares)}
			day.Shares = append(day.Shares, *s)
			continue
		}
		switch p, ok := known[s.ID]; {
		case !ok:
			known[s.ID] = place{d, -1 - len(day.News)}
			day.News = append(day.News, *s)
		case p.share < 0:
			merge(&days[p.day].News[-1-p.share], s)
		default:
			merge(&days[p.day].Shares[p.share], s)
		}
	}
	sortDays(days)
	return days
}

// sortDays puts the earliest first. They are few.
func sortDays(days []Day) {
	for i := range days {
		for k := i; k > 0 && days[k].At.Before(days[k-1].At); k-- {
			days[k], days[k-1] = days[k-1], days[k]
		}
	}
}

// merge puts news of a share into it.
func merge(s, news *store.Share) {
	s.Sent = s.Sent || news.Sent
	if news.PoolVerdict != mining.Pending {
		s.PoolVerdict, s.PoolDifficulty, s.PoolValue = news.PoolVerdict, news.PoolDifficulty, news.PoolValue
	}
}
