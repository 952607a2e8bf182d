package listen

import "sync/atomic"

// Limiter bounds how many connections there are at a time. Listeners may
// share one.
type Limiter struct {
	most atomic.Int64
	have atomic.Int64
}

// NewLimiter makes a limiter for at most that many connections; 0 or less is
// no limit.
func NewLimiter(most int) *Limiter {
	l := new(Limiter)
	l.SetMax(most)
	return l
}

// SetMax changes how many places there are; who has one keeps it.
func (l *Limiter) SetMax(most int) { l.most.Store(int64(most)) }

// Acquire takes a place and reports whether there was one.
func (l *Limiter) Acquire() bool {
	if n, most := l.have.Add(1), l.most.Load(); most > 0 && n > most {
		l.have.Add(-1)
		return false
	}
	return true
}

// Release gives a place back.
func (l *Limiter) Release() { l.have.Add(-1) }

// Len is how many places are taken.
func (l *Limiter) Len() int { return int(l.have.Load()) }

// Max is how many places there are; 0 or less is no limit.
func (l *Limiter) Max() int { return int(l.most.Load()) }
