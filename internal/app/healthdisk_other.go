//go:build !linux && !darwin

package app

import "errors"

// freeSpace is not known on this system.
func freeSpace(string) (space, error) { return space{}, errors.ErrUnsupported }
