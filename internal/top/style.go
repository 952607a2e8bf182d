package top

import (
	"image/color"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// style is how a text looks. Colours are the terminal's own, so that they suit a light
// and a dark one; what they say is always in words, too.
type style int

// The styles.
const (
	plain style = iota
	strong
	faint
	good
	warn
	bad
	headStyle
	chosenStyle
	tabStyle
)

// of is a text that looks so.
func (s style) of(text string) string {
	on := lipgloss.NewStyle()
	paint := func(c color.Color) lipgloss.Style { return on.Foreground(c) }
	switch s {
	case plain:
		return text
	case strong:
		on = on.Bold(true)
	case faint:
		on = on.Faint(true)
	case good:
		on = paint(lipgloss.Green)
	case warn:
		on = paint(lipgloss.Yellow)
	case bad:
		on = paint(lipgloss.Red).Bold(true)
	case headStyle:
		on = on.Faint(true).Underline(true)
	case chosenStyle, tabStyle:
		on = on.Reverse(true)
	}
	return on.Render(text)
}

// stateStyle is that of a pool's state.
func stateStyle(state string) style {
	switch state {
	case view.PoolActive, view.PoolStandby:
		return good
	case view.PoolDown:
		return bad
	case view.PoolDegraded, view.PoolConnecting:
		return warn
	}
	return faint
}

// stateMark is a pool's state as a sign, which says the same without colours.
func stateMark(state string) string {
	switch state {
	case view.PoolActive:
		return "●"
	case view.PoolStandby:
		return "○"
	case view.PoolDegraded:
		return "!"
	case view.PoolDown:
		return "✕"
	case view.PoolConnecting:
		return "…"
	}
	return "–"
}

// severityStyle is that of how bad something is.
func severityStyle(severity string) style {
	switch severity {
	case "critical":
		return bad
	case "warning":
		return warn
	}
	return plain
}

// brief is a time span.
func brief(d time.Duration) string { return figures.Brief(d) }

// age is how long ago something was, in seconds; nil: never.
func age(seconds *float64) string {
	if seconds == nil {
		return "–"
	}
	return brief(time.Duration(*seconds * float64(time.Second)))
}

// ago is that in a sentence.
func ago(seconds *float64) string {
	if seconds == nil {
		return "never"
	}
	return age(seconds) + " ago"
}

// shown is text of others.
func shown(text string) string { return figures.Visible(text) }

// refusedPart is the part that was refused, in percent; none where there is nothing yet.
func refusedPart(accepted, refused uint64) string {
	if accepted+refused == 0 {
		return "–"
	}
	return figures.Percent(float64(refused) / float64(accepted+refused))
}

// refusedStyle is that of it.
func refusedStyle(accepted, refused uint64) style {
	switch part := float64(refused) / float64(max(accepted+refused, 1)); {
	case part > 0.05:
		return bad
	case part > 0.02:
		return warn
	}
	return plain
}

// bars draws figures as bars of a line, the largest one full; 0 is a gap.
func bars(values []float64, width int) string {
	if len(values) == 0 || width <= 0 {
		return ""
	}
	const steps = "▁▂▃▄▅▆▇█"
	marks := []rune(steps)
	top := 0.
	cells := make([]float64, min(width, len(values)))
	for i := range cells {
		from, to := i*len(values)/len(cells), (i+1)*len(values)/len(cells)
		for _, v := range values[from:to] {
			cells[i] += v / float64(to-from)
		}
		top = max(top, cells[i])
	}
	var b strings.Builder
	for _, v := range cells {
		switch {
		case top <= 0 || v <= 0:
			b.WriteByte(' ')
		default:
			b.WriteRune(marks[min(int(v/top*float64(len(marks)-1)+0.5), len(marks)-1)])
		}
	}
	return b.String()
}
