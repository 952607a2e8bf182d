package httpapi

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/store"
)

// Period is the time that is asked for.
type Period struct {
	From string `query:"from" doc:"When it begins: an RFC 3339 time, a day such as 2026-01-31 (UTC), or how long ago, such as 24h or 30d; empty: 24 h ago" example:"24h"`
	To   string `query:"to" doc:"When it ends, which is not included; written like from; empty: now" example:"2026-02-01T00:00:00Z"`
}

const (
	// defaultBack is how far back a question goes that does not say.
	defaultBack = 24 * time.Hour
	timeAdvice  = "want an RFC 3339 time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or how long ago such as 24h or 30d"
)

// beginning is the first time that can be asked for. Times of before the year 0 could
// not be answered in JSON, and the zero time would be no bound to the store.
func beginning() time.Time { return time.Unix(0, 0).UTC() }

// between reads the two times; back is how far back the first is where nothing
// is said, 0 for the beginning of all time. What is yet to come is left out, and
// what was before the beginning.
func (p Period) between(now time.Time, back time.Duration) (from, to time.Time, err error) {
	to, ok := moment(p.To, now)
	switch {
	case p.To == "":
		to = now
	case !ok:
		return from, to, wrong("to", timeAdvice)
	case to.After(now):
		to = now
	case !to.After(beginning()):
		return from, to, wrong("to", "there is nothing before "+beginning().Format(time.DateOnly))
	}
	from, ok = moment(p.From, now)
	switch {
	case p.From == "" && back > 0:
		from = to.Add(-back)
	case p.From == "":
		return time.Time{}, to.UTC(), nil
	case !ok:
		return from, to, wrong("from", timeAdvice)
	}
	if from.Before(beginning()) {
		from = beginning()
	}
	if !from.Before(to) {
		return from, to, wrong("from", "it is not before the end, which is "+to.UTC().Format(time.RFC3339))
	}
	return from.UTC(), to.UTC(), nil
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, bool) {
	if back, ok := ago(text); ok {
		return now.Add(-back), true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// ago reads a time span that is not negative, with days.
func ago(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		return time.Duration(n) * 24 * time.Hour, err == nil && n < math.MaxInt64/uint64(24*time.Hour)
	}
	back, err := time.ParseDuration(text)
	return back, err == nil && back >= 0
}

// ceil is the first time not before t at which a step begins.
func ceil(s store.Step, t time.Time) time.Time {
	if floor := s.Floor(t); floor.Before(t) {
		return floor.Add(s.Length())
	}
	return t.UTC()
}

// piece is a time and the step by which its sums are the quickest to add up.
type piece struct {
	step     store.Step
	from, to time.Time
}

// pieces divides a time into whole days, the hours around them and the minutes
// around those, so that a year is not added up by the minute. What is before
// there were minutes begins and ends with an hour.
func pieces(from, to, minutesSince time.Time) []piece {
	edge := func(t time.Time) store.Step {
		if t.Before(minutesSince) {
			return store.Hour
		}
		return store.Minute
	}
	return nest(edge(from).Floor(from), ceil(edge(to), to), store.Day, store.Hour, store.Minute)
}

// nest divides a time by the first of the steps, and what is around that by the
// others.
func nest(from, to time.Time, steps ...store.Step) []piece {
	if len(steps) == 0 || !from.Before(to) {
		return nil
	}
	first, last := ceil(steps[0], from), steps[0].Floor(to)
	if !first.Before(last) {
		return nest(from, to, steps[1:]...)
	}
	all := append(nest(from, first, steps[1:]...), piece{steps[0], first, last})
	return append(all, nest(last, to, steps[1:]...)...)
}
