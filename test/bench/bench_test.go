package bench

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/turns"
)

// task is one line and the function of a parser that decodes it.
type task struct {
	name string
	line []byte
	of   func(parser) func([]byte) error
}

func tasks() []task {
	return []task{
		{"subscribe", []byte(subscribeLine), func(p parser) func([]byte) error { return p.subscribe }},
		{"submit", []byte(submitLine), func(p parser) func([]byte) error { return p.submit }},
		{"submit5", []byte(submit5Line), func(p parser) func([]byte) error { return p.submit }},
		{"odd_submit", []byte(oddSubmitLine), func(p parser) func([]byte) error { return p.submit }},
		{"notify", []byte(notifyLine), func(p parser) func([]byte) error { return p.notify }},
		{"subscribe_split", []byte(subscribeLine), func(p parser) func([]byte) error { return p.split }},
		{"submit_split", []byte(submitLine), func(p parser) func([]byte) error { return p.split }},
		{"notify_split", []byte(notifyLine), func(p parser) func([]byte) error { return p.split }},
	}
}

// TestParsersAgree keeps the comparison honest: every parser takes the lines.
func TestParsersAgree(t *testing.T) {
	for _, p := range parsers() {
		for _, job := range tasks() {
			if err := job.of(p)(job.line); err != nil {
				t.Errorf("%s, %s: %v", p.name, job.name, err)
			}
			if err := job.of(p)(job.line[:len(job.line)-2]); err == nil {
				t.Errorf("%s, %s: a cut line was taken", p.name, job.name)
			}
		}
	}
}

// TestNoAllocations holds sv1 to its promise.
func TestNoAllocations(t *testing.T) {
	p := sv1Parser()
	for _, job := range tasks() {
		run := job.of(p)
		if n := testing.AllocsPerRun(100, func() { _ = run(job.line) }); n != 0 {
			t.Errorf("%s: %v allocations", job.name, n)
		}
	}
}

// BenchmarkParsers is every parser on every line.
func BenchmarkParsers(b *testing.B) {
	for _, job := range tasks() {
		for _, p := range parsers() {
			b.Run(job.name+"/"+p.name, func(b *testing.B) {
				run := job.of(p)
				b.SetBytes(int64(len(job.line)))
				b.ReportAllocs()
				for b.Loop() {
					if err := run(job.line); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// turn is how many lines a parser decodes before the next one's turn: long
// against the clock's resolution, short against what else the machine does.
const turn = 500

// BenchmarkRatios runs the parsers in turns. It reports sv1's ns per line and
// how many times longer the others take, medians of all rounds. What ends in _split
// is only taken apart: the parameters stay as they are.
func BenchmarkRatios(b *testing.B) {
	for _, job := range tasks() {
		b.Run(job.name, func(b *testing.B) {
			all := parsers()
			took := make([][]float64, len(all))
			for b.Loop() {
				for i, p := range all {
					ns, err := once(job.of(p), job.line)
					if err != nil {
						b.Fatal(err)
					}
					took[i] = append(took[i], ns)
				}
			}
			b.ReportMetric(0, "ns/op") // a round is no operation
			b.ReportMetric(turns.Median(took[0]), "ns/line")
			for i, p := range all[1:] {
				ratios := make([]float64, len(took[0]))
				for round := range ratios {
					ratios[round] = took[i+1][round] / took[0][round]
				}
				b.ReportMetric(turns.Median(ratios), "x_"+p.name)
			}
		})
	}
}

// once is one parser's turn, in ns per line.
func once(run func([]byte) error, line []byte) (float64, error) {
	start := time.Now()
	for range turn {
		if err := run(line); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Nanoseconds()) / turn, nil
}
