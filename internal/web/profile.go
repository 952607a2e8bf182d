package web

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/loka/stratum/internal/view"
)

// profilePage is how long each step takes.
type profilePage struct {
	Walks []walk
	Known bool
	// Windows are the times that it can be of, and From is how many seconds ago that
	// began which is shown.
	Windows []choice
	From    float64
}

// windows are those of the API. The ten minutes come first: what was slow at the start says
// nothing of now.
//
//nolint:gochecknoglobals // a table
var windows = []struct {
	key, name string
	length    time.Duration
}{{"10m", "10 min", 10 * time.Minute}, {"1m", "1 min", time.Minute}, {"start", "Since the start", 0}}

// walk is the way of a share or a job.
type walk struct {
	Name, Title, Says string
	Steps             []stepRow
	// Ticks are the times that the scale names.
	Ticks []tick
}

// tick is a time on a scale, and where that is, from 0 to 100.
type tick struct {
	Name string
	At   float64
}

// stepRow is a step with its picture.
type stepRow struct {
	view.Step

	Line template.HTML
}

func (s *Server) profile(r *http.Request) *profilePage {
	q := queryOf(r, "window")
	p := &profilePage{Known: s.deps.Profile != nil}
	if !p.Known {
		return p
	}
	at := 0
	for i, one := range windows {
		if q.Get("window") == one.key {
			at = i
		}
	}
	for i, one := range windows {
		p.Windows = append(p.Windows, choice{one.key, one.name, q.with("window", either(i == 0, "", one.key)), i == at})
	}
	steps, from := s.deps.Profile(windows[at].length)
	p.From = s.deps.Now().Sub(from).Seconds()
	p.Walks = []walk{
		{Name: "share", Title: "A share’s walk", Says: "from the miner’s line to its answer, and on to the pool"},
		{Name: "job", Title: "A job’s walk", Says: "from the pool’s line to the last miner"},
	}
	for i := range p.Walks {
		w := &p.Walks[i]
		for exp := -7; exp <= 1; exp++ {
			w.Ticks = append(w.Ticks, tick{shortTime(math.Pow10(exp)), onScale(math.Pow10(exp))})
		}
		timed := false
		for _, step := range steps {
			if step.Walk == w.Name {
				w.Steps = append(w.Steps, stepRow{step, percentiles(&step)})
				timed = timed || step.Count > 0
			}
		}
		if !timed {
			w.Steps = nil
		}
	}
	return p
}

// onScale is where a time is between 100 ns and 10 s, from 0 to 100 by its logarithm.
func onScale(seconds float64) float64 {
	return min(max((math.Log10(max(seconds, 1e-9))+7)/8*100, 0), 100)
}

// shortTime is a time in its own unit.
func shortTime(seconds float64) string {
	switch {
	case !(seconds > 0):
		return "–"
	case seconds < 999.5e-9:
		return three(seconds*1e9) + " ns"
	case seconds < 999.5e-6:
		return three(seconds*1e6) + " µs"
	case seconds < 0.9995:
		return three(seconds*1e3) + " ms"
	}
	return three(seconds) + " s"
}

// duration is that with its unit drawn quietly.
func duration(seconds float64) template.HTML {
	number, unit, _ := strings.Cut(shortTime(seconds), " ")
	return figure(number, unit)
}

// percentiles is a bar from the median to 99.9 of 100, with marks at 90 and 99.
func percentiles(s *view.Step) template.HTML {
	if s.Count == 0 {
		return ""
	}
	from, to := onScale(s.P50), onScale(s.P999)
	text := fmt.Sprintf("half within %s, 99 of 100 within %s", shortTime(s.P50), shortTime(s.P99))
	return template.HTML(fmt.Sprintf(`<svg class="scale" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="%s">`+ //nolint:gosec // numbers
		`<rect class="track" x="0" y="4" width="100" height="2"/><rect class="span" x="%.2f" y="3" width="%.2f" height="4"/><rect class="core" x="%.2f" y="2" width="%.2f" height="6"/>`+
		`<rect class="mark" x="%.2f" y="1" width=".5" height="8"/></svg>`, template.HTMLEscapeString(text), from, max(to-from, 0.5), from, max(onScale(s.P90)-from, 0.5), onScale(s.P99)))
}
