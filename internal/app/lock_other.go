//go:build !unix

package app

import "os"

// lockDir has no lock to take here.
func lockDir(string) (*os.File, error) { return nil, nil } //nolint:nilnil // nothing to hold
