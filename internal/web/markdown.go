package web

import (
	"bytes"
	"html/template"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// prose is a text of ours or of others for reading: what stands between two backticks is
// code, as in a terminal; all else is text.
func prose(said string) template.HTML {
	var b strings.Builder
	parts := strings.Split(said, "`")
	for i, part := range parts {
		switch escaped := template.HTMLEscapeString(part); {
		case i%2 == 0:
			b.WriteString(escaped)
		case i == len(parts)-1: // it is never closed
			b.WriteString("`" + escaped)
		default:
			b.WriteString("<code>" + escaped + "</code>")
		}
	}
	return template.HTML(b.String()) //nolint:gosec // it is escaped
}

// notAnchor is what an anchor does not have of its heading.
var notAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// anchorOf is what a heading is linked to by, as GitHub has it.
func anchorOf(heading string) string {
	return strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// markdown reads a document of this repository, and makes pages of its parts. Markup in it
// is text or left out, and no link leads away from here.
type markdown struct {
	goldmark.Markdown

	source []byte
	// link is where an anchor is shown; empty: nowhere.
	link func(anchor string) string
}

func newMarkdown(source string, link func(anchor string) string) *markdown {
	m := &markdown{source: []byte(source), link: link}
	m.Markdown = goldmark.New(
		goldmark.WithParser(parser.NewParser(
			parser.WithBlockParsers(parser.DefaultBlockParsers()...),
			parser.WithInlineParsers(util.Prioritized(parser.NewCodeSpanParser(), 100), util.Prioritized(parser.NewLinkParser(), 200), util.Prioritized(parser.NewEmphasisParser(), 500)),
			parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
		)),
		goldmark.WithExtensions(extension.Table),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(m, 100))),
	)
	return m
}

// blocks are those of the document, in its order.
func (m *markdown) blocks() (all []ast.Node) {
	doc := m.Parser().Parse(text.NewReader(m.source))
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		all = append(all, n)
	}
	return all
}

// html is what some of its blocks look like.
func (m *markdown) html(blocks []ast.Node) (template.HTML, error) {
	part := ast.NewDocument()
	for _, one := range blocks {
		part.AppendChild(part, one)
	}
	var found []ast.Node
	_ = ast.Walk(part, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			found = append(found, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range found {
		m.ours(n)
	}
	var b bytes.Buffer
	err := m.Renderer().Render(&b, m.source, part)
	return template.HTML(b.String()), err //nolint:gosec // of our own document, and without markup of its own
}

// ours makes of what was read what is shown here: a link leads to another page, or is text.
func (m *markdown) ours(n ast.Node) {
	switch n := n.(type) {
	case *ast.Link:
		file, anchor, _ := strings.Cut(string(n.Destination), "#")
		if to := m.link(anchor); to != "" && (file == "" || file == "OPERATIONS.md") {
			n.Destination = []byte(to)
		} else {
			unwrap(n)
		}
	case *ast.Image:
		unwrap(n)
	case *tables.TableCell:
		if n.Parent().Kind() == tables.KindTableHeader {
			n.SetAttributeString("scope", []byte("col"))
		}
	}
}

// unwrap leaves what is in a node in its place.
func unwrap(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		n.Parent().InsertBefore(n.Parent(), n, c)
	}
	n.Parent().RemoveChild(n.Parent(), n)
}

// RegisterFuncs implements [renderer.NodeRenderer]: code can be scrolled without a pointer,
// and a table within its own box.
func (m *markdown) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	code := around(`<pre tabindex="0"><code>`, "</code></pre>\n")
	reg.Register(ast.KindCodeBlock, code)
	reg.Register(ast.KindFencedCodeBlock, code)
	reg.Register(tables.KindTable, around(`<div class="table"><table>`, "</table></div>\n"))
}

// around draws a node between two pieces of markup; the lines of code are text.
func around(before, after string) renderer.NodeRendererFunc {
	return func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			_, err := w.WriteString(after)
			return ast.WalkContinue, err
		}
		_, err := w.WriteString(before)
		if err == nil && n.Kind() != tables.KindTable {
			_, err = w.Write(util.EscapeHTML(n.Lines().Value(source)))
		}
		return ast.WalkContinue, err
	}
}
