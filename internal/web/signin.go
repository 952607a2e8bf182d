package web

import (
	"bytes"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/auth"
)

// signinPattern is where the files are that the form needs, which everybody may have.
const signinPattern = "GET /signin/{file}"

// SignIn is a form that asks for a token.
type SignIn struct {
	// Status is that of the answer.
	Status int
	// Next is the path to go on with.
	Next string
	// Wrong says what was wrong with the token that was entered; empty: none was.
	Wrong string
	// Over says that a session was shown which is over.
	Over bool
}

// SignIn draws a form that asks for a token. It tells who has none nothing of the farm.
func (s *Server) SignIn(w http.ResponseWriter, r *http.Request, form SignIn) {
	var page bytes.Buffer
	if err := s.signin.ExecuteTemplate(&page, "signin.html", form); err != nil {
		s.deps.Logger.ErrorContext(r.Context(), "a page could not be rendered", "path", r.URL.Path, "error", err)
		http.Error(w, "a fault of loka itself; the log has the details", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(form.Status)
	_, _ = w.Write(page.Bytes()) // who asked may have gone
}

// signinAsset serves the files of the form and no other.
func (s *Server) signinAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if !slices.Contains([]string{"style.css", "control.css", "icon.svg", "theme.js", "signin.js"}, name) {
		http.NotFound(w, r)
		return
	}
	r = r.Clone(r.Context())
	r.URL.Path = strings.Replace(r.URL.Path, "/signin/", "/web/", 1)
	s.assets.ServeHTTP(w, r)
}

// openAsset is where a file is for who has not signed in.
func (s *Server) openAsset(name string) (string, error) {
	address, err := s.assets.address(name)
	return strings.Replace(address, "/web/", "/signin/", 1), err
}

// may says whether who looks may do what a role may.
func (f *frame) May(role string) (bool, error) {
	least, ok := auth.ParseRole(role)
	if !ok {
		return false, &Error{Status: http.StatusInternalServerError, Title: "There is no such role", Text: role}
	}
	return f.Who.Role >= least, nil
}

// SignedIn says that who looks has shown a token.
func (f *frame) SignedIn() bool { return f.Who.Role != auth.Nobody }

// parseSignin reads the form, which is a page without the shell.
func (s *Server) parseSignin() (*template.Template, error) {
	t, err := s.shared.Clone()
	if err != nil {
		return nil, err //nolint:wrapcheck // it says it
	}
	text, err := templateFiles.ReadFile("templates/signin.html")
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	return t.New("signin.html").Parse(string(text)) //nolint:wrapcheck // it says where
}
