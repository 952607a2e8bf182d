package web

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/loka/stratum/docs"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/view"
)

// policy lets a page load its own files and ask its own server, no more.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Model is what pages show of now. [view.Model] is one.
type Model interface {
	Whole
	Workers
	Version() string
	Pools() []view.Pool
}

// Workers are those that there are.
type Workers interface {
	Workers(q view.WorkerQuery) view.WorkerPage
	Away(within time.Duration) int
	Worker(name string) (view.Worker, bool)
	WorkerTrends(names []string) ledger.Trend
}

// Whole is what is shown of all together.
type Whole interface {
	Summary() view.Summary
	Health() view.Health
	Alerts() []view.Alert
	Routes() []view.Route
}

// Log is what has happened. [events.Log] is one.
type Log interface {
	Timeline(pool string, from, to time.Time) events.Timeline
}

// Deps are what pages are made of. Model and Now are needed.
type Deps struct {
	// Sources are what pages show that are not of figures.
	Sources

	Model Model
	Now   func() time.Time
	// Earner says what was earned; nil: that is not shown.
	Earner Earner
	// Log has the past of pools; nil: that is not shown.
	Log Log
	// Who says who looks; nil: nobody has signed in.
	Who    func(ctx context.Context) auth.Identity
	Logger *slog.Logger
}

// Server serves pages. It is safe for use by many goroutines.
type Server struct {
	deps   Deps
	assets *assets
	pages  []Page
	mux    *http.ServeMux
	shared *template.Template
	signin *template.Template
	teller *teller
	book   *book
}

// New makes the handler of everything in [Patterns].
func New(deps Deps) (*Server, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	a, err := loadAssets()
	if err != nil {
		return nil, err
	}
	s := &Server{deps: deps, assets: a, pages: pages(), mux: http.NewServeMux(), teller: newTeller()}
	if s.book, err = openBook(docs.Operations); err != nil {
		return nil, err
	}
	if s.shared, err = s.parse("layout.html", "parts.html", "control.html"); err != nil {
		return nil, err
	}
	failed, err := s.template("error.html")
	if err != nil {
		return nil, err
	}
	if s.signin, err = s.parseSignin(); err != nil {
		return nil, err
	}
	s.mux.Handle(AssetPattern, a)
	s.mux.HandleFunc(signinPattern, s.signinAsset)
	for i := range s.pages {
		p := &s.pages[i]
		t, err := s.template(p.Template)
		if err != nil {
			return nil, err
		}
		s.mux.Handle("GET "+p.Path, &served{s, p, t, failed})
	}
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	s.mux.ServeHTTP(w, r)
}

// served is a page with its template.
type served struct {
	*Server

	page           *Page
	shown, failure *template.Template
}

// ServeHTTP implements [http.Handler].
func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := s.page.Data(s.Server, r)
	status, shown := http.StatusOK, s.shown
	f := s.frame(r, s.page)
	f.Data = data
	if s.page.Title != nil && err == nil {
		f.Title = s.page.Title(data)
	}
	if err != nil {
		said := s.said(r, err)
		status, shown = said.Status, s.failure
		f.Title = said.Title
		f.Data = map[string]string{"Title": said.Title, "Text": said.Text, "Back": f.back(), "BackName": "Back"}
	}
	var page bytes.Buffer
	if err := shown.ExecuteTemplate(&page, "layout.html", f); err != nil {
		s.deps.Logger.ErrorContext(r.Context(), "a page could not be rendered", "path", r.URL.Path, "error", err)
		http.Error(w, "a fault of loka itself; the log has the details", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // who asked may have gone
}

// said is what a reader is told of an error.
func (s *served) said(r *http.Request, err error) *Error {
	if said, ok := errors.AsType[*Error](err); ok {
		return said
	}
	s.deps.Logger.ErrorContext(r.Context(), "a page could not be made", "path", r.URL.Path, "error", err)
	return &Error{http.StatusServiceUnavailable, "This cannot be shown now", "The log of the proxy says why. The page tries again by itself."}
}
