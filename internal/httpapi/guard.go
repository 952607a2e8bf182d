package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/loka/stratum/internal/auth"
)

// maxBodyBytes bounds the body of every write; most operations take less.
const maxBodyBytes = maxConfigBytes

// Handler is all of the HTTP side. loopback says that it is served on a
// loopback address.
func Handler(deps Deps, loopback bool) http.Handler {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.quotas == nil {
		deps.quotas = &quotas{of: deps.Quota}
	}
	mux, refuse := routes(deps), newRefuser(deps)
	sessions := newSessions(deps.Token, deps.Model.Instance())
	if deps.SignIn != nil {
		signing(mux, &signer{sessions, deps, refuse})
	}
	return &guard{
		mux: mux, reads: tagged(mux), writes: newAuditor(deps, mux), quotas: deps.quotas, token: deps.Token, now: deps.Now, loopback: loopback,
		sessions: sessions, form: deps.SignIn, refuse: refuse, log: deps.Logger,
	}
}

// guard decides who may ask before anything is looked up.
type guard struct {
	mux *http.ServeMux
	// reads serves what is a read, writes what is none.
	reads, writes http.Handler
	quotas        *quotas
	token         Verifier
	now           func() time.Time
	loopback      bool
	origins       http.CrossOriginProtection
	sessions      *sessions
	// form asks for a token; nil: nobody is asked.
	form   func(http.ResponseWriter, *http.Request, SignInForm)
	refuse *refuser
	log    *slog.Logger
}

// ServeHTTP answers a request.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer g.recover(w, r)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")

	who, err := g.identify(r)
	known := who.Role != auth.Nobody
	handler, pattern := g.mux.Handler(r)
	least := leastFor(pattern)
	switch {
	case known || least == auth.Nobody:
	case !g.loopback:
		g.unauthorized(w, r, who, err)
		return
	case !namesLoopback(r.Host):
		g.misdirected(w, r, who)
		return
	}
	open := least == auth.Nobody || read(r) && least <= auth.Viewer // who is not known asks on loopback, or for what is for all
	r = r.WithContext(auth.WithIdentity(r.Context(), who))
	switch {
	case pattern == "":
		g.unrouted(w, r, handler)
	case !known && !open:
		g.unauthorized(w, r, who, err)
	case known && who.Role < least:
		g.refuse.forbidden(w, r, who, least)
	case !isProbe(r) && !g.within(w, r, who):
	case read(r):
		g.reads.ServeHTTP(w, r.WithContext(g.withCaller(r, who)))
	case g.origins.Check(r) != nil:
		g.refuse.crossSite(w, r, who)
	default:
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		g.writes.ServeHTTP(w, r)
	}
}

// errNoToken is a request that shows none.
var errNoToken = errors.New("no token was shown")

// identify says whose token a request shows, itself or by the session of a browser.
// Whoever has none that lets in has no role; a name is that of one that did.
func (g *guard) identify(r *http.Request) (auth.Identity, error) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return g.sessions.identify(r, g.now())
	}
	if g.token == nil {
		return auth.Identity{}, auth.ErrUnknown
	}
	who, err := g.token.Check(token, g.now())
	if err != nil {
		who.Role = auth.Nobody
	}
	return who, err
}

// withCaller says to what serves a read whether who asks may do so later on, too.
func (g *guard) withCaller(r *http.Request, who auth.Identity) context.Context {
	if who.Role == auth.Nobody {
		return r.Context() // so it will stay
	}
	still := func() bool {
		now, err := g.identify(r)
		return err == nil && now.Role >= who.Role
	}
	return context.WithValue(r.Context(), stillKey{}, still)
}

type stillKey struct{}

// stillAllowed says whether who asks may still do so. An answer that takes long asks it
// from time to time.
func stillAllowed(ctx context.Context) bool {
	still, ok := ctx.Value(stillKey{}).(func() bool)
	return !ok || still()
}

// identityOf is who asks; nobody where no token was shown.
func identityOf(ctx context.Context) auth.Identity { return auth.IdentityOf(ctx) }

// unauthorized answers who has shown no token that lets in: a browser that was sent
// here by its user with the form that asks for one.
func (g *guard) unauthorized(w http.ResponseWriter, r *http.Request, who auth.Identity, err error) {
	if g.form == nil || !visits(r) || errors.Is(err, auth.ErrUnknown) {
		g.refuse.unauthorized(w, r, who, err)
		return
	}
	g.refuse.note(r, who, NoToken)
	w.Header().Set("WWW-Authenticate", `Bearer realm="loka"`)
	g.form(w, r, SignInForm{Status: http.StatusUnauthorized, Next: r.URL.RequestURI(), Over: errors.Is(err, errSessionOver)})
}

// misdirected answers a request on loopback that does not name it. It may have come
// by a proxy that speaks TLS, and who has a token may ask by any name.
func (g *guard) misdirected(w http.ResponseWriter, r *http.Request, who auth.Identity) {
	if g.form == nil || !visits(r) {
		g.refuse.misdirected(w, r, who)
		return
	}
	g.refuse.note(r, who, WrongHost)
	g.form(w, r, SignInForm{Status: http.StatusMisdirectedRequest, Next: r.URL.RequestURI()})
}

// unrouted lets the router say what is wrong, and says it as a problem.
func (g *guard) unrouted(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	probe := &probeWriter{header: http.Header{}, status: http.StatusOK}
	handler.ServeHTTP(probe, r)
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		problem(w, http.StatusMethodNotAllowed, r.Method+" is not possible here; possible are: "+allow)
	case probe.status >= 300 && probe.status < 400:
		w.Header().Set("Location", probe.header.Get("Location"))
		w.WriteHeader(probe.status)
	default:
		problem(w, http.StatusNotFound, "there is nothing here; /api/v1/openapi.json lists what there is")
	}
}

func (g *guard) recover(w http.ResponseWriter, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	g.log.ErrorContext(r.Context(), "http request panicked", "path", r.URL.Path, "panic", fault, "stack", string(debug.Stack()))
	problem(w, http.StatusInternalServerError, "a fault of loka itself; the log has the details")
}

// read says that the request only looks.
func read(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// namesLoopback says that a Host header names this machine's loopback: with
// any port, for tunnels change it.
func namesLoopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}

// probeWriter takes what the router would have answered.
type probeWriter struct {
	header http.Header
	status int
}

// Header implements [http.ResponseWriter].
func (p *probeWriter) Header() http.Header { return p.header }

// Write implements [http.ResponseWriter].
func (p *probeWriter) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements [http.ResponseWriter].
func (p *probeWriter) WriteHeader(status int) { p.status = status }

// isProbe says that the request is one of those that have no quota.
func isProbe(r *http.Request) bool {
	return read(r) && (r.URL.Path == "/live" || r.URL.Path == "/ready")
}
