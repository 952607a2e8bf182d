package main

import "math"

// row is a figure that is to be reached.
type row struct {
	Name      string
	Package   string
	Benchmark string
	Unit      string // that the benchmark reports
	// Scale is what the figure is multiplied by for the table; Inverse asks for one
	// divided by it, where the benchmark reports costs and the row is about a rate.
	Scale   float64
	Inverse bool
	Least   bool // the bound is the least that will do, and else the most
	Bound   float64
	In      string // the unit in the table
	From    string // where the bound comes from
}

// rows is the table of what is to be reached.
func rows() []row {
	const (
		json    = "the scanner of a prototype, against encoding/json for the same fields"
		haproxy = "haproxy in TCP mode, which looks at nothing, in the same run"
	)
	return []row{
		{Name: "take a simple request apart", Package: "test/bench", Benchmark: "Ratios/subscribe_split", Unit: "x_encoding/json", Inverse: true, Bound: 1.0 / 18, In: "× encoding/json", From: json},
		{Name: "decode a submit of 6 parameters, typed", Package: "test/bench", Benchmark: "Ratios/submit", Unit: "x_encoding/json", Inverse: true, Bound: 1.0 / 15, In: "× encoding/json", From: json},
		{Name: "take a notify of 12 branches apart", Package: "test/bench", Benchmark: "Ratios/notify_split", Unit: "x_encoding/json", Inverse: true, Bound: 1.0 / 17, In: "× encoding/json", From: json},
		{Name: "allocations of the simple request", Package: "test/bench", Benchmark: "Parsers/subscribe/sv1", Unit: "allocs/op", In: "allocations", From: "every line is decoded in place"},
		{Name: "allocations of the submit", Package: "test/bench", Benchmark: "Parsers/submit/sv1", Unit: "allocs/op", In: "allocations", From: "every line is decoded in place"},
		{Name: "allocations of the notify", Package: "test/bench", Benchmark: "Parsers/notify/sv1", Unit: "allocs/op", In: "allocations", From: "every line is decoded in place"},
		{Name: "submits taken apart by two cores", Package: "test/bench", Benchmark: "Parsing/parallel/submit_split", Unit: "msgs/s", Scale: 1e-6, Least: true, Bound: 2 * 9.8, In: "M a second", From: "twice the 9.8 M a second that an older proxy claims of itself"},
		{Name: "check of a share, 250 bytes of coinbase, 12 branches", Package: "work", Benchmark: "ShareCheck", Unit: "x_sha256", Bound: 1.05, In: "× 14 pairs of SHA-256", From: "the hashes that the check is made of, by crypto/sha256 in the same run"},
		{Name: "shares over TCP, checked and answered, 1,000 miners", Package: "internal/app", Benchmark: "SharedShares/closed/miners=1000", Unit: "x_bare", Inverse: true, Least: true, Bound: 0.65, In: "× rate per core of a bare echo", From: "a Go server that answers lines unseen, in the same run; the check alone is a third of its cost"},
		{Name: "the same, 18,000 miners", Package: "internal/app", Benchmark: "SharedShares/closed/miners=18000", Unit: "x_bare", Inverse: true, Least: true, Bound: 0.65, In: "× rate per core of a bare echo", From: "as above"},
		{Name: "growth of CPU per share from 1,000 to 18,000 miners", Package: "internal/app", Benchmark: "SharedShares/closed/miners=18000", Unit: "x_growth", Bound: 1.1, In: "× growth of a bare echo", From: "the kernel's and the caches' part, which the echo has too"},
		{Name: "dedicated, 1,000 miners paced: CPU per message", Package: "internal/app", Benchmark: "Dedicated/paced", Unit: "x_cpu", Bound: 1.05, In: "× haproxy", From: haproxy},
		{Name: "dedicated, 1,000 miners paced: p50", Package: "internal/app", Benchmark: "Dedicated/paced", Unit: "x_p50", Bound: 1.10, In: "× haproxy", From: haproxy},
		{Name: "dedicated, 1,000 miners paced: p99", Package: "internal/app", Benchmark: "Dedicated/paced", Unit: "x_p99", Bound: 1.3, In: "× haproxy", From: haproxy},
		{Name: "dedicated, bursts of 16 lines", Package: "internal/app", Benchmark: "Dedicated/burst", Unit: "x_burst", Least: true, Bound: 0.75, In: "× haproxy's rate", From: haproxy},
		{Name: "a block's way to 18,000 miners", Package: "internal/app", Benchmark: "SharedFanout/miners=18000", Unit: "x_written", Bound: 1.15, In: "× bare loop", From: "two threads of write(2) on the same sockets in the same run"},
		{Name: "heap and stacks of an idle miner", Package: "internal/app", Benchmark: "SharedIdle/miners=18000", Unit: "B/miner", Scale: 1e-3, Bound: 4, In: "kB", From: "a goroutine's least stack of 2 kB, itself, and as much for the session"},
		{Name: "the same by TLS 1.3", Package: "internal/app", Benchmark: "IdleTLSMiners/1.3", Unit: "KiB/tls", Scale: 1.024, Bound: 18, In: "kB", From: "what crypto/tls keeps of a connection, above that"},
		{Name: "counting an event, one goroutine", Package: "internal/metrics", Benchmark: "Metrics/event/goroutines=1", Unit: "ns/op", Bound: 2.5, In: "ns", From: "an atomic add to a line of the cache that is at hand is 2.1 ns"},
		{Name: "counting an event, two goroutines", Package: "internal/metrics", Benchmark: "Metrics/event/goroutines=2", Unit: "x_one", Bound: 1.05, In: "× one goroutine's time", From: "what cores do not share cannot slow them; a twentieth is the clock's"},
		{Name: "/metrics, 20,000 workers of 4 series", Package: "internal/metrics", Benchmark: "WorkerScrape/identity", Unit: "times-quicker", Inverse: true, Bound: 1.0 / 20, In: "× client_golang", From: "vectors of client_golang in the same run"},
	}
}

// Whether a row is reached.
const (
	passes      = "pass"
	fallsShort  = "falls short"
	notMeasured = "not measured"
)

// reached is a row and what was measured.
type reached struct {
	Name      string  `json:"name"`
	Benchmark string  `json:"benchmark"` // package, benchmark and metric it was read from
	In        string  `json:"unit"`
	Least     bool    `json:"at_least"`
	Bound     float64 `json:"bound"`
	From      string  `json:"bound_from"`
	Verdict   string  `json:"verdict"`
	Measured  *spread `json:"measured"` // null where it was not

	part bool // it is a part of what others take
}

// judge reads every row from the results; of several runs the median counts.
func judge(table []row, r *results) []reached {
	all := make([]reached, 0, len(table))
	for _, w := range table {
		from := id{w.Package, w.Benchmark, w.Unit}
		one := reached{Name: w.Name, Benchmark: from.String(), In: w.In, Least: w.Least, Bound: w.Bound, From: w.From, Verdict: notMeasured, part: w.Inverse && !w.Least}
		if values := w.values(r.values[from]); len(values) > 0 {
			s := spreadOf(values)
			one.Measured, one.Verdict = &s, fallsShort
			if w.Least && s.Median >= w.Bound || !w.Least && s.Median <= w.Bound {
				one.Verdict = passes
			}
		}
		all = append(all, one)
	}
	return all
}

// values are the figures as the table has them.
func (w *row) values(reported []float64) []float64 {
	out := make([]float64, 0, len(reported))
	for _, v := range reported {
		if w.Inverse {
			v = 1 / v
		}
		if w.Scale != 0 {
			v *= w.Scale
		}
		if finite(v) {
			out = append(out, v)
		}
	}
	return out
}

// used says how much of its bound a figure uses: up to one it passes.
func (r *reached) used(v float64) float64 {
	switch {
	case r.Least:
		return r.Bound / v
	case r.Bound == 0 && v == 0:
		return 1
	case r.Bound == 0:
		return math.Inf(1)
	}
	return v / r.Bound
}
