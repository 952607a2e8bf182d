package downstream

// slot is a request that awaits its answer, or its turn to be answered.
type slot struct {
	// id is the request's id as it came; empty wants no reply.
	id []byte
	// done says that reply holds the whole reply line; until then the house
	// has the request.
	done bool
	// gate keeps everything unsolicited back until the reply has left.
	gate  bool
	reply []byte
}

// slots are the waiting requests of one connection, in order. A ticket is a
// request's running number, so that it is found without a search. The memory
// of ids and replies is used again.
type slots struct {
	ring []slot // a power of two
	head uint64 // ticket of the oldest
	next uint64 // ticket of the next to come
	// gates is the number of slots that hold notifications back.
	gates int
	// bytes is the length of all ids and replies that wait.
	bytes int
}

// A ring that a burst made longer than this is let go once it is empty.
const keptSlots = 64

func (q *slots) len() int { return int(q.next - q.head) } //nolint:gosec // at most MaxPending

// push adds a slot for a request with this id and returns its ticket.
func (q *slots) push(id []byte, gate bool) uint64 {
	if q.len() == len(q.ring) {
		q.grow()
	}
	ticket := q.next
	q.next++
	t := q.at(ticket)
	t.id = append(t.id[:0], id...)
	t.reply = t.reply[:0]
	t.done, t.gate = false, gate
	q.bytes += len(id)
	if gate {
		q.gates++
	}
	return ticket
}

// answer completes a slot; its reply leaves when drain comes to it.
func (q *slots) answer(ticket uint64, r reply) {
	t := q.at(ticket)
	t.done = true
	if len(t.id) > 0 {
		t.reply = r.append(t.reply[:0], t.id)
		q.bytes += len(t.reply)
	}
}

// get finds a waiting slot; nil when the ticket is of none.
func (q *slots) get(ticket uint64) *slot {
	if ticket < q.head || ticket >= q.next {
		return nil
	}
	return q.at(ticket)
}

// drain appends the replies whose turn has come.
func (q *slots) drain(out *Out) {
	for q.head < q.next {
		t := q.at(q.head)
		if !t.done {
			return
		}
		if len(t.reply) > 0 {
			out.buf = append(out.buf, t.reply...)
			out.answer(t.gate)
		}
		q.pop()
	}
}

// pop forgets the oldest slot.
func (q *slots) pop() {
	t := q.at(q.head)
	q.bytes -= len(t.id) + len(t.reply)
	if t.gate {
		q.gates--
	}
	if t.gate || cap(t.id) > maxKeptReply || cap(t.reply) > maxKeptReply {
		t.id, t.reply = nil, nil // a handshake's are not needed again
	}
	q.head++
	if q.head == q.next && len(q.ring) > keptSlots {
		q.ring = nil
	}
}

// A slot's memory beyond this is not kept for the next request.
const maxKeptReply = 256

func (q *slots) at(ticket uint64) *slot { return &q.ring[index(ticket, q.ring)] }

// index is where a ticket's slot lies in a ring.
func index(ticket uint64, ring []slot) int {
	return int(ticket & uint64(len(ring)-1)) //nolint:gosec // below the length, which is not 0
}

func (q *slots) grow() {
	ring := make([]slot, max(1, 2*len(q.ring)))
	for t := q.head; t < q.next; t++ {
		ring[index(t, ring)] = *q.at(t)
	}
	q.ring = ring
}
