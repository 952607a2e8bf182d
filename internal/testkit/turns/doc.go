// Package turns measures things against each other in one benchmark. They take turns,
// each long against the clock's resolution and short against what else a machine does,
// so that whatever disturbs one disturbs all; a ratio is the median of those of single
// rounds. It measures time by the clock and is for tests only.
package turns
