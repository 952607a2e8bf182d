package alert

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/steer"
)

// Bounds of silences.
const (
	maxSilences = 500
	maxMatchers = 16
	maxGlob     = 256
	// MaxSilence is the longest that one may last.
	MaxSilence = 365 * 24 * time.Hour
)

// Matcher is a label and a glob on its value.
type Matcher struct {
	Label string `json:"label"`
	Glob  string `json:"glob"`
}

// Silence keeps alerts from being told for a while. They fire all the same.
type Silence struct {
	ID           string    `json:"id"`
	Matchers     []Matcher `json:"matchers"`
	Since, Until time.Time
	By           string `json:"by"`
	Comment      string `json:"comment"`
}

// Why a silence is not made.
var (
	ErrSilences = errors.New("there are too many silences; end some first")
	ErrMatchers = errors.New("a silence has 1 to 16 matchers, each with a label and a glob of at most 256 characters")
	ErrUntil    = errors.New("a silence ends in the future, within a year")
)

// silences are those in force.
type silences struct {
	all []silence
	// serial is the number of the last one that was made: an id that was told once is
	// never another silence's.
	serial uint64
	// version changes with each change of all.
	version uint64
}

type silence struct {
	Silence

	globs []steer.Globs
}

func compileSilence(s Silence) silence {
	out := silence{Silence: s}
	for _, m := range s.Matchers {
		out.globs = append(out.globs, steer.CompileGlobs([]string{m.Glob}))
	}
	return out
}

// add makes a silence; the id is given here.
func (ss *silences) add(s Silence, now time.Time) (Silence, error) {
	ss.expire(now)
	switch {
	case len(ss.all) >= maxSilences:
		return s, ErrSilences
	case len(s.Matchers) == 0 || len(s.Matchers) > maxMatchers:
		return s, ErrMatchers
	case !s.Until.After(now) || s.Until.Sub(now) > MaxSilence:
		return s, ErrUntil
	}
	for _, m := range s.Matchers {
		if m.Label == "" || len(m.Label) > maxGlob || m.Glob == "" || len(m.Glob) > maxGlob {
			return s, ErrMatchers
		}
	}
	s.Since = now
	for {
		ss.serial++
		s.ID = fmt.Sprintf("s%d", ss.serial)
		if ss.find(s.ID) < 0 {
			break
		}
	}
	ss.put(compileSilence(s))
	return s, nil
}

func (ss *silences) put(s silence) {
	ss.all = append(ss.all, s)
	slices.SortStableFunc(ss.all, func(a, b silence) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.ID, b.ID))
	})
	ss.version++
}

func (ss *silences) find(id string) int {
	return slices.IndexFunc(ss.all, func(s silence) bool { return s.ID == id })
}

// remove ends one.
func (ss *silences) remove(id string) (Silence, bool) {
	i := ss.find(id)
	if i < 0 {
		return Silence{}, false
	}
	was := ss.all[i].Silence
	ss.all = slices.Delete(ss.all, i, i+1)
	ss.version++
	return was, true
}

// expire forgets those that are over.
func (ss *silences) expire(now time.Time) {
	before := len(ss.all)
	ss.all = slices.DeleteFunc(ss.all, func(s silence) bool { return !now.Before(s.Until) })
	if len(ss.all) != before {
		ss.version++
	}
}

// by lists the silences that an alert is kept from being told by.
func (ss *silences) by(a *instance) (ids []string) {
	for i := range ss.all {
		if ss.all[i].matches(a) {
			ids = append(ids, ss.all[i].ID)
		}
	}
	return ids
}

func (s *silence) matches(a *instance) bool {
	for i, m := range s.Matchers {
		value, ok := a.label(m.Label)
		if !ok || !s.globs[i].Match(value) {
			return false
		}
	}
	return true
}

// Silences lists the silences in force, those that end first come first.
func (e *Engine) Silences(now time.Time) []Silence {
	e.silences.expire(now)
	all := make([]Silence, 0, len(e.silences.all))
	for i := range e.silences.all {
		all = append(all, e.silences.all[i].Silence)
	}
	return all
}

// AddSilence makes one; its id and its beginning are given here. The error is
// [ErrSilences], [ErrMatchers] or [ErrUntil].
func (e *Engine) AddSilence(s Silence, now time.Time) (Silence, error) { return e.silences.add(s, now) }

// RemoveSilence ends one; ok is false where there is none of that id.
func (e *Engine) RemoveSilence(id string) (was Silence, ok bool) { return e.silences.remove(id) }

// LastSilence is the number of the last silence that was made, to be kept with them.
func (e *Engine) LastSilence() uint64 { return e.silences.serial }

// RestoreSilences brings back those of an earlier run, and the number of the last one
// that it has made.
func (e *Engine) RestoreSilences(all []Silence, last uint64, now time.Time) {
	e.silences.serial = max(e.silences.serial, last)
	for _, s := range all[:min(len(all), maxSilences)] {
		if n, err := strconv.ParseUint(strings.TrimPrefix(s.ID, "s"), 10, 32); err == nil { // of a file without the number
			e.silences.serial = max(e.silences.serial, n)
		}
		if now.Before(s.Until) && len(s.Matchers) > 0 && s.ID != "" && e.silences.find(s.ID) < 0 {
			e.silences.put(compileSilence(s))
		}
	}
}
