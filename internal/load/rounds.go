package load

import "slices"

// Median is the middle of what was measured, at least once.
func Median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Duel gathers rounds of what is measured and of the bare thing in turns. The ratio is
// taken within a round, so that what strikes both does not count.
type Duel struct{ Ours, Bare, Ratio []float64 }

// Round adds one.
func (d *Duel) Round(ours, bare float64) {
	d.Ours, d.Bare = append(d.Ours, ours), append(d.Bare, bare)
	d.Ratio = append(d.Ratio, ours/bare)
}

// besides are the descriptors of a process that measures itself: listeners, a pool and
// files, and what the listener keeps in reserve.
const besides = 400

// Most is how many miners a limit of open files allows where the server is in this
// process; a limit of 0 is not known and allows very many.
func Most(files uint64) int {
	const many = 1 << 30
	if files == 0 || files > many {
		return many
	}
	return max(0, int(files)-besides)
}
