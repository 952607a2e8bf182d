package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// parse reads templates that others are made with.
func (s *Server) parse(names ...string) (*template.Template, error) {
	t := template.New("").Funcs(s.funcs())
	for _, name := range names {
		text, err := templateFiles.ReadFile("templates/" + name)
		if err == nil {
			_, err = t.New(name).Parse(string(text))
		}
		if err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
	}
	return t, nil
}

// template is the shell with a page's own part.
func (s *Server) template(name string) (*template.Template, error) {
	t, err := s.shared.Clone()
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	text, err := templateFiles.ReadFile("templates/" + name)
	if err == nil {
		_, err = t.New(name).Parse(string(text))
	}
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return t, nil
}

// funcs is what templates may call.
func (s *Server) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": s.assets.address, "icon": icon, "words": words, "tone": tone, "empty": newEmpty,
		"rate": rate, "count": countAny, "sat": sat, "ms": ms, "part": partAny, "span": span, "difficulty": difficulty, "percent": percent,
		"bar": bar, "upTo": upTo, "ago": s.ago, "lasted": s.lasted, "clock": clock, "rateText": rateText, "satText": satText, "poolPath": poolPath, "workerPath": workerPath,
		"sum": func(a, b uint64) uint64 { return a + b }, "url": shortURL, "plural": plural, "some": some,
		"open": s.openAsset, "duration": duration, "json": asJSON, "until": s.until, "alert": s.shownAlert, "runbook": s.runbookLink, "said": said, "ofPayee": ofPayee, "more": func(n int) int { return n - 1 },
	}
}

// ago is how long ago a time was.
func (s *Server) ago(t any) (string, error) {
	switch t := t.(type) {
	case *time.Time:
		if t == nil {
			return "never", nil
		}
		return s.ago(*t)
	case time.Time:
		return span(s.deps.Now().Sub(t).Seconds()) + " ago", nil
	case *float64:
		if t == nil {
			return "never", nil
		}
		return span(*t) + " ago", nil
	}
	return "", fmt.Errorf("%T is no time", t)
}

// lasted is how long it has been since a time.
func (s *Server) lasted(t *time.Time) string {
	if t == nil {
		return "–"
	}
	return span(s.deps.Now().Sub(*t).Seconds())
}

// some is what a pointer points at; 0 where it points at nothing.
func some(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}

// until is how long it is to a time.
func (s *Server) until(t time.Time) string { return span(t.Sub(s.deps.Now()).Seconds()) }

// asJSON is a value for a script, in an attribute.
func asJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err //nolint:wrapcheck // it says it
}

// shortURL leaves out what most addresses begin with.
func shortURL(text string) string {
	return strings.TrimPrefix(strings.TrimPrefix(text, "stratum+tcp://"), "stratum+")
}

// nothing is what there is where there is nothing.
type nothing struct{ Icon, Title, Text string }

func newEmpty(icon, title, text string) nothing { return nothing{icon, title, text} }
