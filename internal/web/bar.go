package web

import (
	"fmt"
	"html/template"
)

// bar is a part of 1 as a bar, with a mark where it should end; a mark below 0 is none.
func bar(part, mark float64, tone, label string) template.HTML {
	part = max(0, min(part, 1))
	text := fmt.Sprintf(`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="%s">`+
		`<rect class="track" width="100" height="8" rx="1"/><rect class="fill %s" width="%.2f" height="8" rx="1"/>`,
		template.HTMLEscapeString(label), template.HTMLEscapeString(tone), 100*part)
	if mark >= 0 {
		x := 100 * min(mark, 1)
		text += fmt.Sprintf(`<line class="mark" x1="%.2f" x2="%.2f" y1="-3" y2="11"/>`, x, x)
	}
	return template.HTML(text + `</svg>`) //nolint:gosec // what is of others is escaped
}

// upTo never fails: one of what is bounded by all.
func upTo(some, all float64) float64 {
	if all <= 0 {
		return 0
	}
	return some / all
}
