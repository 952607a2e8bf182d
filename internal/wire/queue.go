package wire

import (
	"sync"
	"time"
)

// memories lends the memory of queues, so that an empty queue holds none.
//
//nolint:gochecknoglobals // a pool is shared by all connections by its nature
var memories = sync.Pool{New: func() any { return new(memory) }}

// keepCap is the largest buffer in bytes that goes back to the pool.
const keepCap = 64 << 10

// memory is what a queue that is not empty holds.
type memory struct {
	buf    []byte
	frames []entry
}

// entry is one frame in the queue; its bytes stand in buf in queue order.
type entry struct {
	class Class
	key   uint8
	gone  bool
	// size is how many of its bytes are unsent.
	size int
	// at is when it began to wait for the peer; zero until it does.
	at time.Time
}

// queue holds frames in order, their bytes side by side, drops those that a
// newer one supersedes, and lets a Reset past replies that the peer keeps
// waiting. No frame waits longer than the first. It has no lock of its own.
type queue struct {
	mem *memory
	// sent counts the bytes at the start of mem.buf, first the entries at the
	// start of mem.frames, that have left.
	sent, first int
}

func (q *queue) empty() bool { return q.mem == nil }

// bytes counts the unsent bytes.
func (q *queue) bytes() int {
	if q.mem == nil {
		return 0
	}
	return len(q.mem.buf) - q.sent
}

// len counts the frames that have not left whole.
func (q *queue) len() int {
	if q.mem == nil {
		return 0
	}
	return len(q.mem.frames) - q.first
}

// front returns all unsent bytes. They are the queue's until the next call.
func (q *queue) front() []byte { return q.mem.buf[q.sent:] }

// push adds a copy of the frame and returns how many frames it superseded.
func (q *queue) push(f Frame) (superseded int) {
	if len(f.Data) == 0 {
		return 0
	}
	if q.mem == nil {
		q.mem, _ = memories.Get().(*memory)
	} else {
		superseded = q.supersede(f)
	}
	if f.Class == Reset && q.waits() {
		q.overtake(f)
		return superseded
	}
	q.mem.append(entry{class: f.Class, key: f.Key, size: len(f.Data)}, f.Data)
	return superseded
}

// append adds a frame at the end.
func (m *memory) append(e entry, data []byte) {
	m.buf = append(m.buf, data...)
	m.frames = append(m.frames, e)
}

// waits reports that the peer keeps frames waiting. What is only gathered
// leaves in one write, so nothing is gained by a change of its order.
func (q *queue) waits() bool { return q.len() > 0 && !q.oldest().IsZero() }

// overtake adds a Reset before all Replies that follow the last Anchor, and
// takes the Settings among these along. There is no job left to overtake.
// What moves ahead of a frame has no more time than that.
func (q *queue) overtake(f Frame) {
	old, sent, frames := q.mem, q.sent, q.mem.frames[q.first:]
	ahead := len(frames) // frames before it stay ahead whatever they are
	for ahead > 0 && frames[ahead-1].class != Anchor {
		ahead--
	}
	q.mem, _ = memories.Get().(*memory)
	q.sent, q.first = 0, 0
	var since time.Time
	from := sent
	for i, e := range frames {
		switch {
		case i < ahead || e.class == Setting:
			if !since.IsZero() {
				e.at = since
			}
			q.mem.append(e, old.buf[from:from+e.size])
		case since.IsZero():
			since = e.at
		}
		from += e.size
	}
	q.mem.append(entry{class: Reset, key: f.Key, size: len(f.Data), at: since}, f.Data)
	from = sent
	for i, e := range frames {
		if i >= ahead && e.class != Setting {
			q.mem.append(e, old.buf[from:from+e.size])
		}
		from += e.size
	}
	old.release()
}

// supersede removes what f makes needless. A frame that has left in part is
// an Anchor by then and stays.
func (q *queue) supersede(f Frame) (gone int) {
	frames := q.mem.frames[q.first:]
	switch f.Class {
	case Setting:
		gone = dropSetting(frames, f.Key)
	case Reset:
		gone = dropUpdates(frames)
	default:
	}
	if gone > 0 {
		q.compact()
	}
	return gone
}

// job reports that Settings before e and after e are both meant.
func (e *entry) job() bool { return e.class == Update || e.class == Reset }

// dropSetting marks the Setting of the key that no job follows.
func dropSetting(frames []entry, key uint8) (gone int) {
	for i := len(frames) - 1; i >= 0 && !frames[i].job(); i-- {
		if e := &frames[i]; e.class == Setting && e.key == key {
			e.gone = true
			return 1
		}
	}
	return 0
}

// dropUpdates marks all jobs, and all Settings but the newest of each key.
func dropUpdates(frames []entry) (gone int) {
	var seen [256]bool
	for i := len(frames) - 1; i >= 0; i-- {
		e := &frames[i]
		if e.job() || e.class == Setting && seen[e.key] {
			e.gone = true
			gone++
		}
		if e.class == Setting {
			seen[e.key] = true
		}
	}
	return gone
}

// compact closes the gaps that gone entries leave, and those of what has left.
func (q *queue) compact() {
	m := q.mem
	from, to, kept := q.sent, 0, 0
	for _, e := range m.frames[q.first:] {
		if !e.gone {
			copy(m.buf[to:], m.buf[from:from+e.size])
			to += e.size
			m.frames[kept] = e
			kept++
		}
		from += e.size
	}
	m.buf, m.frames = m.buf[:to], m.frames[:kept]
	q.sent, q.first = 0, 0
}

// consume says that n bytes have left and returns how many frames left whole.
func (q *queue) consume(n int) (whole int) {
	if q.mem == nil {
		return 0
	}
	q.sent += n
	for q.first < len(q.mem.frames) {
		e := &q.mem.frames[q.first]
		if n < e.size {
			if n > 0 {
				e.size -= n
				e.class = Anchor
			}
			return whole
		}
		n -= e.size
		q.first++
		whole++
	}
	q.clear()
	return whole
}

// take moves whole frames, at least one, into dst until it holds about
// limit bytes. oldest is when the first of them began to wait.
func (q *queue) take(dst []byte, limit int) (out []byte, frames int, oldest time.Time) {
	oldest = q.oldest()
	size := 0
	for _, e := range q.mem.frames[q.first:] {
		if frames > 0 && size+e.size > limit {
			break
		}
		size += e.size
		frames++
	}
	dst = append(dst, q.front()[:size]...)
	q.consume(size)
	return dst, frames, oldest
}

// stamp says that everything not yet stamped begins to wait now.
func (q *queue) stamp(now time.Time) {
	if q.mem == nil {
		return
	}
	frames := q.mem.frames[q.first:]
	for i := len(frames) - 1; i >= 0 && frames[i].at.IsZero(); i-- {
		frames[i].at = now
	}
}

// oldest is when the first frame began to wait.
func (q *queue) oldest() time.Time { return q.mem.frames[q.first].at }

// clear drops everything and gives the memory back.
func (q *queue) clear() {
	m := q.mem
	if m == nil {
		return
	}
	*q = queue{}
	m.release()
}

// release gives the memory back.
func (m *memory) release() {
	if cap(m.buf) > keepCap || cap(m.frames) > keepCap/16 {
		return
	}
	m.buf, m.frames = m.buf[:0], m.frames[:0]
	memories.Put(m)
}
