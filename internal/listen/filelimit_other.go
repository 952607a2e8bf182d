//go:build !linux && !darwin

package listen

// RaiseFileLimit does nothing here; 0 is not known.
func RaiseFileLimit() (soft uint64, err error) { return 0, nil }
