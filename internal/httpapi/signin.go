package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/auth"
)

// maxSignIn bounds the body of who signs in: a token and where they come from.
const maxSignIn = 8 << 10

// SignInAct and SignOutAct are what the record calls a browser that came and went.
const (
	SignInAct  = "POST " + signInPath
	SignOutAct = "POST " + signOutPath
)

const signInPath, signOutPath = "/signin", "/signout"

// SignInForm is a form that asks for a token.
type SignInForm struct {
	// Status is that of the answer.
	Status int
	// Next is the path to go on with, which is of this server.
	Next string
	// Wrong says what was wrong with the token that was entered; empty: none was.
	Wrong string
	// Over says that a session was shown which is over.
	Over bool
}

// Session is the body of GET /api/v1/session.
type Session struct {
	SignedIn bool   `json:"signed_in" doc:"A token was shown, or the session of a browser; false: asked on loopback without one, where viewers' reads are open"`
	Name     string `json:"name" doc:"The token's; admin: the admin token of data_dir; empty: none"`
	Role     string `json:"role" enum:"nobody,viewer,operator,admin" doc:"What it lets do"`
}

// whoAsks registers what says who somebody is here.
func whoAsks(api huma.API) {
	huma.Register(api, get("/api/v1/session", "session", "Who asks, and what they may do"), func(ctx context.Context, _ *struct{}) (*body[Session], error) {
		who := auth.IdentityOf(ctx)
		return &body[Session]{Session{who.Role != auth.Nobody, who.Name, who.Role.String()}}, nil
	})
}

// signer lets browsers in and out.
type signer struct {
	*sessions

	deps   Deps
	refuse *refuser
}

// signing registers what lets browsers in and out. Whoever may do nothing yet asks for it.
func signing(mux *http.ServeMux, s *signer) {
	mux.HandleFunc("GET "+signInPath, s.ask)
	mux.HandleFunc(SignInAct, s.in)
	mux.HandleFunc(SignOutAct, s.out)
}

func (s *signer) ask(w http.ResponseWriter, r *http.Request) {
	s.deps.SignIn(w, r, SignInForm{Status: http.StatusOK, Next: local(r.URL.Query().Get("next"))})
}

// in begins a session for who shows a token. Who guesses is slowed down as those are
// who do it by header, and counted with them.
func (s *signer) in(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSignIn)
	if err := r.ParseForm(); err != nil {
		problem(w, http.StatusBadRequest, "this is not the form that the page sends: token and next, as application/x-www-form-urlencoded of at most 8 KiB")
		return
	}
	now, token := s.deps.Now(), strings.TrimSpace(r.PostForm.Get("token"))
	form := SignInForm{Status: http.StatusUnauthorized, Next: local(r.PostForm.Get("next")), Wrong: "Enter a token."}
	if token == "" {
		s.deps.SignIn(w, r, form)
		return
	}
	who, err := s.deps.Token.Check(token, now)
	if err != nil {
		s.refused(w, r, form, refusedToken{who, err})
		return
	}
	s.end(r) // the browser has one session, and by a new id
	s.set(w, r, s.begin(sha256.Sum256([]byte(token)), now))
	actedAs(r.Context(), who)
	s.deps.Logger.InfoContext(r.Context(), "signed in to the page", "who", who.String(), "remote", r.RemoteAddr)
	seeOther(w, form.Next)
}

// refusedToken is one that lets nobody in, and why.
type refusedToken struct {
	who auth.Identity
	err error
}

func (s *signer) refused(w http.ResponseWriter, r *http.Request, form SignInForm, token refusedToken) {
	if errors.Is(token.err, auth.ErrExpired) {
		s.refuse.note(r, token.who, ExpiredToken)
		form.Wrong = fmt.Sprintf("The token %s has expired. An admin makes another with loka token add.", token.who.Name)
		s.deps.SignIn(w, r, form)
		return
	}
	if wait := s.refuse.wrong.wrong(r.RemoteAddr, s.deps.Now()); wait > 0 {
		s.refuse.note(r, token.who, Throttled)
		seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
		w.Header().Set("Retry-After", seconds)
		form.Status, form.Wrong = http.StatusTooManyRequests, "Too many wrong tokens came from this address. Try again in "+seconds+" s."
		s.deps.SignIn(w, r, form)
		return
	}
	s.refuse.note(r, token.who, WrongToken)
	form.Wrong = "This token is not known here, or is no more."
	s.deps.SignIn(w, r, form)
}

// out ends the session. Whoever has none is where they want to be.
func (s *signer) out(w http.ResponseWriter, r *http.Request) {
	if identityOf(r.Context()).Role == auth.Nobody {
		nothingDone(r.Context())
	}
	s.end(r)
	s.set(w, r, "")
	seeOther(w, signInPath)
}

func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// local is a path to go on with, if it is one of this server; else that of the page.
// What browsers take for another host begins with two slashes, of either kind.
func local(next string) string {
	const home = "/"
	if !strings.HasPrefix(next, "/") || len(next) > 1 && (next[1] == '/' || next[1] == '\\') || len(next) > 1024 {
		return home
	}
	if strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return home
	}
	if path, _, _ := strings.Cut(next, "?"); path == signInPath || path == signOutPath {
		return home
	}
	return next
}

// visits says that a browser asks for a document to show, and not a script or a
// program for an answer.
func visits(r *http.Request) bool {
	if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/api/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return false
	}
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || dest == "document"
}

// sameOrigin says that nothing shows a request to be another page's.
func sameOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin" || site == "none"
}

// byTLS says that a browser has its connection encrypted, if not with us then with a
// proxy before us: it says by itself where its page is from.
func byTLS(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://")
}
