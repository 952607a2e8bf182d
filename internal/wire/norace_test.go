//go:build !race

package wire

// raceDetector is set when sync.Pool forgets things on purpose.
const raceDetector = false
