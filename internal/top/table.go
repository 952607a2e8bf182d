package top

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// column is one of a table.
type column[T any] struct {
	title string
	// field is the API's name to sort by; empty: it cannot be sorted by this.
	field string
	// width is how wide it is at the least; the first one with wide gets what is left.
	width int
	wide  bool
	// right says that it is of figures.
	right bool
	// rank says which ones are left out first where there is no room: the highest.
	rank int
	cell func(*T) string
	// style is how a cell looks, by its row; nil is plain.
	style func(*T) style
}

// fit leaves out columns until they have room, but for the one that is sorted by, and
// widens one.
func fit[T any](all []column[T], sorted, width int) (shown, widths []int) {
	for i := range all {
		shown = append(shown, i)
	}
	need := func() (n int) {
		for _, i := range shown {
			n += all[i].width + 1
		}
		return n - 1
	}
	for need() > width && len(shown) > 1 {
		worst := 0
		for at, i := range shown {
			if i != sorted && all[i].rank >= all[shown[worst]].rank {
				worst = at
			}
		}
		shown = append(shown[:worst], shown[worst+1:]...)
	}
	rest := width - need()
	for _, i := range shown {
		w := all[i].width
		if all[i].wide {
			w, rest = w+max(rest, 0), 0
		}
		widths = append(widths, w)
	}
	return shown, widths
}

// pad fits a text into a width.
func pad(text string, width int, right bool) string {
	text = ansi.Truncate(text, width, "…")
	fill := strings.Repeat(" ", max(width-ansi.StringWidth(text), 0))
	if right {
		return fill + text
	}
	return text + fill
}

// place is where a table is drawn.
type place struct {
	position

	width, rows, total int
}

// draw is a table: its titles, and the rows that are on the screen.
func draw[T any](all []column[T], p place, at func(int) *T) []string {
	shown, widths := fit(all, p.column, p.width)
	var head strings.Builder
	for n, i := range shown {
		title := all[i].title
		if i == p.column {
			title += map[bool]string{true: "▼", false: "▲"}[p.down]
		}
		if n > 0 {
			head.WriteByte(' ')
		}
		head.WriteString(pad(title, widths[n], all[i].right))
	}
	lines := append(make([]string, 0, p.rows+1), headStyle.of(head.String()))
	for row := p.first; row < min(p.first+p.rows, p.total); row++ {
		one := at(row)
		if one == nil {
			lines = append(lines, faint.of("…"))
			continue
		}
		chosen := row == p.cursor
		var line strings.Builder
		for n, i := range shown {
			if n > 0 {
				line.WriteByte(' ')
			}
			text := pad(all[i].cell(one), widths[n], all[i].right)
			if all[i].style != nil && !chosen {
				text = all[i].style(one).of(text)
			}
			line.WriteString(text)
		}
		text := line.String()
		if chosen {
			text = chosenStyle.of(pad(text, p.width, false))
		}
		lines = append(lines, text)
	}
	return lines
}

// sortableOf are the columns that a table can be sorted by.
func sortableOf[T any](all []column[T]) (some []int) {
	for i := range all {
		if all[i].field != "" {
			some = append(some, i)
		}
	}
	return some
}

// fieldOf is what the API calls a column, with a minus for the largest first.
func fieldOf[T any](all []column[T], p *position) string {
	switch {
	case p.column < 0 || p.column >= len(all):
		return ""
	case p.down:
		return "-" + all[p.column].field
	}
	return all[p.column].field
}

// sorting is how the list of the tab is asked for.
func (m *model) sorting() string {
	p := &m.at[m.tab]
	switch m.tab {
	case workersTab:
		return fieldOf(m.workerColumns(), p)
	case poolsTab:
		return fieldOf(m.poolColumns(), p)
	case minersTab:
		return fieldOf(m.minerColumns(), p)
	case overviewTab, eventsTab, alertsTab, tabs:
	}
	return ""
}

// sortable are the columns of the tab that can be sorted by.
func (m *model) sortable() []int {
	switch m.tab {
	case workersTab:
		return sortableOf(m.workerColumns())
	case poolsTab:
		return sortableOf(m.poolColumns())
	case minersTab:
		return sortableOf(m.minerColumns())
	case overviewTab, eventsTab, alertsTab, tabs:
	}
	return nil
}
