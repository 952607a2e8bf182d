package web

import (
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/view"
)

func runbookPages() []Page {
	return []Page{
		{
			Path: "/runbooks", Name: "Runbooks", Icon: "runbooks", Least: auth.Viewer, Template: "runbooks.html",
			Data: func(s *Server, _ *http.Request) (any, error) { return s.book, nil },
		},
		{
			Path: "/runbooks/{anchor}", Under: "/runbooks", Least: auth.Viewer, Template: "runbook.html", Every: liveEvery,
			Data:  func(s *Server, r *http.Request) (any, error) { return s.runbook(r.PathValue("anchor")) },
			Title: titled(func(p *runbookPage) string { return p.Title }),
		},
	}
}

// book is docs/OPERATIONS.md, which is carried along: who looks for what to do about an
// alert at night may have no way to the internet.
type book struct {
	// Intro is what it begins with. Lists are the chapters that have a part for each of many
	// things, as those about alerts have, the last first; Rest are all others.
	Intro       template.HTML
	Lists, Rest []*section
	chapters    []*section
	by          map[string]*section
}

const (
	// manyParts is from how many on parts are looked for by their names.
	manyParts = 5
	// partLevel is that of a part's heading; one above is a chapter's.
	partLevel = 3
)

// section is what stands under a heading.
type section struct {
	Title, Anchor string
	// Alert is the rule whose runbook it is; empty: it is of something else.
	Alert  string
	Text   template.HTML
	Parts  []*section
	blocks []ast.Node
}

// Path is where it is shown.
func (s *section) Path() string { return runbookPath(s.Anchor) }

func runbookPath(anchor string) string { return "/runbooks/" + anchor }

// openBook divides the document by its headings.
func openBook(source string) (*book, error) {
	b := &book{by: make(map[string]*section)}
	m := newMarkdown(source, func(anchor string) string {
		if b.by[anchor] == nil {
			return ""
		}
		return runbookPath(anchor)
	})
	intro := &section{}
	at := intro
	for _, n := range m.blocks() {
		h, ok := n.(*ast.Heading)
		switch {
		case !ok || h.Level > partLevel:
			at.blocks = append(at.blocks, n)
		case h.Level > 1:
			at = b.add(h.Level, string(h.Lines().Value(m.source)))
		}
	}
	for _, c := range b.chapters {
		if len(c.Parts) >= manyParts {
			b.Lists = append([]*section{c}, b.Lists...)
		} else {
			b.Rest = append(b.Rest, c)
		}
	}
	for _, s := range append(slices.Collect(maps.Values(b.by)), intro) {
		var err error
		if s.Text, err = m.html(s.blocks); err != nil {
			return nil, fmt.Errorf("runbooks: %s: %w", s.Title, err)
		}
		s.blocks = nil
	}
	b.Intro = intro.Text
	return b, nil
}

// add begins a section. The first of two that are called the same has the anchor.
func (b *book) add(level int, heading string) *section {
	s := &section{Title: strings.ReplaceAll(heading, "`", ""), Anchor: anchorOf(heading)}
	if name, ok := strings.CutPrefix(s.Anchor, strings.TrimPrefix(alert.Anchor(""), "#")); ok && strings.HasPrefix(heading, "Alert ") {
		s.Alert, s.Title = name, words(name)
	}
	if n := len(b.chapters); level == partLevel && n > 0 {
		b.chapters[n-1].Parts = append(b.chapters[n-1].Parts, s)
	} else {
		b.chapters = append(b.chapters, s)
	}
	if b.by[s.Anchor] == nil {
		b.by[s.Anchor] = s
	}
	return s
}

// runbookPage is a section, and what is so now of what it is about.
type runbookPage struct {
	*section

	// Now are the rule's alerts that are on.
	Now []view.Alert
}

func (s *Server) runbook(anchor string) (any, error) {
	found := s.book.by[anchor]
	if found == nil {
		return nil, &Error{http.StatusNotFound, "There is no such runbook", fmt.Sprintf("Nothing in the runbooks of this version is called %q.", anchor)}
	}
	p := &runbookPage{section: found}
	for _, a := range s.deps.Model.Alerts() {
		if found.Alert != "" && a.Name == found.Alert && a.State != "resolved" {
			p.Now = append(p.Now, a)
		}
	}
	return p, nil
}

// runbookLink is where a runbook is to be read: here, if it is one of ours. An operator's
// own may be anywhere. Empty: it is no address.
func (s *Server) runbookLink(runbook string) string {
	if anchor, ours := strings.CutPrefix(runbook, alert.Runbooks+"#"); ours && s.book.by[anchor] != nil {
		return runbookPath(anchor)
	}
	if strings.HasPrefix(runbook, "https://") || strings.HasPrefix(runbook, "http://") {
		return runbook
	}
	return ""
}
