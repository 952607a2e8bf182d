//go:build !linux

package app_test

// beChild does nothing: benchmarks that need another process are for Linux.
func beChild(string) {}
