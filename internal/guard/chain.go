package guard

// node is a place in a chain, for a value that has it as a field.
type node[T any] struct {
	prev, next *node[T]
	value      T
	in         bool
}

// chain is a list in the order of entry. Nodes are part of their values, so that it
// allocates nothing.
type chain[T any] struct {
	first, last *node[T]
	len         int
}

// push adds a node at the end.
func (c *chain[T]) push(n *node[T]) {
	n.prev, n.next, n.in = c.last, nil, true
	if c.last == nil {
		c.first = n
	} else {
		c.last.next = n
	}
	c.last = n
	c.len++
}

// remove takes a node out that is in this chain.
func (c *chain[T]) remove(n *node[T]) {
	if n.prev == nil {
		c.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		c.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.prev, n.next, n.in = nil, nil, false
	c.len--
}

// ranks have parties by a number that changes by little each time.
type ranks struct {
	by   []chain[*party]
	most int
}

// set gives a party its rank in place of another one; less than 0 is none.
func (r *ranks) set(n *node[*party], from, to int) {
	if n.in {
		r.by[from].remove(n)
	}
	if to >= 0 {
		for len(r.by) <= to {
			r.by = append(r.by, chain[*party]{})
		}
		r.by[to].push(n)
		r.most = max(r.most, to)
	}
	for r.most > 0 && r.by[r.most].len == 0 {
		r.most--
	}
}

// top is a party of the highest rank, that which has had it for longest; nil is none.
func (r *ranks) top() *party {
	if len(r.by) == 0 || r.by[r.most].first == nil {
		return nil
	}
	return r.by[r.most].first.value
}
