package web

import (
	"html/template"
	"regexp"
	"strings"
)

// prose is a text of ours or of others for reading: what stands between two backticks is
// code, as in a terminal; all else is text.
func prose(text string) template.HTML {
	var b strings.Builder
	parts := strings.Split(text, "`")
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

// markdown makes pages of documents of this repository. It knows what these have: sections,
// paragraphs, lists, tables, code, emphasis and links. What is of other documents is text,
// for no link leads away from here.
type markdown struct {
	// link is where an anchor is shown; empty: nowhere.
	link func(anchor string) string
}

var (
	linked     = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`)
	strong     = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	emphasized = regexp.MustCompile(`(^|[\s(])\*([^*\s][^*]*)\*`)
	numbered   = regexp.MustCompile(`^\d+\. `)
	// notAnchor is what an anchor does not have of its heading.
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchorOf is what a heading is linked to by.
func anchorOf(heading string) string {
	return strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// inline is a line's text. Code is set aside meanwhile: nothing in it means anything.
func (m *markdown) inline(text string) string {
	const aside = "\x00"
	var codes []string
	parts := strings.Split(text, "`")
	for i, part := range parts {
		parts[i] = template.HTMLEscapeString(part)
		if i%2 == 1 && i < len(parts)-1 {
			codes = append(codes, "<code>"+strings.ReplaceAll(parts[i], `\|`, "|")+"</code>")
			parts[i] = aside
		}
	}
	text = strong.ReplaceAllString(strings.Join(parts, ""), "<strong>$1</strong>")
	text = emphasized.ReplaceAllString(text, "$1<em>$2</em>")
	text = linked.ReplaceAllStringFunc(text, func(found string) string {
		part := linked.FindStringSubmatch(found)
		file, anchor, _ := strings.Cut(part[2], "#")
		if file == "" || file == "OPERATIONS.md" {
			if to := m.link(anchor); to != "" {
				return `<a href="` + template.HTMLEscapeString(to) + `">` + part[1] + `</a>`
			}
		}
		return part[1]
	})
	for _, one := range codes {
		text = strings.Replace(text, aside, one, 1)
	}
	return text
}

// html is a part of a document, without headings.
func (m *markdown) html(text string) template.HTML {
	var b strings.Builder
	lines := strings.Split(text, "\n")
	for at := 0; at < len(lines); {
		n := m.block(&b, lines[at:])
		at += n
	}
	return template.HTML(b.String()) //nolint:gosec // of our own document, and escaped
}

// block writes what begins with the first of some lines, and says how many it has.
func (m *markdown) block(b *strings.Builder, lines []string) int {
	first := lines[0]
	switch {
	case strings.TrimSpace(first) == "" || strings.HasPrefix(first, "<!--"):
		return 1
	case strings.HasPrefix(first, "```"):
		n := run(lines[1:], func(line string) bool { return !strings.HasPrefix(line, "```") })
		code(b, lines[1:1+n])
		return min(n+2, len(lines))
	case strings.HasPrefix(first, "    "):
		n := run(lines, func(line string) bool { return strings.HasPrefix(line, "    ") })
		code(b, lines[:n])
		return n
	case strings.HasPrefix(first, "|"):
		n := run(lines, func(line string) bool { return strings.HasPrefix(line, "|") })
		m.table(b, lines[:n])
		return n
	case item(first) != "":
		n := run(lines, func(line string) bool { return item(line) != "" || strings.HasPrefix(line, "  ") })
		m.list(b, lines[:n])
		return n
	}
	n := run(lines, func(line string) bool {
		return strings.TrimSpace(line) != "" && item(line) == "" && !strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "```")
	})
	b.WriteString("<p>" + m.inline(strings.Join(lines[:n], " ")) + "</p>\n")
	return n
}

// run counts the lines from the first on that are like that.
func run(lines []string, is func(string) bool) int {
	for i, line := range lines {
		if !is(line) {
			return i
		}
	}
	return len(lines)
}

func code(b *strings.Builder, lines []string) {
	b.WriteString(`<pre tabindex="0"><code>`)
	for _, line := range lines {
		b.WriteString(template.HTMLEscapeString(strings.TrimPrefix(line, "    ")) + "\n")
	}
	b.WriteString("</code></pre>\n")
}

// item is what an item of a list begins with; empty: it is none.
func item(line string) string {
	if strings.HasPrefix(line, "- ") {
		return "- "
	}
	return numbered.FindString(line)
}

func (m *markdown) list(b *strings.Builder, lines []string) {
	tag := either(item(lines[0]) == "- ", "ul", "ol")
	b.WriteString("<" + tag + ">")
	for at := 0; at < len(lines); {
		n := 1 + run(lines[at+1:], func(line string) bool { return item(line) == "" })
		parts := append(make([]string, 0, n), strings.TrimPrefix(lines[at], item(lines[at])))
		for _, more := range lines[at+1 : at+n] {
			parts = append(parts, strings.TrimSpace(more))
		}
		b.WriteString("<li>" + m.inline(strings.Join(parts, " ")) + "</li>\n")
		at += n
	}
	b.WriteString("</" + tag + ">\n")
}

// table has its heads in the first line, and what divides them from the rest in the second.
func (m *markdown) table(b *strings.Builder, lines []string) {
	b.WriteString(`<div class="table"><table>`)
	for i, line := range lines {
		if i == 1 {
			continue
		}
		cell, row := "td", cells(line)
		if i == 0 {
			cell = `th scope="col"`
			b.WriteString("<thead>")
		}
		b.WriteString("<tr>")
		for _, text := range row {
			b.WriteString("<" + cell + ">" + m.inline(text) + "</" + cell[:2] + ">")
		}
		b.WriteString("</tr>\n")
		if i == 0 {
			b.WriteString("</thead><tbody>")
		}
	}
	b.WriteString("</tbody></table></div>\n")
}

// cells are those of a row; \| is a bar in one of them.
func cells(line string) []string {
	const bar = "\x00"
	line = strings.Trim(strings.ReplaceAll(strings.TrimSpace(line), `\|`, bar), "|")
	all := strings.Split(line, "|")
	for i := range all {
		all[i] = strings.TrimSpace(strings.ReplaceAll(all[i], bar, "|"))
	}
	return all
}
