package main

import (
	"fmt"
	"math"

	"golang.org/x/perf/benchmath"
)

// What became of a figure since the baseline.
const (
	worse    = "worse"    // by more than the threshold and more than chance
	better   = "better"   // likewise
	same     = "same"     // chance explains it, or it is less than the threshold
	tooFew   = "too few"  // runs to tell
	notAlike = "no judge" // of another machine, or not ours, or neither way is better
)

// change is one figure beside the baseline's.
type change struct {
	id

	Was     spread   `json:"was"`
	Is      spread   `json:"is"`
	Percent *float64 `json:"percent"` // of the medians; none where the old one is 0
	P       float64  `json:"p"`       // that chance alone gives such a difference
	Verdict string   `json:"verdict"`
}

// comparison is a run beside a baseline.
type comparison struct {
	Name      string   `json:"name"`
	Baseline  facts    `json:"baseline"`
	Threshold float64  `json:"threshold_percent"`
	Alpha     float64  `json:"alpha"`
	Differs   []string `json:"differs"` // between the machines
	Changes   []change `json:"changes"`
	Missing   []string `json:"missing"` // in this run, of what the baseline has
	New       []string `json:"new"`     // in this run
}

// compare judges every figure that is in both. Times of different processors are
// shown and not judged.
func compare(name string, was, is *results, threshold float64) *comparison {
	c := &comparison{Name: name, Baseline: was.facts, Threshold: threshold, Alpha: benchmath.DefaultThresholds.CompareAlpha}
	c.Differs = differs(was.facts, is.facts)
	foreign := was.facts.Machine != is.facts.Machine || was.facts.Cores != is.facts.Cores
	theirs := others()
	for _, i := range is.order {
		before, ok := was.values[i]
		if !ok {
			c.New = append(c.New, i.String())
			continue
		}
		u := unitOf(i.Unit)
		judged := u.better != neither && (u.portable || !foreign) && !theirs.MatchString(i.Benchmark)
		c.Changes = append(c.Changes, c.judge(i, before, is.values[i], judged))
	}
	for _, i := range was.order {
		if _, ok := is.values[i]; !ok {
			c.Missing = append(c.Missing, i.String())
		}
	}
	return c
}

func (c *comparison) judge(i id, before, now []float64, judged bool) change {
	one := change{id: i, Was: spreadOf(before), Is: spreadOf(now), Verdict: same}
	test := benchmath.AssumeNothing.Compare(sample(before), sample(now))
	one.P = test.P
	delta := one.Is.Median - one.Was.Median
	percent := math.Inf(1)
	if one.Was.Median != 0 {
		percent = delta / math.Abs(one.Was.Median) * 100
		one.Percent = &percent
	}
	u := unitOf(i.Unit)
	switch {
	case !judged:
		one.Verdict = notAlike
	case math.Abs(delta) <= u.least || math.Abs(percent) <= c.Threshold:
	case !enough(len(before), len(now)):
		one.Verdict = tooFew
	case test.P > test.Alpha:
	case (delta > 0) == (u.better == lower):
		one.Verdict = worse
	default:
		one.Verdict = better
	}
	return one
}

// enough asks the test whether so many runs could differ by more than chance at
// all, that is if each of the one lay below each of the other.
func enough(before, now int) bool {
	row := func(from, n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(from + i)
		}
		return v
	}
	test := benchmath.AssumeNothing.Compare(sample(row(0, before)), sample(row(before, now)))
	return test.P <= test.Alpha
}

// count is how many changes have a verdict.
func (c *comparison) count(verdict string) int {
	n := 0
	for _, one := range c.Changes {
		if one.Verdict == verdict {
			n++
		}
	}
	return n
}

// Summary says it in one line.
func (c *comparison) Summary() string {
	return fmt.Sprintf("%d worse, %d better, %d same, %d with too few runs to tell, %d not judged; %d in the baseline only, %d new",
		c.count(worse), c.count(better), c.count(same), c.count(tooFew), c.count(notAlike), len(c.Missing), len(c.New))
}

// Worse and Better are for the page.
func (c *comparison) Worse() int  { return c.count(worse) }
func (c *comparison) Better() int { return c.count(better) }
