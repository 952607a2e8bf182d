package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// unit is what is counted, by the time that an operation is done.
type unit string

const (
	allocations  unit = "allocations"
	allocated    unit = "bytes allocated"
	writes       unit = "writes to miners"
	instructions unit = "instructions but SHA-256"
	hashing      unit = "instructions of SHA-256"
)

// systemCalls are those that are counted by name, and all others.
func systemCalls() []string { return []string{"read", "write", "epoll_pwait", "futex", "others"} }

// calls are the unit of a system call.
func calls(name string) unit {
	if name == "others" {
		return "other system calls"
	}
	return unit(name + "(2)")
}

// row is a count of an operation.
type row struct {
	Name  string  `json:"name"`
	Unit  unit    `json:"unit"`
	Count float64 `json:"count"`
}

// tolerance is by how much a count of a unit may differ: a part of it, and so much more.
type tolerance struct {
	Unit unit    `json:"unit"`
	Part float64 `json:"part"`
	More float64 `json:"more"`
	Why  string  `json:"why"`
}

// baseline is the committed file.
type baseline struct {
	Go         string      `json:"go"`
	Arch       string      `json:"arch"`
	Tolerances []tolerance `json:"tolerances"`
	Rows       []row       `json:"rows"`
}

// verdict is what becomes of a row. The least is the best.
type verdict string

const (
	same     verdict = "ok"
	unjudged verdict = "not judged"
	skipped  verdict = "SKIPPED"
	less     verdict = "less: make counts-update"
	unknown  verdict = "NOT IN THE BASELINE: make counts-update"
	missing  verdict = "NOT COUNTED"
	grown    verdict = "GROWN"
)

// bad are verdicts that fail.
func (v verdict) bad() bool { return v == grown || v == unknown || v == missing }

// judged is a row beside its baseline.
type judged struct {
	row

	Base    float64
	Verdict verdict
}

// measured are rows, and what could not be counted here.
type measured struct {
	rows     []row
	goes     string // the Go version
	arch     string
	skipping map[unit]bool
}

// judge holds what was counted against the baseline, in the baseline's order.
func (b *baseline) judge(m measured) []judged {
	var all []judged
	found := make([]bool, len(m.rows))
	for _, base := range b.Rows {
		j := judged{row: row{Name: base.Name, Unit: base.Unit, Count: math.NaN()}, Base: base.Count, Verdict: missing}
		i := slices.IndexFunc(m.rows, func(r row) bool { return r.Name == base.Name && r.Unit == base.Unit })
		switch {
		case i >= 0:
			found[i] = true
			j.row = m.rows[i]
			j.Verdict = b.compare(j.row, base.Count, m)
		case m.skipping[base.Unit]:
			j.Verdict = skipped
		}
		all = append(all, j)
	}
	for i, r := range m.rows {
		if !found[i] {
			all = append(all, judged{row: r, Base: math.NaN(), Verdict: unknown})
		}
	}
	return all
}

func (b *baseline) compare(r row, base float64, m measured) verdict {
	i := slices.IndexFunc(b.Tolerances, func(t tolerance) bool { return t.Unit == r.Unit })
	if i < 0 {
		return unknown
	}
	if (r.Unit == instructions || r.Unit == hashing) && (b.Go != m.goes || b.Arch != m.arch) {
		return unjudged
	}
	bound := b.Tolerances[i].Part*base + b.Tolerances[i].More
	switch growth := r.Count - base; {
	case growth > bound:
		return grown
	case growth < -bound:
		return less
	default:
		return same
	}
}

// printTable writes the table and tells whether all is well.
func printTable(to io.Writer, all []judged) (well bool, err error) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, "each\tcounted\tnow\tbaseline\tgrowth\t"); err != nil {
		return false, err
	}
	well = true
	for _, j := range all {
		well = well && !j.Verdict.bad()
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", j.Name, j.Unit, figure(j.Count), figure(j.Base), growth(j), j.Verdict); err != nil {
			return false, err
		}
	}
	return well, w.Flush()
}

// figure is a count as it is read: large ones are whole.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func growth(j judged) string {
	if d := j.Count - j.Base; math.IsNaN(d) {
		return "-"
	} else if math.Abs(j.Base) < 1 {
		return fmt.Sprintf("%+.3f", d)
	}
	return fmt.Sprintf("%+.1f %%", 100*(j.Count-j.Base)/j.Base)
}
