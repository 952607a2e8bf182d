package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/store"
)

const (
	// auditTimeout bounds how long a write waits for its record.
	auditTimeout = 2 * time.Second
	auditPath    = "/api/v1/audit"
	// admin is who has the one token that there is.
	admin = "admin"
)

// ActList is the body of GET /api/v1/audit.
type ActList struct {
	Acts []Act `json:"acts" nullable:"false" doc:"The latest first"`
}

// Act is what an administrator did.
type Act struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who" doc:"admin: whoever has the admin token"`
	What   string    `json:"what" doc:"Method and path of a write of this API that succeeded"`
	Detail string    `json:"detail" doc:"Where it came from, and more of it"`
}

type actsInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"At most so many"`
}

// acts registers what administrators did.
func acts(api huma.API, r *recorder) {
	op := get(auditPath, "audit", "What administrators did; needs the admin token", http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	op.Security = []map[string][]string{{bearer: {}}}
	huma.Register(api, op, func(ctx context.Context, in *actsInput) (*body[ActList], error) {
		all, err := r.Warehouse.Acts(ctx, r.Instance, in.Limit)
		if err != nil {
			return nil, r.unanswered(ctx, err)
		}
		list := make([]Act, 0, len(all))
		for _, a := range all {
			list = append(list, Act{a.At.UTC(), a.Who, a.What, a.Detail})
		}
		return &body[ActList]{ActList{list}}, nil
	})
}

// auditor keeps a record of every write that succeeds.
type auditor struct {
	records *Records
	log     *slog.Logger
	next    http.Handler
}

// ServeHTTP serves a write. The record is kept before the success is answered.
func (a *auditor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deed := new(deed)
	r = r.WithContext(context.WithValue(r.Context(), deedKey{}, deed))
	out := &auditWriter{ResponseWriter: w}
	out.done = sync.OnceFunc(func() { a.keep(r, deed) })
	a.next.ServeHTTP(out, r)
	if !out.answered { // which net/http takes for 200
		out.done()
	}
}

func (a *auditor) keep(r *http.Request, d *deed) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTimeout)
	defer cancel()
	act := store.Act{At: a.records.Now().UTC(), Who: admin, What: r.Method + " " + r.URL.EscapedPath(), Detail: "from " + r.RemoteAddr}
	if d.detail != "" {
		act.Detail += "; " + d.detail
	}
	if err := a.records.Warehouse.Audit(ctx, a.records.Instance, act); err != nil {
		a.log.ErrorContext(ctx, "what an administrator did is not in the audit record",
			"who", act.Who, "what", act.What, "detail", act.Detail, "error", err)
	}
}

// deed is what a handler adds to the record of its request.
type deed struct{ detail string }

type deedKey struct{}

// remark adds to the record of the request that ctx is of.
func remark(ctx context.Context, detail string) {
	if d, ok := ctx.Value(deedKey{}).(*deed); ok {
		d.detail = detail
	}
}

// auditWriter calls done before a success is answered.
type auditWriter struct {
	http.ResponseWriter

	answered bool
	done     func()
}

// WriteHeader implements [http.ResponseWriter].
func (w *auditWriter) WriteHeader(status int) {
	if !w.answered && status >= http.StatusOK {
		w.answered = true
		if status < http.StatusBadRequest {
			w.done()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *auditWriter) Write(b []byte) (int, error) {
	if !w.answered {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] see what is behind.
func (w *auditWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
