package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchproc"
)

// module is cut from the packages' names.
const module = "github.com/loka/stratum/"

// id names one figure: a benchmark without the number of processors at its end,
// and its unit as the benchmark reported it.
type id struct{ Package, Benchmark, Unit string }

func (i id) String() string { return i.Package + " " + i.Benchmark + " " + i.Unit }

// results are the figures of a run, or of a file of one.
type results struct {
	facts  facts
	lines  []*benchfmt.Result
	order  []id // as they came
	values map[id][]float64
	odd    []string // lines that are no result
}

// readFile reads results in Go's benchmark format.
func readFile(name string) (*results, error) {
	f, err := os.Open(name) //nolint:gosec // named by who runs this
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return read(f, name)
}

func read(from io.Reader, name string) (*results, error) {
	r := &results{values: make(map[id][]float64)}
	lines := benchfmt.NewReader(from, name)
	for lines.Scan() {
		switch line := lines.Result().(type) {
		case *benchfmt.Result:
			r.lines = append(r.lines, line.Clone())
		case *benchfmt.SyntaxError: // of a benchmark that failed or was skipped, only its name is there
			r.odd = append(r.odd, line.Error())
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(r.lines) > 0 {
		r.facts = factsOf(r.lines[0])
	}
	return r, r.sort()
}

// sort puts the values of the lines under their names.
func (r *results) sort() error {
	var parser benchproc.ProjectionParser
	name, err := parser.Parse("pkg,.fullname", nil)
	if err != nil {
		return err
	}
	// Named apart, so that the full name is without it.
	if _, err := parser.Parse("/gomaxprocs", nil); err != nil {
		return err
	}
	fields := name.Fields()
	for _, line := range r.lines {
		key := name.Project(line)
		// A benchmark whose loop has no meaning takes back its time by the loop; what
		// else testing counts by it has none either.
		_, timed := line.Value("sec/op")
		for _, v := range line.Values {
			u, value := asReported(v)
			if !timed && byLoop(u) || !finite(value) {
				continue
			}
			i := id{strings.TrimPrefix(key.Get(fields[0]), module), key.Get(fields[1]), u}
			if _, known := r.values[i]; !known {
				r.order = append(r.order, i)
			}
			r.values[i] = append(r.values[i], value)
		}
	}
	return nil
}

// finite is false for what a division by nothing gave: nothing was measured.
func finite(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }

// asReported undoes the tidying of units, for people know the ones they wrote.
func asReported(v benchfmt.Value) (unit string, value float64) {
	if v.OrigUnit != "" {
		return v.OrigUnit, v.OrigValue
	}
	return v.Unit, v.Value
}

// write puts results down so that they can be read back, by benchstat too.
func (r *results) write(to io.Writer) error {
	w := benchfmt.NewWriter(to)
	for _, line := range r.lines {
		kept := line.Clone()
		kept.Config = slices.DeleteFunc(kept.Config, func(c benchfmt.Config) bool {
			return !slices.Contains([]string{"goos", "goarch", "pkg"}, c.Key)
		})
		for _, f := range r.facts.All() {
			kept.Config = append(kept.Config, benchfmt.Config{Key: f.Key, Value: []byte(*f.Value), File: true})
		}
		if err := w.Write(kept); err != nil {
			return err
		}
	}
	return nil
}

// spread is what several runs of one figure come to.
type spread struct {
	Values []float64 `json:"values"` // as they were measured
	Median float64   `json:"median"`
	Low    float64   `json:"low"`
	High   float64   `json:"high"`
}

func spreadOf(values []float64) spread {
	s := spread{Values: slices.Clone(values), Low: slices.Min(values), High: slices.Max(values)}
	s.Median = benchmath.AssumeNothing.Summary(sample(values), confidence).Center
	return s
}

// sample copies, for the library sorts what it is given.
func sample(values []float64) *benchmath.Sample {
	limits := benchmath.DefaultThresholds
	return benchmath.NewSample(slices.Clone(values), &limits)
}

// confidence is of the intervals of medians, as benchstat's.
const confidence = 0.95

// differs says what differs between two machines that figures in seconds and
// bytes a second depend on.
func differs(a, b facts) []string {
	var what []string
	for _, c := range []struct{ name, was, is string }{
		{"cpu", a.Machine, b.Machine},
		{"cores", a.Cores, b.Cores},
		{"go", a.Go, b.Go},
		{"kernel", a.Kernel, b.Kernel},
	} {
		if c.was != c.is {
			what = append(what, fmt.Sprintf("%s was %s, is %s", c.name, c.was, c.is))
		}
	}
	return what
}
