package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/steer"
)

// maxWeight keeps sums of weights finite.
const maxWeight = 1e9

func (l *loader) checkSplit(path string, r Route, known []string) {
	part := map[string]int{}
	for i, one := range r.Split {
		at := index(path, i)
		l.checkPart(at, one)
		if one.Pool != "" {
			l.checkPoolName(join(at, "pool"), one.Pool, known)
		}
		l.checkPoolNames(join(at, "pools"), one.Pools, known)
		for _, name := range one.All() {
			if other, dup := part[name]; dup && other != i {
				l.add(at, "pool %q is in part %d already; a pool is in one part of a split", name, other)
			}
			part[name] = i
		}
	}
	for i, one := range r.Split {
		if other, ok := part[one.Heir()]; one.Heir() != "" && (!ok || other == i) {
			l.add(join(index(path, i), "on_dead"), "%q is no pool of another part; write one that has its share while its own are away, or %q", one.OnDead, Others)
		}
	}
	l.checkOwners(path, r)
}

// Heir is the pool whose part has this one's share while it is dead; empty is
// none in particular.
func (p SplitPart) Heir() string {
	if p.OnDead == Others {
		return ""
	}
	return p.OnDead
}

// checkOwners checks for which workers the parts of a split are, the last thing of
// all: it is about the whole.
func (l *loader) checkOwners(path string, r Route) {
	anybody, taken := len(r.Split) == 0, map[string]int{}
	for i, one := range r.Split {
		anybody = anybody || one.Weight != 0 || one.Hashrate != 0 || one.Worker == "*"
		if one.Worker == "" {
			continue
		}
		for _, glob := range []string{"*", one.Worker} {
			if other, dup := taken[glob]; dup {
				l.add(join(index(path, i), "worker"), "no worker is left for it: part %d has those of %q, and the first part that matches has a miner", other, glob)
				break
			}
		}
		if _, dup := taken[one.Worker]; !dup {
			taken[one.Worker] = i
		}
	}
	if !anybody && !l.badItem(path) {
		l.add(path, `no part is for miners whose worker no part names; give one a weight or a hashrate, or worker = "*"`)
	}
}

// checkPart checks what a part of a split asks for, by itself.
func (l *loader) checkPart(at string, one SplitPart) {
	unread := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return l.bad[join(at, key)] })
	}
	if (one.Pool != "") == (len(one.Pools) > 0) && !unread("pool", "pools") {
		l.add(at, `a part of a split names either pool = "…" or pools = ["…", "…"]`)
	}
	switch {
	case unread("weight", "hashrate", "worker"):
	case one.Weight != 0 && one.Hashrate != 0:
		l.add(at, `a part of a split has either weight = 70 or hashrate = "500TH/s"`)
	case one.Weight == 0 && one.Hashrate == 0 && one.Worker == "":
		l.add(at, `a part of a split has weight = 70, hashrate = "500TH/s" or worker = "vip.*"`)
	}
	l.checkWindow(at, one)
	if one.Weight < 0 || one.Weight > maxWeight {
		l.add(join(at, "weight"), "%s is out of range; write a number above 0, at most 1e9", strconv.FormatFloat(one.Weight, 'g', -1, 64))
	}
}

// checkWindow checks when a part counts.
func (l *loader) checkWindow(at string, one SplitPart) {
	switch _, err := one.Window(); {
	case one.When == "" && one.TimeZone != "":
		l.add(join(at, "time_zone"), `no window that it is for; write when = "* 22-23,0-5 * * *", or leave it out`)
	case errors.Is(err, errNoZone):
		l.add(join(at, "time_zone"), `%q is no time zone; write a name such as "Europe/Prague" or "UTC"`, one.TimeZone)
	case err != nil:
		l.add(join(at, "when"), `%q is no window: %s; write minute, hour, day, month and weekday as cron has them, such as "* 22-23,0-5 * * mon-fri"`, one.When, err)
	}
}

var errNoZone = errors.New("no such time zone")

// Window is when the part counts; nil is always.
func (p SplitPart) Window() (*steer.Window, error) {
	if p.When == "" {
		return nil, nil //nolint:nilnil // that is what nil says
	}
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return nil, errNoZone
	}
	return steer.ParseWindow(p.When, zone)
}

// noteWindows remarks on windows of a split that are hardly what was meant.
func (l *loader) noteWindows(path string, r Route) {
	var windows []*steer.Window
	step, always := 15*time.Minute, len(r.Split) == 0 // no zone is off by less
	for i, part := range r.Split {
		w, err := part.Window()
		if err != nil {
			return
		}
		at := join(index(path, i), "when")
		if w.Minutes() == 1 {
			l.note(at, "is one minute of an hour; for all of it write * in place of its first field")
		}
		if w.Minutes() < 60 {
			step = time.Minute
		}
		if part.Weight > 0 || part.Hashrate > 0 || part.Worker == "*" {
			windows, always = append(windows, w), always || w == nil
		}
	}
	if always {
		return
	}
	// A leap year has all there is.
	for at := time.Date(2028, time.January, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2028; at = at.Add(step) {
		if !slices.ContainsFunc(windows, func(w *steer.Window) bool { return w.Open(at) }) {
			l.note(path, "no part is in its window at times such as "+at.Format("Monday 15:04")+" UTC; then all of them have their shares")
			return
		}
	}
}

// All lists the part's pools in failover order.
func (p SplitPart) All() []string {
	if p.Pool != "" {
		return append([]string{p.Pool}, p.Pools...)
	}
	return p.Pools
}

// badItem says whether an item of the list at path could not be read.
func (l *loader) badItem(path string) bool {
	for bad := range l.bad {
		if strings.HasPrefix(bad, l.fileKey(path)+"[") {
			return true
		}
	}
	return false
}
