package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// strip is a figure as a line of dots, one a run, on an axis that all rows of a
// table share: drawn small beside the numbers.
type strip struct {
	Title     string
	BadFrom   float64 // the part of the axis that is not wanted
	Bad       float64 // how wide that is
	Mark      float64 // what is compared with
	Low, High float64
	Median    float64
	Dots      []float64
	Class     string // how it ended
}

// Of all strips, in pixels: the axis has a margin for the dots at its ends.
const (
	stripWidth  = 260
	stripMargin = 6
)

// axis maps values to pixels; what is beyond an end is drawn there.
type axis struct {
	from, to float64
	log      bool
}

func (a axis) x(v float64) float64 {
	from, to := a.from, a.to
	if a.log {
		from, to, v = math.Log(from), math.Log(to), math.Log(v)
	}
	part := (v - from) / (to - from)
	if math.IsNaN(part) {
		part = 1
	}
	return math.Round(10*(stripMargin+min(max(part, 0), 1)*(stripWidth-2*stripMargin))) / 10
}

// tick is a labelled place on an axis.
type tick struct {
	X      float64
	Anchor string // which end of the label is there
	Label  string
}

func (a axis) ticks(label func(float64) string, at ...float64) []tick {
	all := make([]tick, 0, len(at))
	for i, v := range at {
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case len(at) - 1:
			anchor = "end"
		}
		all = append(all, tick{a.x(v), anchor, label(v)})
	}
	return all
}

// The three axes: how much of its bound a row uses, how many times something else
// a figure is, and by what part of a hundred a figure got worse. And one of runs
// about their median.
func boundAxis() axis  { return axis{1.0 / 4, 4, true} }
func ratioAxis() axis  { return axis{1.0 / 64, 64, true} }
func changeAxis() axis { return axis{-50, 50, false} }
func runsAxis() axis   { return axis{-30, 30, false} }

func (a axis) strip(values []float64, median, mark float64) *strip {
	s := &strip{Mark: a.x(mark), Median: a.x(median)}
	for _, v := range values {
		s.Dots = append(s.Dots, a.x(v))
	}
	s.Low, s.High = slices.Min(s.Dots), slices.Max(s.Dots)
	s.BadFrom = stripWidth
	return s
}

// Strip is a row's: to the right of the mark its bound is broken.
func (r *reached) Strip() *strip {
	if r.Measured == nil || r.Bound == 0 {
		return nil
	}
	used := make([]float64, len(r.Measured.Values))
	for i, v := range r.Measured.Values {
		used[i] = r.used(v)
	}
	s := boundAxis().strip(used, r.used(r.Measured.Median), 1)
	s.BadFrom, s.Bad = s.Mark, stripWidth-s.Mark
	s.Class = class(r.Verdict)
	s.Title = digits(100*r.used(r.Measured.Median)) + " % of the bound"
	return s
}

// Strip is a figure's: its runs about their median, or a ratio as it is.
func (f *figure) Strip() *strip {
	if f.Ratio {
		s := ratioAxis().strip(f.Values, f.Median, 1)
		s.Title = digits(f.Low) + " – " + digits(f.High)
		return s
	}
	if f.Median == 0 {
		return nil
	}
	about := make([]float64, len(f.Values))
	for i, v := range f.Values {
		about[i] = (v/f.Median - 1) * 100
	}
	s := runsAxis().strip(about, 0, 0)
	s.Title = digits(f.Low) + " – " + digits(f.High)
	return s
}

// Strip is a change's: to the right it is for the worse.
func (c change) Strip(threshold float64) *strip {
	if c.Percent == nil {
		return nil
	}
	sign := 1.0
	if unitOf(c.Unit).better == higher {
		sign = -1
	}
	about := make([]float64, len(c.Is.Values))
	for i, v := range c.Is.Values {
		about[i] = sign * (v - c.Was.Median) / math.Abs(c.Was.Median) * 100
	}
	s := changeAxis().strip(about, sign**c.Percent, 0)
	s.BadFrom = changeAxis().x(threshold)
	s.Bad = stripWidth - s.BadFrom
	s.Class = class(c.Verdict)
	s.Title = c.Change()
	return s
}

// class is a verdict as the name of a style.
func class(verdict string) string { return strings.ReplaceAll(verdict, " ", "-") }

// curve is a series over time as a line.
type curve struct {
	Name         string
	Path         string // of an SVG path
	First, Last  string
	Lowest, Most string
	From, To     string // seconds
}

// Of a curve, in pixels.
const (
	curveWidth  = 420
	curveHeight = 120
)

// Curve draws a series from its lowest value to its highest, or from zero where
// that is not far. What hardly moves is not drawn as if it did: the axis is at
// least a twentieth of the value long.
func (s *series) Curve() curve {
	low, high := slices.Min(s.V), slices.Max(s.V)
	if low > 0 && low < high/2 {
		low = 0
	}
	if more := math.Abs(high)/20 - (high - low); more > 0 {
		low, high = low-more/2, high+more/2
	}
	begin, end := s.T[0], s.T[len(s.T)-1]
	scale := func(v, from, to, size float64) float64 {
		if to == from {
			return size / 2
		}
		return (v - from) / (to - from) * size
	}
	var path strings.Builder
	for i, v := range s.V {
		command := "L"
		if i == 0 {
			command = "M"
		}
		_, _ = fmt.Fprintf(&path, "%s%.1f %.1f", command, scale(s.T[i], begin, end, curveWidth), curveHeight-scale(v, low, high, curveHeight))
	}
	return curve{
		Name: s.Name, Path: path.String(), First: digits(s.V[0]), Last: digits(s.V[len(s.V)-1]),
		Lowest: digits(low), Most: digits(high), From: digits(begin), To: digits(end),
	}
}
