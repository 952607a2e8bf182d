package journal

import (
	"bytes"
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

// unheardOf is the last frame that the warehouse took on another course, 0 where that
// is none, or is settled.
func (j *Journal) unheardOf(ctx context.Context, state *store.LogState) (uint64, error) {
	var last uint64
	for _, o := range j.course.offers.Former {
		if o.Last <= state.Settled {
			continue
		}
		n, err := j.deps.Warehouse.Shipped(ctx, o.Instance, o.Log)
		if err != nil {
			return 0, err
		}
		if n = min(n+o.Base, o.Last); n > state.Settled {
			last = max(last, n)
		}
	}
	return last, nil
}

// shipped is the number of the last frame that the warehouse has. moving is held.
func (j *Journal) shipped(ctx context.Context, state *store.LogState) (uint64, error) {
	if n, err := j.unheardOf(ctx, state); err != nil || n > 0 {
		return n, err
	}
	n, err := j.deps.Warehouse.Shipped(ctx, j.cfg.Instance, j.course.log)
	if err != nil {
		return 0, err
	}
	n += j.course.base
	switch {
	case n < state.Settled:
		j.log.WarnContext(ctx, "the store lacks what another one was given, or it itself before it was put back; its history goes on from here",
			"frames", state.Settled-n)
	case j.course.checked || n <= j.course.begun:
		j.course.checked = true
		return n, nil
	case state.Settled < j.course.begun:
		return j.course.begun, nil // these it has
	default:
		j.log.WarnContext(ctx, "the store has more of this instance than the database in data_dir, which was put back; its history goes on from here",
			"frames", n-state.Settled)
	}
	to := j.course
	to.end(state)
	to.log, to.base, to.checked = j.deps.Disk.ID()+"-"+rand.Text(), state.Settled, true
	if err := to.save(ctx, j.deps.Disk); err != nil {
		return 0, err
	}
	j.course = to
	return to.base, nil
}
