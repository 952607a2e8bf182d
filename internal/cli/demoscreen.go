package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// clearScreen moves to the top left and clears the screen.
const clearScreen = "\x1b[H\x1b[2J"

const (
	// demoColumns is the widest that a line of figures gets.
	demoColumns = 79
	// demoName is the widest that a worker's name gets.
	demoName = 20
)

// demoMoment is what a screen shows.
type demoMoment struct {
	// note says what becomes of the figures.
	note    string
	summary view.Summary
	workers []view.Worker
}

// screenSize is how much of a terminal a screen of figures may take.
type screenSize struct{ columns, lines int }

// sizeOf asks a terminal for its size: 24 lines of 80 columns if it will not
// say. The last column and line stay free, so that nothing wraps or scrolls.
func sizeOf(w io.Writer) screenSize {
	columns, lines := 80, 24
	if f, ok := w.(*os.File); ok {
		if c, l, err := term.GetSize(int(f.Fd())); err == nil && c > 0 && l > 0 {
			columns, lines = c, l
		}
	}
	return screenSize{columns: min(columns-1, demoColumns), lines: lines - 1}
}

// demoFigures is one screen of figures: the addresses first, then as many
// workers as there is room for.
func demoFigures(addrs app.Addrs, m demoMoment, size screenSize, now time.Time) string {
	s, workers := m.summary, m.workers
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("page\thttp://%s/", addrs.HTTP)
	row("miners connect to\t%s", addrs.Miners[0])
	_ = t.Flush()
	row("")
	row("up\t%s; Ctrl-C ends it; %s", figures.Seconds(s.UptimeSeconds), m.note)
	row("miners\t%d on %d pool connections", s.Miners, s.PoolConnections)
	row("hashrate\t%s over the last minute", figures.Hashrate(s.Hashrate.Minute))
	row("shares\t%d accepted, %d rejected by our word", s.Shares.Accepted, s.Shares.Rejected)
	row("\t%d accepted, %d rejected by the pool's", s.Shares.PoolAccepted, s.Shares.PoolRejected)
	_ = t.Flush()
	row("")
	row("WORKER\tDIFFICULTY\tACCEPTED\tREJECTED\tHASHRATE 1m\tLAST SHARE")
	const above = 10 // lines, up to here
	shown := len(workers)
	if room := size.lines - above; shown > room {
		shown = max(room-1, 0)
	}
	for _, w := range workers[:shown] {
		last := "none yet"
		if w.LastShareAt != nil {
			last = figures.Seconds(now.Sub(*w.LastShareAt).Seconds()) + " ago"
		}
		row("%s\t%.6g\t%d\t%d\t%s\t%s", cut(visible(w.Name), demoName), w.Difficulty, w.Accepted, w.Rejected,
			figures.Hashrate(w.Hashrate.Minute), last)
	}
	_ = t.Flush()
	if more := len(workers) - shown; more > 0 {
		fmt.Fprintf(&b, "… and %d more\n", more)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = cut(strings.TrimRight(line, " "), size.columns)
	}
	return strings.Join(lines, "\n") + "\n"
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:max(most-1, 0)]) + "…"
}
