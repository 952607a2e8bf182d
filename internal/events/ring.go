package events

// ring remembers the latest events, up to a bound, in the order of their ids.
type ring struct {
	most int
	all  []Event
	// first is the oldest's place once the ring is full.
	first int
	// gone is the largest id that was forgotten; 0: none.
	gone uint64
}

// add remembers one more.
func (r *ring) add(e *Event) {
	if len(r.all) < r.most {
		r.all = append(r.all, *e)
		return
	}
	r.gone = r.all[r.first].ID
	r.all[r.first] = *e
	r.first = (r.first + 1) % r.most
}

// len is how many there are.
func (r *ring) len() int { return len(r.all) }

// at is the i-th, the oldest first.
func (r *ring) at(i int) *Event { return &r.all[(r.first+i)%len(r.all)] }

// backward yields the events of two rings, the latest first.
func backward(a, b *ring) func(yield func(*Event) bool) {
	return func(yield func(*Event) bool) {
		i, j := a.len()-1, b.len()-1
		for i >= 0 || j >= 0 {
			var e *Event
			if j < 0 || i >= 0 && a.at(i).ID > b.at(j).ID {
				e, i = a.at(i), i-1
			} else {
				e, j = b.at(j), j-1
			}
			if !yield(e) {
				return
			}
		}
	}
}
