package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/store"
)

const (
	// auditTimeout bounds how long the database may take for an act.
	auditTimeout = 2 * time.Second
	// maxShown bounds what was before, and what after, in the words of a record.
	maxShown = 2000
)

// ActList is the body of GET /api/v1/audit.
type ActList struct {
	Acts []Act `json:"acts" nullable:"false" doc:"The latest first"`
}

// Act is what an administrator did.
type Act struct {
	At     time.Time `json:"at"`
	Who    string    `json:"who" doc:"The token's name with its role in brackets; admin: whoever has the admin token; signal: who sent the process a SIGHUP"`
	What   string    `json:"what" doc:"Method and path of a write of this API that succeeded, or what else was done"`
	Detail string    `json:"detail" doc:"Where it came from, what was before and after as far as there is such a thing, and more of it"`
}

type actsInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"At most so many"`
}

// acts registers what administrators did.
func acts(api huma.API, r *recorder) {
	op := get("/api/v1/audit", "audit", "What administrators did", http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
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

// ActFile takes every act; it has to be on the disk when Append returns.
type ActFile interface{ Append(a audit.Act) error }

// Acts keeps what administrators did. A nil File or Records has none of it.
type Acts struct {
	File    ActFile
	Records *Records
	Logger  *slog.Logger
}

// Keep has an act in the file and in the database. It is done, whatever comes of
// that, so where there is no room for it, it is in the log.
func (k *Acts) Keep(ctx context.Context, act audit.Act) {
	row := rowOf(&act)
	missed := func(where string, err error) {
		if err != nil {
			k.Logger.ErrorContext(ctx, "what an administrator did is not in the audit record",
				"record", where, "who", row.Who, "what", row.What, "detail", row.Detail, "error", err)
		}
	}
	if k.File != nil {
		missed("file", k.File.Append(act))
	}
	if k.Records != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
		defer cancel()
		missed("database", k.Records.Warehouse.Audit(ctx, k.Records.Instance, row))
	}
}

// auditor keeps a record of every write that succeeds.
type auditor struct {
	acts Acts
	now  func() time.Time
	next http.Handler
}

func newAuditor(deps Deps, next http.Handler) http.Handler {
	if deps.Records == nil && deps.Audit == nil {
		return next
	}
	return &auditor{Acts{deps.Audit, deps.Records, deps.Logger}, deps.Now, next}
}

// ServeHTTP serves a write. The record is kept before the success is answered.
func (a *auditor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deed := new(deed)
	r = r.WithContext(context.WithValue(r.Context(), deedKey{}, deed))
	out := &auditWriter{ResponseWriter: w, deed: deed}
	out.done = sync.OnceFunc(func() {
		if !deed.nothing {
			a.keep(r, deed)
		}
	})
	defer func() { // however it ends
		if deed.changed {
			out.done()
		}
	}()
	a.next.ServeHTTP(out, r)
	if !out.answered { // which net/http takes for 200
		out.done()
	}
}

// keep has what a request did in the record.
func (a *auditor) keep(r *http.Request, d *deed) {
	who := identityOf(r.Context())
	if d.who.Role != auth.Nobody {
		who = d.who
	}
	a.acts.Keep(r.Context(), audit.Act{
		At: a.now().UTC(), Who: who.Name, Role: who.Role.String(), From: r.RemoteAddr, What: r.Method + " " + r.URL.EscapedPath(),
		Before: d.before, After: d.after, Detail: d.detail,
	})
}

// rowOf is an act for the database, which has words for what was before and after.
func rowOf(a *audit.Act) store.Act {
	var parts []string
	if a.From != "" {
		parts = append(parts, "from "+a.From)
	}
	for _, one := range []struct {
		word string
		of   any
	}{{"was ", a.Before}, {"is ", a.After}} {
		if one.of == nil {
			continue
		}
		if text, err := json.Marshal(one.of); err == nil {
			parts = append(parts, one.word+clip(string(text)))
		}
	}
	if a.Detail != "" {
		parts = append(parts, a.Detail)
	}
	who := a.Who
	if role, ok := auth.ParseRole(a.Role); ok {
		who = auth.Identity{Name: a.Who, Role: role}.String()
	}
	return store.Act{At: a.At, Who: who, What: a.What, Detail: strings.Join(parts, "; ")}
}

// clip bounds a text.
func clip(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}

// deed is what a handler adds to the record of its request.
type deed struct {
	// who did it, where the request does not say that.
	who           auth.Identity
	detail        string
	before, after any
	// changed says that it is done, whatever is answered, nothing that there was
	// nothing to do.
	changed, nothing bool
}

type deedKey struct{}

// remark adds to the record of the request that ctx is of.
func remark(ctx context.Context, detail string) {
	if d, ok := ctx.Value(deedKey{}).(*deed); ok {
		d.detail = detail
	}
}

// actedAs says who the request that ctx is of was found to come from.
func actedAs(ctx context.Context, who auth.Identity) {
	if d, ok := ctx.Value(deedKey{}).(*deed); ok {
		d.who = who
	}
}

// changed says that the request that ctx is of has changed something, and what was
// before and what is now, which JSON can say; nil is nothing.
func changed(ctx context.Context, before, after any) {
	if d, ok := ctx.Value(deedKey{}).(*deed); ok {
		d.before, d.after, d.changed = before, after, true
	}
}

// nothingDone says that the request that ctx is of was a question.
func nothingDone(ctx context.Context) {
	if d, ok := ctx.Value(deedKey{}).(*deed); ok {
		d.nothing = true
	}
}

// auditWriter calls done before a success is answered, or the failure of what has
// changed something all the same.
type auditWriter struct {
	http.ResponseWriter

	deed     *deed
	answered bool
	done     func()
}

// WriteHeader implements [http.ResponseWriter].
func (w *auditWriter) WriteHeader(status int) {
	if !w.answered && status >= http.StatusOK {
		w.answered = true
		if status < http.StatusBadRequest || w.deed.changed {
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
