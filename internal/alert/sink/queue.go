package sink

import (
	"time"

	"github.com/loka/stratum/internal/alert"
)

const (
	// most bounds what waits for a sink; old is for how long it may.
	most = 1000
	old  = 6 * time.Hour
)

// waiting is a notice, and since when it or an earlier word of its alert waits.
type waiting struct {
	notice alert.Notice
	since  time.Time
}

// queue has what waits for a sink: of each alert the latest, in the order in which
// they came.
type queue struct {
	ids     []string
	by      map[string]waiting
	dropped int
}

func newQueue() *queue { return &queue{by: make(map[string]waiting)} }

// put adds a notice; where there is no room the oldest gives way. It returns how many
// did.
func (q *queue) put(n alert.Notice, since time.Time) (gone int) {
	before, ok := q.by[n.ID]
	if ok {
		since = before.since
	} else {
		if len(q.ids) >= most {
			q.drop(1)
			gone = 1
		}
		q.ids = append(q.ids, n.ID)
	}
	q.by[n.ID] = waiting{n, since}
	return gone
}

// expire gives up what has waited for too long.
func (q *queue) expire(now time.Time) (gone int) {
	for gone < len(q.ids) && now.Sub(q.by[q.ids[gone]].since) >= old {
		gone++
	}
	q.drop(gone)
	return gone
}

func (q *queue) drop(n int) {
	for _, id := range q.ids[:n] {
		delete(q.by, id)
	}
	q.ids = append(q.ids[:0:0], q.ids[n:]...)
	q.dropped += n
}

// take empties the queue.
func (q *queue) take() *queue {
	taken := *q
	*q = *newQueue()
	return &taken
}

// notices are those in it.
func (q *queue) notices() []alert.Notice {
	all := make([]alert.Notice, 0, len(q.ids))
	for _, id := range q.ids {
		all = append(all, q.by[id].notice)
	}
	return all
}

// putBack is for what was taken and could not be sent; what came since is the later
// word.
func (q *queue) putBack(taken *queue) (gone int) {
	later := q.take()
	*q = *taken
	for _, id := range later.ids {
		w := later.by[id]
		gone += q.put(w.notice, w.since)
	}
	q.dropped += later.dropped
	return gone
}
