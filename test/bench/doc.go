// Package bench compares sv1 with general JSON parsers. It is a module of its
// own so that those parsers are no dependency of Loka Stratum.
//
//	go test -bench . -run '^$'
//
// Every parser does the same work on the same lines: the id, the method and
// the typed fields that a proxy needs, hex decoded. BenchmarkRatios runs them
// in turns within one benchmark and reports the medians of the turns, so that
// a noisy machine disturbs all alike; BenchmarkParsers is the ordinary form,
// with allocations.
package bench
