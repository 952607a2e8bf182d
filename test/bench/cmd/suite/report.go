package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// report is all that is said of a run, in text, JSON and HTML alike.
type report struct {
	Facts      facts       `json:"facts"`
	Rows       []reached   `json:"rows"`
	Figures    []figure    `json:"figures"`
	Comparison *comparison `json:"comparison"` // null where none was asked for
	Soaks      []soak      `json:"soaks"`
	Failed     []string    `json:"failed"`
	Skipped    []string    `json:"skipped"`
	Unknown    []string    `json:"unknown"` // units of which units.go does not say which way is better
}

// figure is one unit of one benchmark.
type figure struct {
	id
	spread

	Group  string `json:"group"`
	Better string `json:"better"` // lower, higher, or empty where neither is
	Ratio  bool   `json:"ratio"`
}

func newReport(r *results) *report {
	out := &report{Facts: r.facts, Rows: judge(rows(), r), Figures: make([]figure, 0, len(r.order))}
	for _, i := range r.order {
		top, _, _ := strings.Cut(i.Benchmark, "/")
		u := unitOf(i.Unit)
		if u.name == nil && !slices.Contains(out.Unknown, i.Unit) {
			out.Unknown = append(out.Unknown, i.Unit)
		}
		out.Figures = append(out.Figures, figure{i, spreadOf(r.values[i]), groupOf(i.Package, top), u.better.String(), u.ratio})
	}
	return out
}

// verdicts counts the rows.
func (r *report) verdicts() (pass, short, missing int) {
	for _, w := range r.Rows {
		switch w.Verdict {
		case passes:
			pass++
		case fallsShort:
			short++
		default:
			missing++
		}
	}
	return pass, short, missing
}

// code is the exit code.
func (r *report) code(strict bool) int {
	_, short, missing := r.verdicts()
	switch {
	case len(r.Failed) > 0:
		return 2
	case r.Comparison != nil && r.Comparison.count(worse)+r.Comparison.count(tooFew) > 0:
		return 1
	case strict && short+missing > 0:
		return 1
	}
	return 0
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText writes tables for a terminal.
func (r *report) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) }
	for _, f := range r.Facts.All() {
		line(f.Key, *f.Value)
	}
	line()
	line("ratios", "median", "lowest – highest", "runs", "benchmark")
	for _, f := range r.Figures {
		if f.Ratio {
			line(f.Unit, digits(f.Median), digits(f.Low)+" – "+digits(f.High), strconv.Itoa(len(f.Values)), f.Package+" "+f.Benchmark)
		}
	}
	line()
	line("to be reached", "measured", "lowest – highest", "bound", "")
	for _, row := range r.Rows {
		measured, within := "–", "–"
		if m := row.Measured; m != nil {
			measured, within = row.Text(m.Median), row.Text(m.Low)+" – "+row.Text(m.High)
		}
		line(row.Name, measured, within, row.BoundText(), row.Verdict)
	}
	if c := r.Comparison; c != nil {
		line()
		c.text(line)
	}
	line()
	for _, s := range r.Skipped {
		line("skipped: " + s)
	}
	for _, u := range r.Unknown {
		line("not judged, for nobody said which way is better: " + u)
	}
	for _, f := range r.Failed {
		line("FAILED: " + f)
	}
	pass, short, missing := r.verdicts()
	line(fmt.Sprintf("%d rows pass, %d fall short, %d were not measured", pass, short, missing))
	return t.Flush()
}

// text is the comparison's part: what changed, and what could not be judged.
func (c *comparison) text(line func(...string)) {
	line(fmt.Sprintf("since %s, commit %s of %s; by more than %s %% and more than chance (p ≤ %s)", c.Name, c.Baseline.Commit, c.Baseline.Date, strconv.FormatFloat(c.Threshold, 'g', -1, 64), strconv.FormatFloat(c.Alpha, 'g', -1, 64)))
	for _, d := range c.Differs {
		line("not the same machine: " + d)
	}
	line("verdict", "was", "is", "change", "p", "figure")
	for _, one := range c.Changes {
		if one.Verdict == worse || one.Verdict == better || one.Verdict == tooFew {
			line(one.Verdict, digits(one.Was.Median), digits(one.Is.Median), one.Change(), digits(one.P), one.String())
		}
	}
	line(c.Summary())
}

// Change is by how much, as text.
func (c change) Change() string {
	if c.Percent == nil {
		return "from 0"
	}
	return fmt.Sprintf("%+.1f %%", *c.Percent)
}

// BoundText is the bound as text.
func (r *reached) BoundText() string {
	sign := "≤ "
	if r.Least {
		sign = "≥ "
	}
	text := strconv.FormatFloat(r.Bound, 'g', -1, 64)
	if r.part {
		text = r.Text(r.Bound)
	}
	return sign + text + " " + r.In
}

// Text is a figure of the row as text: a small part as one of so many.
func (r *reached) Text(v float64) string {
	if r.part {
		return "1/" + strings.TrimSuffix(digits(1/v), ".0")
	}
	return digits(v)
}

// digits is a number with three digits that count.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case math.IsInf(v, 0) || math.IsNaN(v):
		return "–"
	case a < 1e-4 || a >= 1e9:
		return strconv.FormatFloat(v, 'e', 2, 64)
	case a >= 100:
		return grouped(strconv.FormatFloat(v, 'f', 0, 64))
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// grouped puts commas between thousands.
func grouped(whole string) string {
	sign, whole := whole[:len(whole)-len(strings.TrimPrefix(whole, "-"))], strings.TrimPrefix(whole, "-")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole
}
