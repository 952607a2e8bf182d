package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/figures"
)

const (
	// maxEventBytes bounds one event.
	maxEventBytes = 256 << 10
	// What a stream tells besides events: how far it is at the beginning, that there are
	// events that are forgotten, and why it ends.
	helloEvent, gapEvent, byeEvent = "hello", "gap", "bye"
)

var (
	errSilent = errors.New("nothing has come for too long")
	errEnded  = errors.New("it ended the stream")
)

// waits are how a stream is kept up.
type waits struct {
	// first is how long after a failure it is tried again, which doubles up to most.
	first, most time.Duration
	// silence is after how long without anything, heartbeats included, the connection
	// is taken for dead.
	silence time.Duration
}

// EventsQuery picks what is followed.
type EventsQuery struct {
	// Kinds are those that are wanted; none: all.
	Kinds []events.Kind
	// After is the id of the last event that is known already; 0: what happens from now on.
	After uint64
}

// Told is what a stream tells: an event, or that there is a gap.
type Told struct {
	events.Event

	// Gap is not nil where events are forgotten that would come next; the event is none then.
	Gap *events.Gap
}

// Events follows what happens. It yields each event as it comes, and an error where the
// stream ends: a following one begins after the last event that was yielded, so that
// nothing is missed that the proxy still knows. Attempts are spaced ever further while
// they fail. After an error that no attempt can mend, such as a refused token, it is over,
// and so it is with ctx.
func (c *Client) Events(ctx context.Context, q EventsQuery) iter.Seq2[Told, error] {
	return func(yield func(Told, error) bool) {
		wait := c.waits.first
		for ctx.Err() == nil {
			before := q.After
			goOn, err := c.follow(ctx, &q, func(t Told) bool { return yield(t, nil) })
			if !goOn || ctx.Err() != nil || !yield(Told{}, err) || final(err) {
				return
			}
			if q.After != before {
				wait = c.waits.first
			}
			pause := wait
			if p, ok := errors.AsType[*ProblemError](err); ok {
				pause = max(pause, p.RetryAfter)
			}
			if !Wait(ctx, pause) {
				return
			}
			wait = min(2*wait, c.waits.most)
		}
	}
}

// final says that no other attempt can mend it.
func final(err error) bool {
	if _, foreign := errors.AsType[*ForeignError](err); foreign {
		return true
	}
	if _, none := errors.AsType[*AddressError](err); none {
		return true
	}
	status := Status(err)
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}

// Wait waits, unless ctx ends before.
func Wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow tells the events of one connection and remembers the last one in q. goOn is
// false where no more are wanted.
func (c *Client) follow(ctx context.Context, q *EventsQuery, tell func(Told) bool) (goOn bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	kinds := make([]string, 0, len(q.Kinds))
	for _, k := range q.Kinds {
		kinds = append(kinds, string(k))
	}
	k := call{
		method: http.MethodGet, path: "/api/v1/events", want: http.StatusOK,
		query: values("kinds", strings.Join(kinds, ",")),
	}
	if q.After > 0 {
		k.after = strconv.FormatUint(q.After, 10)
	}
	res, err := c.send(ctx, &k)
	if err != nil {
		return true, err
	}
	defer func() { _ = res.Body.Close() }()
	alive := time.AfterFunc(c.waits.silence, func() { cancel(errSilent) })
	defer alive.Stop()
	counted := &countingReader{in: res.Body, came: func() { alive.Reset(c.waits.silence) }}
	for e, err := range sse.Read(counted, &sse.ReadConfig{MaxEventSize: maxEventBytes}) {
		if err != nil {
			if context.Cause(ctx) == errSilent { //nolint:errorlint // it is that very one
				err = errSilent
			}
			return true, &BrokenError{Base: c.base, Bytes: counted.bytes, Err: err}
		}
		told, bye, err := q.read(&e)
		switch {
		case err != nil:
			return true, &ForeignError{Base: c.base, Read: true, Err: err}
		case bye != nil:
			return true, &BrokenError{Base: c.base, Bytes: counted.bytes, Err: bye}
		case (told.Gap != nil || told.Kind != "") && !tell(told):
			return false, nil
		}
	}
	return true, &BrokenError{Base: c.base, Bytes: counted.bytes, Err: errEnded}
}

// byeError is why the proxy ended a stream, in its words.
type byeError struct{ why string }

// Error implements error.
func (e byeError) Error() string { return figures.Visible(e.why) }

// read reads what a stream tells, and remembers how far it is. What neither is an event
// nor says that there is a gap is told to nobody: Kind is empty then.
func (q *EventsQuery) read(e *sse.Event) (t Told, bye, err error) {
	data := []byte(e.Data)
	switch e.Type {
	case helloEvent:
		var hello struct{ ID uint64 }
		if err = json.Unmarshal(data, &hello); q.After == 0 {
			q.After = hello.ID
		}
		return t, nil, err
	case byeEvent:
		var said struct{ Why string }
		err = json.Unmarshal(data, &said)
		return t, byeError{said.Why}, err
	case gapEvent:
		t.Gap = new(events.Gap)
		return t, nil, json.Unmarshal(data, t.Gap)
	}
	if err = json.Unmarshal(data, &t.Event); err == nil && t.ID > 0 {
		q.After = t.ID
	}
	return t, nil, err
}

// countingReader says when something came, and how much.
type countingReader struct {
	in    io.Reader
	came  func()
	bytes int64
}

// Read implements [io.Reader].
func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.in.Read(b)
	if n > 0 {
		r.bytes += int64(n)
		r.came()
	}
	return n, err
}

// LogQuery picks what has happened.
type LogQuery struct {
	Kinds               []events.Kind
	Pool, Route, Worker string
	// Since and Until are times as the API writes them.
	Since, Until string
	// Before is from which id on backwards, 0: the latest.
	Before uint64
	Limit  int
}

// Log is what has happened, the latest first.
func (c *Client) Log(ctx context.Context, q LogQuery) (events.Page, error) {
	kinds := make([]string, 0, len(q.Kinds))
	for _, k := range q.Kinds {
		kinds = append(kinds, string(k))
	}
	before := ""
	if q.Before > 0 {
		before = strconv.FormatUint(q.Before, 10)
	}
	return get[events.Page](ctx, c, "/api/v1/log", values("kinds", strings.Join(kinds, ","), "pool", q.Pool, "route", q.Route,
		"worker", q.Worker, "since", q.Since, "until", q.Until, "before", before, "limit", number(q.Limit)))
}

// PoolTimeline is what became of a pool.
func (c *Client) PoolTimeline(ctx context.Context, pool string, p Past) (events.Timeline, error) {
	return get[events.Timeline](ctx, c, path("pools", pool, "timeline"), p.values())
}
