package web

import (
	"embed"
	"fmt"
	"html/template"
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
		"rate": rate, "count": countAny, "sat": sat, "ms": ms, "part": partAny, "span": span, "difficulty": difficulty,
	}
}

// nothing is what there is where there is nothing.
type nothing struct{ Icon, Title, Text string }

func newEmpty(icon, title, text string) nothing { return nothing{icon, title, text} }
