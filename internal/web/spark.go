package web

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/loka/stratum/internal/ledger"
)

const sparkWidth, sparkHeight = 120, 24

// spark is a small picture of a hashrate: its own highest is the top, nothing the bottom.
func spark(t *ledger.Trend, i int) template.HTML {
	const head = `<svg class="spark" viewBox="0 0 120 24" preserveAspectRatio="none" role="img" aria-label="%s">`
	var b strings.Builder
	rates := t.Rates[i]
	top := 0.0
	for _, r := range rates {
		top = max(top, r)
	}
	if len(rates) == 0 || top == 0 {
		fmt.Fprintf(&b, head, "no shares")
		b.WriteString(`<line class="none" x1="0" y1="23" x2="120" y2="23"/></svg>`)
		return template.HTML(b.String()) //nolint:gosec // nothing of others is in it
	}
	fmt.Fprintf(&b, head, "up to "+rateText(top)+", last "+rateText(rates[len(rates)-1]))
	line := sparkLine(t, rates, top)
	fmt.Fprintf(&b, `<polygon points="%s %d,%d 0,%d"/><polyline points="%s"/></svg>`, line, sparkWidth, sparkHeight, sparkHeight, line)
	return template.HTML(b.String()) //nolint:gosec // numbers are in it
}

// sparkLine are the points: each step at its end, and the first at its beginning, too.
func sparkLine(t *ledger.Trend, rates []float64, top float64) string {
	var b strings.Builder
	whole := t.Ends[len(t.Ends)-1].Sub(t.From).Seconds()
	at := func(x, rate float64) {
		fmt.Fprintf(&b, "%.1f,%.1f ", x, 1+(sparkHeight-2)*(1-rate/top))
	}
	at(0, rates[0])
	for i, end := range t.Ends {
		at(sparkWidth*end.Sub(t.From).Seconds()/whole, rates[i])
	}
	return strings.TrimSpace(b.String())
}
