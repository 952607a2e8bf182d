package main

import (
	"cmp"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
)

//go:embed report.html.tmpl
var pageSource string

// writeHTML writes the report as one page that asks nobody for anything.
func (r *report) writeHTML(w io.Writer) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"digits": digits,
		"class":  class,
		"list":   func(of ...any) []any { return of },
	}).Parse(pageSource)
	if err != nil {
		return err
	}
	return page.Execute(w, newPage(r))
}

// page is what the template shows.
type page struct {
	*report

	Pass, Short, Missing    int
	Ratios                  []figure
	Groups                  []groupOfFigures
	Judged, Quiet           []change // what changed; what did not
	BoundTicks, RatioTicks  []tick
	ChangeTicks, RunTicks   []tick
	StripWidth              int
	CurveWidth, CurveHeight int
}

// groupOfFigures is a table of its own.
type groupOfFigures struct {
	group

	Figures []figure
}

func newPage(r *report) *page {
	p := &page{
		report: r, StripWidth: stripWidth, CurveWidth: curveWidth, CurveHeight: curveHeight,
		BoundTicks:  boundAxis().ticks(times, 0.25, 0.5, 1, 2, 4),
		RatioTicks:  ratioAxis().ticks(times, 1.0/64, 1.0/8, 1, 8, 64),
		ChangeTicks: changeAxis().ticks(signed, -50, 0, 50),
		RunTicks:    runsAxis().ticks(signed, -30, 0, 30),
	}
	p.Pass, p.Short, p.Missing = r.verdicts()
	for _, g := range groups() {
		of := groupOfFigures{group: g}
		for _, f := range r.Figures {
			switch {
			case f.Group != g.Name:
			case f.Ratio:
				p.Ratios = append(p.Ratios, f)
			default:
				of.Figures = append(of.Figures, f)
			}
		}
		if len(of.Figures) > 0 {
			p.Groups = append(p.Groups, of)
		}
	}
	if c := r.Comparison; c != nil {
		for _, one := range c.Changes {
			if one.Verdict == same || one.Verdict == notAlike {
				p.Quiet = append(p.Quiet, one)
			} else {
				p.Judged = append(p.Judged, one)
			}
		}
		slices.SortStableFunc(p.Judged, func(a, b change) int {
			return cmp.Or(cmp.Compare(rank(a.Verdict), rank(b.Verdict)), -cmp.Compare(size(a), size(b)))
		})
	}
	return p
}

// rank puts what is worse first.
func rank(verdict string) int { return slices.Index([]string{worse, tooFew, better}, verdict) }

func size(c change) float64 {
	if c.Percent == nil {
		return math.Inf(1)
	}
	return math.Abs(*c.Percent)
}

func times(v float64) string {
	if v < 1 {
		return fmt.Sprintf("1/%g", 1/v)
	}
	return fmt.Sprintf("%g", v)
}

func signed(v float64) string {
	if v > 0 {
		return fmt.Sprintf("+%g %%", v)
	}
	return fmt.Sprintf("%g %%", v)
}
