package journal

import (
	"context"
	"crypto/rand"
	"fmt"

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
}

// loadCourse reads the course of the last run.
func loadCourse(ctx context.Context, disk Disk, last uint64) (course, error) {
	c := course{log: disk.ID(), begun: last}
	data, err := disk.Load(ctx, courseName)
	if err == nil && data != nil {
		_, err = fmt.Sscan(string(data), &c.log, &c.base)
	}
	if err != nil {
		return c, fmt.Errorf("read under which name the store has the journal: %w", err)
	}
	return c, nil
}

// shipped is the number of the last frame that the warehouse has. moving is held.
func (j *Journal) shipped(ctx context.Context, state *store.LogState) (uint64, error) {
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
	to := course{log: j.deps.Disk.ID() + "-" + rand.Text(), base: state.Settled, begun: j.course.begun, checked: true}
	if err := j.deps.Disk.Save(ctx, courseName, fmt.Appendf(nil, "%s %d", to.log, to.base)); err != nil {
		return 0, err
	}
	j.course = to
	return to.base, nil
}
