package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// traceKind is the media type of a trace of the Go runtime.
const traceKind = "application/octet-stream"

// Errors of a [TraceKeeper] that are the caller's to mend.
var (
	// ErrNoTrace is a trace that is not there.
	ErrNoTrace = errors.New("there is no such trace; GET /api/v1/trace lists them")
	// ErrNotRecorded is a trace of what is not recorded.
	ErrNotRecorded = errors.New("nothing is recorded; set enabled = true in [flight_recorder] and reload")
	// ErrTraceBusy is a trace while another is being written.
	ErrTraceBusy = errors.New("another trace is being written; ask again in a moment")
)

// TraceKeeper has what the flight recorder has written.
type TraceKeeper interface {
	// Recording says that there is something to write.
	Recording() bool
	// Write writes what was recorded of the last seconds.
	Write(why string) (Trace, error)
	// List returns what there is, the latest first.
	List() ([]Trace, error)
	// Open opens one by its name.
	Open(name string) (io.ReadCloser, Trace, error)
}

// Trace is a file of what the process did in some seconds.
type Trace struct {
	Name  string    `json:"name" doc:"The file's name in data_dir/traces, and what it is asked for by"`
	At    time.Time `json:"at"`
	Why   string    `json:"why" doc:"What it was written for"`
	Bytes int64     `json:"bytes"`
}

// TraceList is the body of GET /api/v1/trace.
type TraceList struct {
	Recording bool    `json:"recording" doc:"The last seconds are recorded: flight_recorder.enabled"`
	Traces    []Trace `json:"traces" nullable:"false" doc:"The latest first"`
	Total     int     `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// TraceOrder is the body of POST /api/v1/trace.
type TraceOrder struct {
	Why string `json:"why,omitempty" maxLength:"100" doc:"What it is for; becomes a part of the file's name" example:"late shares"`
}

type traceOrderInput struct {
	Body *TraceOrder
}

type traceInput struct {
	Name string `path:"name" maxLength:"100" doc:"As in GET /api/v1/trace"`
}

// traces registers what the flight recorder has written.
func traces(api huma.API, deps Deps) {
	keeper := deps.Traces
	huma.Register(api, get("/api/v1/trace", "traces", "What the flight recorder has written"), func(_ context.Context, in *Paging) (*body[TraceList], error) {
		all, err := keeper.List()
		if err != nil {
			return nil, huma.Error500InternalServerError(err.Error())
		}
		if all == nil {
			all = []Trace{}
		}
		return &body[TraceList]{TraceList{keeper.Recording(), cut(*in, all), len(all)}}, nil
	})
	op := write(http.MethodPost, "/api/v1/trace", "trace", "Write down what the process did in the last seconds, for go tool trace", http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, func(ctx context.Context, in *traceOrderInput) (*body[Trace], error) {
		why := "asked for"
		if in.Body != nil && in.Body.Why != "" {
			why = in.Body.Why
		}
		t, err := keeper.Write(why)
		switch {
		case errors.Is(err, ErrNotRecorded), errors.Is(err, ErrTraceBusy):
			return nil, huma.Error409Conflict(err.Error())
		case err != nil:
			return nil, huma.Error503ServiceUnavailable(fmt.Sprintf("it cannot be written: %v; look at the free space and the mode of data_dir", err))
		}
		changed(ctx, nil, t)
		return &body[Trace]{t}, nil
	})
	one := get("/api/v1/trace/{name}", "trace_download", "A trace, as a file for go tool trace", http.StatusNotFound)
	one.Responses = map[string]*huma.Response{"200": {
		Description: "The file",
		Content:     map[string]*huma.MediaType{traceKind: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
	huma.Register(api, one, func(_ context.Context, in *traceInput) (*huma.StreamResponse, error) {
		f, t, err := keeper.Open(in.Name)
		switch {
		case errors.Is(err, ErrNoTrace):
			return nil, huma.Error404NotFound(ErrNoTrace.Error())
		case err != nil:
			return nil, huma.Error503ServiceUnavailable(err.Error())
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer func() { _ = f.Close() }()
			req, w := humago.Unwrap(ctx)
			sendTrace(w, req, f, deps.Now, t)
		}}, nil
	})
}

// sendTrace sends a file. Where that breaks off, so does the connection.
func sendTrace(w http.ResponseWriter, req *http.Request, f io.Reader, now func() time.Time, t Trace) {
	out := newDownload(w, now, http.Header{
		"Content-Type":        {traceKind},
		"Content-Length":      {strconv.FormatInt(t.Bytes, 10)},
		"Content-Disposition": {`attachment; filename="` + t.Name + `"`}, // which the recorder has made: safe in a header
	})
	if req.Method == http.MethodHead {
		out.begin()
		return
	}
	_, err := io.Copy(out, f)
	if err == nil {
		err = out.end()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
