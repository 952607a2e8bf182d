package journal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/loka/stratum/internal/store"
)

// courseName is what the course is saved under.
const courseName = "course"

// course is under which name the warehouse is given the log's frames, and with
// which numbers. A warehouse takes frames in their order without a gap; one that
// lacks some which are forgotten here, for it is another one or was put back to an
// earlier time, is given what follows as a log of its own, from number 1. So is one
// that has frames of these numbers which are not these, for it was the log that was
// put back.
type course struct {
	// log is the name, base the number of the frame before the first.
	log  string
	base uint64
	// begun is the last frame that the log had when the process began, and checked
	// says that the warehouse was held to it.
	begun   uint64
	checked bool
	// offers are what was offered on other courses and is not settled.
	offers offers
}

// offers is what is kept of a course beside its name and base: whose it is, and what
// was offered on those before it and not settled when they ended. A store that took
// some of it, and was not heard of since, must not be given it on this one.
type offers struct {
	Instance string
	Former   []offer
}

// offer is what was offered on a course that ended: frames up to a number.
type offer struct {
	Instance, Log string
	Base, Last    uint64
}

// maxOffers is how many of them are kept.
const maxOffers = 16

// loadCourse reads the course of the last run, of an instance that may have had
// another name.
func loadCourse(ctx context.Context, disk Disk, instance string, state *store.LogState) (course, error) {
	c := course{log: disk.ID(), begun: state.Last, offers: offers{Instance: instance}}
	data, err := disk.Load(ctx, courseName)
	if err == nil && data != nil {
		_, err = fmt.Sscan(string(data), &c.log, &c.base)
		if _, rest, ok := bytes.Cut(data, []byte("\n")); ok && err == nil {
			err = json.Unmarshal(rest, &c.offers)
		}
	}
	if err == nil && (data == nil || c.offers.Instance != instance) {
		c.end(state)
		c.offers.Instance = instance
		err = c.save(ctx, disk)
	}
	if err != nil {
		return c, fmt.Errorf("read under which name the store has the journal: %w", err)
	}
	return c, nil
}

// end notes what was offered on the course, and is not settled.
func (c *course) end(state *store.LogState) {
	former := slices.DeleteFunc(slices.Clone(c.offers.Former), func(o offer) bool { return o.Last <= state.Settled })
	if state.Offered > state.Settled {
		former = append(former, offer{c.offers.Instance, c.log, c.base, state.Offered})
	}
	c.offers.Former = former[max(len(former)-maxOffers, 0):]
}

// save keeps the course for the next run.
func (c *course) save(ctx context.Context, disk Disk) error {
	rest, err := json.Marshal(c.offers)
	if err != nil {
		return err
	}
	return disk.Save(ctx, courseName, fmt.Appendf(nil, "%s %d\n%s", c.log, c.base, rest))
}

// place is under which name a warehouse is given frames, and with which numbers.
type place struct {
	instance, log string
	base          uint64 // the number of the frame before its first
}

// had is what a warehouse has: the frames up to last; and of a chunk that follows and ends
// with partly, where that is not 0, a part. What it is given next goes to the place.
type had struct {
	place

	last, partly uint64
}

// ask asks the warehouse what it has of a place.
func (j *Journal) ask(ctx context.Context, p place) (had, error) {
	taken, err := j.deps.Warehouse.Shipped(ctx, p.instance, p.log)
	h := had{place: p, last: taken.Last + p.base}
	if taken.Partly > 0 {
		h.partly = taken.Partly + p.base
	}
	return h, err
}

// unheardOf is what the warehouse took on another course and is not settled, of no place
// where that is nothing.
func (j *Journal) unheardOf(ctx context.Context, state *store.LogState) (had, error) {
	var most had
	for _, o := range j.course.offers.Former {
		if o.Last <= state.Settled {
			continue
		}
		h, err := j.ask(ctx, place{o.Instance, o.Log, o.Base})
		if err != nil {
			return had{}, err
		}
		if h.partly = min(h.partly, o.Last); h.last < state.Settled && h.partly > state.Settled {
			j.log.WarnContext(ctx, "the store has a part of what another one was given since; what it lacks of that stays out of its history",
				"frames", h.partly-h.last)
			h.last, h.partly = h.partly, 0
		}
		h.last = min(h.last, o.Last)
		if h.last < state.Settled || max(h.last, h.partly) == state.Settled {
			continue // nothing of what is not settled
		}
		if most.log == "" || cmp.Or(cmp.Compare(h.last, most.last), cmp.Compare(h.partly, most.partly)) > 0 {
			most = h
		}
	}
	return most, nil
}

// shipped is what the warehouse has. moving is held.
func (j *Journal) shipped(ctx context.Context, state *store.LogState) (had, error) {
	if h, err := j.unheardOf(ctx, state); err != nil || h.log != "" {
		return h, err
	}
	h, err := j.ask(ctx, place{j.cfg.Instance, j.course.log, j.course.base})
	if err != nil {
		return had{}, err
	}
	switch {
	case h.last < state.Settled:
		j.log.WarnContext(ctx, "the store lacks what another one was given, or it itself before it was put back; its history goes on from here",
			"frames", state.Settled-h.last)
	case j.course.checked || max(h.last, h.partly) <= j.course.begun:
		j.course.checked = true
		return h, nil
	case state.Settled < j.course.begun:
		h.last, h.partly = j.course.begun, 0 // these it has
		return h, nil
	default:
		j.log.WarnContext(ctx, "the store has more of this instance than the database in data_dir, which was put back; its history goes on from here",
			"frames", max(h.last, h.partly)-state.Settled)
	}
	to := j.course
	to.end(state)
	to.log, to.base, to.checked = j.deps.Disk.ID()+"-"+rand.Text(), state.Settled, true
	if err := to.save(ctx, j.deps.Disk); err != nil {
		return had{}, err
	}
	j.course = to
	return had{place: place{j.cfg.Instance, to.log, to.base}, last: to.base}, nil
}
