package sim

// lately is a map that forgets: it holds the last limit entries at least, and
// twice as many at most. Its memory is taken at the start, so that a long run
// does not grow.
type lately[K comparable, V any] struct {
	limit    int
	now, old map[K]V
}

func newLately[K comparable, V any](limit int) lately[K, V] {
	return lately[K, V]{limit: limit, now: make(map[K]V, limit), old: make(map[K]V, limit)}
}

func (l *lately[K, V]) get(k K) (V, bool) {
	if v, ok := l.now[k]; ok {
		return v, true
	}
	v, ok := l.old[k]
	return v, ok
}

func (l *lately[K, V]) put(k K, v V) {
	if len(l.now) >= l.limit {
		l.now, l.old = l.old, l.now
		clear(l.now)
	}
	l.now[k] = v
}
