//go:build race

package steer_test

// racing says that the race detector is on. Nothing here knows of goroutines: what is
// long has a sample with it, and make test has the whole of it without.
const racing = true
