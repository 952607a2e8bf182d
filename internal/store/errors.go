package store

import (
	"errors"
	"fmt"
)

// Errors that a store's users tell apart.
var (
	// ErrGap is a chunk that does not follow what was taken before.
	ErrGap = errors.New("frames are missing before it")
	// ErrPartly is a chunk that is given where a part of another one was taken.
	ErrPartly = errors.New("a part of another chunk was taken, which has to come first")
	// ErrOther is an earning that was entered before and said another thing.
	ErrOther = errors.New("it was entered before and said another thing")
)

// NewerSchemaError is a database that a later version of this program has
// migrated: this one does not touch it.
type NewerSchemaError struct {
	// Database names it, without a password.
	Database string
	// Has is the version of its schema, Knows the last that this program knows.
	Has, Knows int64
}

// Error names both versions and what to do.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("%s has schema version %d, this loka knows %d: start the newer loka, or take the schema back with its `loka database migrate --to %d`",
		e.Database, e.Has, e.Knows, e.Knows)
}
