package bans

import (
	"math"
	"slices"
	"time"
)

// decaying is a number that is worth half after each half-life.
type decaying struct {
	v  float64
	at time.Time
}

// value is what is left of it.
func (d *decaying) value(now time.Time, half time.Duration) float64 {
	age := now.Sub(d.at)
	if d.v == 0 || age <= 0 {
		return d.v
	}
	return d.v * math.Exp2(-age.Seconds()/half.Seconds())
}

// add adds an offence to it.
func (d *decaying) add(x float64, now time.Time) {
	*d = decaying{d.value(now, offenceHalf) + x, now}
}

// raise makes it at least x.
func (d *decaying) raise(x float64, now time.Time, half time.Duration) {
	if x >= d.value(now, half) {
		*d = decaying{x, now}
	}
}

// offender finds what a login did.
func (at *site) offender(login string, now time.Time) *decaying {
	o := at.offenders[login]
	if o == nil {
		if len(at.offenders) >= maxOffenders {
			drop(at.offenders, len(at.offenders)/2, func(o *decaying) time.Time { return o.at })
		}
		o = &decaying{at: now}
		at.offenders[login] = o
	}
	return o
}

// forgetLeft forgets workers that left in good standing, if they are many.
func (at *site) forgetLeft(now time.Time) {
	left := len(at.workers) - at.good // at least that many are not there
	if left <= maxLeft {
		return
	}
	gone := 0
	for login, w := range at.workers {
		switch {
		case w.good > 0:
		case now.Sub(w.left) >= trusted:
			delete(at.workers, login)
		default:
			gone++
		}
	}
	if gone > maxLeft {
		drop(at.workers, gone-maxLeft/2, func(w *worker) time.Time {
			if w.good > 0 {
				return now.Add(time.Hour) // it stays
			}
			return w.left
		})
	}
}

// forgetQuiet forgets the half of the addresses without a connection that was heard
// of longest ago.
func (s *Standing) forgetQuiet() {
	times := make([]time.Time, 0, s.quiet)
	for _, at := range s.sites {
		if at.open == 0 {
			times = append(times, at.heard)
		}
	}
	if len(times) == 0 {
		return
	}
	slices.SortFunc(times, time.Time.Compare)
	until, most := times[(len(times)-1)/2], (len(times)+1)/2
	for p, at := range s.sites {
		if at.open == 0 && at.known == 0 && at.good == 0 && at.offending == 0 && most > 0 && !at.heard.After(until) {
			delete(s.sites, p)
			s.quiet--
			most--
		}
	}
}

// drop takes n of a map's elements, those of the earliest times.
func drop[V any](m map[string]V, n int, of func(V) time.Time) {
	type dated struct {
		key string
		at  time.Time
	}
	all := make([]dated, 0, len(m))
	for k, v := range m {
		all = append(all, dated{k, of(v)})
	}
	slices.SortFunc(all, func(a, b dated) int { return a.at.Compare(b.at) })
	for _, d := range all[:min(n, len(all))] {
		delete(m, d.key)
	}
}
