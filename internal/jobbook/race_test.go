//go:build race

package jobbook_test

// raceDetector is set when sync.Pool forgets things on purpose.
const raceDetector = true
