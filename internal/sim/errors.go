package sim

import "errors"

// Errors of this package.
var (
	// ErrAudit means that a pool and its miners do not agree on the shares.
	ErrAudit = errors.New("pool and miners disagree")
	// ErrConfig means that a configuration cannot be used.
	ErrConfig = errors.New("sim configuration")
	// ErrNode means that a node did not do what was asked of it.
	ErrNode = errors.New("node")
)
