package profile

import (
	"math"
	"sync/atomic"
)

const (
	// Schema is that of a native histogram of the same buckets: there are 2^Schema
	// for each doubling.
	Schema = 5
	// LeastExp and MostExp are the powers of two, in seconds, between which times
	// are told apart: 60 ns and 512 s. What is less is in the first bucket, what is
	// more in the last.
	LeastExp, MostExp = -24, 9

	perDoubling = 1 << Schema
	// Buckets is how many there are. Bucket i ends at, and includes, [Bound] of i;
	// it begins where the one before ends.
	Buckets = (MostExp-LeastExp)*perDoubling + 1
)

const (
	mantissaBits = 52
	exponentBias = 1023
	// guessBits of a mantissa say almost which bucket of its doubling it is in.
	guessBits = 6
)

// ends are the mantissas at which the buckets of a doubling end, the last of which is
// where the next doubling begins. starts are the buckets with which a search begins,
// by the first bits of a mantissa.
//
//nolint:gochecknoglobals // tables
var (
	ends   = endsOf()
	starts = startsOf(ends)
)

func endsOf() (all [perDoubling]uint64) {
	for i := range all {
		_, all[i] = split(math.Exp2(float64(i) / perDoubling))
	}
	return all
}

func startsOf(ends [perDoubling]uint64) (all [1 << guessBits]uint8) {
	at := 0
	for i := range all {
		for at < len(ends) && ends[at] < uint64(i)<<(mantissaBits-guessBits) {
			at++
		}
		all[i] = uint8(at)
	}
	return all
}

// split is a positive number as 2^exp times 1 and the mantissa.
//
//gcassert:inline
func split(v float64) (exp int, mantissa uint64) {
	bits := math.Float64bits(v)
	return int(bits>>mantissaBits) - exponentBias, bits & (1<<mantissaBits - 1)
}

// bucketOf is where a time in seconds is counted.
func bucketOf(v float64) int {
	if !(v > 0) {
		return 0
	}
	exp, mantissa := split(v)
	switch {
	case exp < LeastExp:
		return 0
	case exp >= MostExp:
		return Buckets - 1
	}
	in := int(starts[mantissa>>(mantissaBits-guessBits)])
	for in < perDoubling && ends[in] < mantissa {
		in++
	}
	return (exp-LeastExp)*perDoubling + in
}

// Bound is where bucket i ends, in seconds.
func Bound(i int) float64 { return math.Exp2(float64(i)/perDoubling + LeastExp) }

// Histogram counts times. The zero value is empty and ready; it must not be copied.
// Any number of goroutines may use it.
type Histogram struct {
	counts [Buckets]atomic.Uint64
	// nanos is the sum, most the bits of the largest, which are in the order of the
	// numbers.
	nanos, most atomic.Uint64
}

// Observe counts a time in seconds. What is negative counts as 0, for a clock may
// step; what is no number is left out.
func (h *Histogram) Observe(v float64) {
	if math.IsNaN(v) {
		return
	}
	v = min(max(v, 0), math.MaxInt32)
	bits := math.Float64bits(v)
	for was := h.most.Load(); bits > was && !h.most.CompareAndSwap(was, bits); was = h.most.Load() {
	}
	h.nanos.Add(uint64(v * 1e9))
	// It is counted last, and a snapshot reads that first: none counts what is longer than
	// the longest, or not in the sum.
	h.counts[bucketOf(v)].Add(1)
}

// Snapshot is what was counted until now. While others go on, its sum and its longest may
// be those of a few more than are counted, never of fewer.
func (h *Histogram) Snapshot() *Snapshot {
	s := new(Snapshot)
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
		s.Count += s.Counts[i]
	}
	s.Sum = float64(h.nanos.Load()) / 1e9
	s.Max = math.Float64frombits(h.most.Load())
	return s
}

// Snapshot is what a [Histogram] had counted at one time.
type Snapshot struct {
	// Counts are those of the buckets, and Count is their sum.
	Counts [Buckets]uint64
	Count  uint64
	// Sum and Max are in seconds.
	Sum, Max float64
}

// Quantile is the time, in seconds, within which the part q of all was, from 0 to 1;
// 0 where there is none.
func (s *Snapshot) Quantile(q float64) float64 {
	if s.Count == 0 {
		return 0
	}
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(s.Count)))
	rank = min(max(rank, 1), s.Count)
	var seen uint64
	for i, n := range s.Counts {
		if seen += n; seen >= rank {
			if i == Buckets-1 {
				break
			}
			return min(Bound(i), s.Max)
		}
	}
	return s.Max
}

// Mean is the mean in seconds; 0 where there is none. The sum may be that of a few more
// than are counted, but no mean is longer than the longest.
func (s *Snapshot) Mean() float64 {
	if s.Count == 0 {
		return 0
	}
	return min(s.Sum/float64(s.Count), s.Max)
}
