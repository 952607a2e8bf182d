package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// problem writes an RFC 9457 document in the shape that all errors have.
func problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// spellOut puts what is wrong with a request into the detail of its problem,
// for those who read no further.
func spellOut(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok || len(p.Errors) == 0 {
		return v, nil
	}
	wrong := make([]string, 0, len(p.Errors))
	for _, e := range p.Errors {
		where, what, _ := strings.Cut(e.Location, ".")
		switch {
		case where == "path" || where == "query":
			wrong = append(wrong, what+": "+e.Message)
		case e.Location != "":
			wrong = append(wrong, e.Location+": "+e.Message)
		default:
			wrong = append(wrong, e.Message)
		}
	}
	p.Detail = strings.Join(wrong, "; ")
	return p, nil
}

// asProblems turns the errors of a handler that is not ours into problems.
func asProblems(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&problemWriter{ResponseWriter: w}, r)
	})
}

// problemWriter replaces an error's body by a problem.
type problemWriter struct {
	http.ResponseWriter

	replaced bool
}

// WriteHeader implements [http.ResponseWriter].
func (p *problemWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest || p.replaced {
		p.ResponseWriter.WriteHeader(status)
		return
	}
	p.replaced = true
	p.Header().Del("Content-Length")
	problem(p.ResponseWriter, status, "the request was for something that is not there, or cannot be answered now")
}

// Write implements [http.ResponseWriter].
func (p *problemWriter) Write(b []byte) (int, error) {
	if p.replaced {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] see what is behind.
func (p *problemWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
