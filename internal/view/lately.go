package view

import (
	"sync"
	"time"
)

const (
	// worthOf is how many times as long as it took what was looked at is shown again,
	// longest at the most: those who ask for the same cost a twentieth of a processor in
	// all, however many they are. What took less than a shortest look is looked at anew
	// each time.
	worthOf  = 20
	longest  = time.Second
	shortest = time.Millisecond
)

// lately remembers what was looked at last. Those who ask meanwhile wait for one look.
type lately[T any] struct {
	mu    sync.Mutex
	until time.Time
	value T
}

// get is what was looked at last, or what is to be seen now. It is shared.
func (l *lately[T]) get(now func() time.Time, look func(now time.Time) T) T {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := now()
	if began.Before(l.until) {
		return l.value
	}
	l.value = look(began)
	l.until = time.Time{}
	if took := now().Sub(began); took >= shortest {
		l.until = began.Add(took + min(worthOf*took, longest-took))
	}
	return l.value
}
