// Package recorder keeps what this process did in its last seconds, by the flight
// recorder of the Go runtime, and what it wrote when it crashed, in files of a folder:
// for whoever asks later why shares were late, or what it died of.
//
// It does not know what is worth a dump; who calls [Recorder.Dump] does.
//
// Invariants: dumps are written whole or not at all, one at a time, readable by their
// owner only; their number and their size together are bounded, the oldest go first. What
// asks for dumps by itself gets one a minute. A process has one flight recorder at most,
// which is a bound of the runtime.
package recorder
