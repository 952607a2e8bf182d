package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loka/stratum/internal/events"
)

const (
	// maxStreams is how many may follow the events at a time, of one address half of
	// them. Each has a goroutine and a queue.
	maxStreams = 64
	// beatEvery is how often a stream says that it is there, and its token is looked at.
	beatEvery = 15 * time.Second
	// streamTimeout is how long a client may take to read what is sent at a time.
	streamTimeout = 10 * time.Second
	// retryAfter is how long a client is to wait before it comes again, in milliseconds.
	retryAfter = 3000
	// maxTogether is how many events are sent at a time.
	maxTogether = 64
)

// Hello is what a stream of events begins with.
type Hello struct {
	ID      uint64 `json:"id" doc:"The id of the latest event: to resume after where none came"`
	Version string `json:"version"`
}

// EventGap is what stands for events that are forgotten.
type EventGap events.Gap

type streamInput struct {
	Kinds    string `query:"kinds" doc:"Of these kinds only, with commas between: proxy, connection, share, block, job, pool, switch, alert, ban, act, reload; act is for admins. Empty: all but share"`
	LastID   string `header:"Last-Event-ID" doc:"The id of the last event that was seen: what came since is sent first"`
	LastIDIn string `query:"last_event_id" doc:"The same, for who cannot set a header"`
}

// stream registers the events as they happen.
func (e *eventing) stream(api huma.API) {
	op := get("/api/v1/events", "events", "What happens, as it happens: server-sent events", http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[events.Event](), true, "Event")
	for of, name := range map[reflect.Type]string{reflect.TypeFor[EventGap](): "EventGap", reflect.TypeFor[Hello](): "Hello", reflect.TypeFor[Bye](): "Bye"} {
		api.OpenAPI().Components.Schemas.Schema(of, true, name)
	}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "An endless stream. Each event has its id, its kind as the event's name, and an Event as data. " +
			"Besides there are hello (a Hello) at first, gap (an EventGap) where events that were missed are forgotten, and bye (a Bye) before the server ends the stream; " +
			"none of them has an id. Who reads too slowly is cut off, and resumes.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schema}},
	}}
	huma.Register(api, op, func(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
		what, err := in.follow(ctx)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			e.serve(w, r, what)
		}}, nil
	})
}

// follow is what is asked for.
func (in *streamInput) follow(ctx context.Context) (f events.Follow, err error) {
	if f.Kinds, err = kindsFor(ctx, "kinds", in.Kinds, events.Share); err != nil {
		return f, err
	}
	last, name := in.LastID, "header.Last-Event-ID"
	if last == "" {
		last, name = in.LastIDIn, "query.last_event_id"
	}
	if last == "" {
		return f, nil
	}
	if f.After, err = strconv.ParseUint(last, 10, 64); err != nil {
		return f, huma.Error422UnprocessableEntity("", &huma.ErrorDetail{Location: name, Message: "want the id of an event, a number"})
	}
	f.Resume = true
	return f, nil
}

// serve streams events until somebody has enough.
func (e *eventing) serve(w http.ResponseWriter, r *http.Request, what events.Follow) {
	from := source(r.RemoteAddr)
	if !e.streams.take(from) {
		refuseStream(w)
		return
	}
	defer e.streams.give(from)
	f, err := e.log.Follow(what)
	if err != nil {
		refuseStream(w)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // a proxy in between is not to collect them
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	s := &stream{w: w, ctl: http.NewResponseController(w), now: e.now}
	s.frame("", "hello", Hello{f.Latest, e.model.Version()})
	if f.Gap != nil {
		s.frame("", "gap", f.Gap)
	}
	for some := range slices.Chunk(f.Missed, maxTogether) {
		if s.flush() != nil {
			return
		}
		for i := range some {
			s.event(&some[i])
		}
	}
	f.Missed = nil // nobody needs it any more, and a stream lasts
	if s.flush() == nil {
		e.follow(r, s, f)
	}
}

func refuseStream(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	problem(w, http.StatusServiceUnavailable, fmt.Sprintf("as many follow the events as may: %d, and half of them from one address; /api/v1/log has the same", maxStreams))
}

// follow sends what happens.
func (e *eventing) follow(r *http.Request, s *stream, f *events.Follower) {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		select {
		case ev, ok := <-f.C():
			if !ok { // it was too slow
				s.bye("you read too slowly")
				return
			}
			s.event(&ev)
			for n := 1; n < maxTogether && len(f.C()) > 0; n++ {
				if ev, ok = <-f.C(); ok {
					s.event(&ev)
				}
			}
		case <-beat.C:
			if !stillAllowed(r.Context()) {
				s.bye("your token is not known any more, or has expired")
				return
			}
			s.buf = append(s.buf, ": \n\n"...)
		case <-e.ending:
			s.bye("the server stops")
			return
		case <-r.Context().Done():
			return
		}
		if s.flush() != nil {
			return
		}
	}
}

// Bye is what a stream ends with where the server ends it.
type Bye struct {
	Why string `json:"why" doc:"In words"`
}

// stream writes server-sent events.
type stream struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
	now func() time.Time
	buf []byte
}

func (s *stream) event(e *events.Event) { s.frame(strconv.FormatUint(e.ID, 10), string(e.Kind), e) }

// frame adds an event; what JSON cannot say is left out.
func (s *stream) frame(id, name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return
	}
	if id != "" {
		s.buf = fmt.Appendf(s.buf, "id: %s\n", id)
	} else if name == "hello" {
		s.buf = fmt.Appendf(s.buf, "retry: %d\n", retryAfter)
	}
	s.buf = fmt.Appendf(s.buf, "event: %s\ndata: %s\n\n", name, text)
}

// bye is the last word.
func (s *stream) bye(why string) {
	s.frame("", "bye", Bye{why})
	_ = s.flush()
}

// flush sends what there is. The client is given some time for each such piece.
func (s *stream) flush() error {
	if err := s.ctl.SetWriteDeadline(s.now().Add(streamTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	if err != nil {
		return err
	}
	return s.ctl.Flush()
}

// places bounds how many there are of something, and of one address.
type places struct {
	most, each int

	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

func (p *places) take(from netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= p.most || p.from[from] >= p.each {
		return false
	}
	if p.from == nil {
		p.from = make(map[netip.Addr]int)
	}
	p.all++
	p.from[from]++
	return true
}

func (p *places) give(from netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.from[from]--; p.from[from] == 0 {
		delete(p.from, from)
	}
}
