package telemetry

import (
	"errors"
	"net/url"
	"sync"
	"time"
)

const (
	// sendTimeout bounds a request to a receiver, closeTimeout how long one is waited for
	// at the end.
	sendTimeout  = 10 * time.Second
	closeTimeout = 2 * time.Second
)

// Status is how it goes with a receiver.
type Status struct {
	// On says that there is one.
	On bool
	// Sent counts what it took, Lost what it did not.
	Sent, Lost uint64
	// Err is why it took nothing the last time, nil if it did; Since is when the first of
	// those failures in a row was.
	Err   error
	Since time.Time
}

// book keeps a Status.
type book struct {
	mu sync.Mutex
	is Status
}

func (b *book) status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.is
}

// restart begins anew, with a receiver or without.
func (b *book) restart(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.is = Status{On: on}
}

// told books what came of sending n things.
func (b *book) told(n int, err error, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.is.Sent += uint64(n) //nolint:gosec // not negative
		b.is.Err, b.is.Since = nil, time.Time{}
		return
	}
	b.is.Lost += uint64(n) //nolint:gosec // not negative
	if b.is.Err == nil {
		b.is.Since = now
	}
	b.is.Err = err
}

// withoutURL takes the URL out of an error of an HTTP client: it may have a secret in it.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
