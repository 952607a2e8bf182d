package httpapi

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
)

// Handler is all of the HTTP side. loopback says that it is served on a
// loopback address.
func Handler(deps Deps, loopback bool) http.Handler {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	mux := routes(deps)
	g := &guard{mux: mux, writes: mux, token: deps.Token, loopback: loopback, log: deps.Logger}
	if deps.Records != nil {
		g.writes = &auditor{deps.Records, deps.Logger, mux}
	}
	return g
}

// guard decides who may ask before anything is looked up.
type guard struct {
	mux *http.ServeMux
	// writes serves what is no read.
	writes   http.Handler
	token    Verifier
	loopback bool
	log      *slog.Logger
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

	trusted := g.trusted(r)
	open := r.URL.Path == "/live" || r.URL.Path == "/ready"
	switch {
	case trusted || open && read(r):
	case !g.loopback:
		unauthorized(w)
		return
	case !namesLoopback(r.Host):
		problem(w, http.StatusMisdirectedRequest, "this address is served on loopback only, and the request's Host "+
			"does not name it: use http://localhost or http://127.0.0.1 with the port, or send the admin token")
		return
	}
	handler, pattern := g.mux.Handler(r)
	switch {
	case pattern == "":
		g.unrouted(w, r, handler)
	case (!read(r) || r.URL.Path == auditPath) && !trusted:
		unauthorized(w)
	case !read(r):
		g.writes.ServeHTTP(w, r)
	default:
		g.mux.ServeHTTP(w, r)
	}
}

// trusted says that the request carries the admin token.
func (g *guard) trusted(r *http.Request) bool {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && g.token != nil && g.token.Check(strings.TrimSpace(token))
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
