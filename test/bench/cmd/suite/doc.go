// Command suite runs the benchmarks of the whole tree and says what came of it:
// the rows that are to be reached, each with its bound and whether it is, the
// ratios, and what changed since a baseline.
//
//	suite -root ../.. -count 3 [-bench REGEXP] [-group micro,e2e] [-save NAME] [-compare NAME]
//
// It compiles the test binary of each package that has a benchmark to run, and
// runs all of them once a round, so that the runs of one benchmark are far apart
// in time and what else the machine does strikes all alike. What they print is
// Go's benchmark format, kept as it is: benchstat reads a baseline of this
// program.
//
// It knows no benchmark but by name: what a figure means is in three tables,
// rows.go (what is to be reached), groups.go (what belongs together) and units.go
// (which way is better). A row whose benchmark did not run is not measured, which
// is no pass.
//
// The exit code is 1 where a figure got worse than a baseline's by more than the
// threshold and by more than chance explains, or could not be judged for too few
// runs; 2 where something did not run; 0 otherwise, whatever rows fall short,
// unless -strict asks that all be reached.
package main
